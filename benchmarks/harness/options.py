"""The options that all benchmarks share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.records import Record, default_directory, write_record

FAILED = 2


@dataclass(frozen=True, slots=True)
class Options:
    """What a benchmark is asked for."""

    quick: bool
    repeats: int | None
    """None: the benchmark's own number."""
    output: Path


def read_options(description: str | None, arguments: list[str] | None = None) -> Options:
    """Options from a command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="short runs, for trying it out")
    parser.add_argument("--repeats", type=int, help="rounds instead of the usual number")
    parser.add_argument(
        "--output",
        type=Path,
        help="directory for the result file (benchmarks/results; build/benchmarks when quick)",
    )
    options = parser.parse_args(arguments)
    if options.repeats is not None and options.repeats < 1:
        parser.error("--repeats must be 1 or more")
    output = options.output or default_directory(options.quick)
    return Options(options.quick, options.repeats, output)


def run_benchmark(description: str | None, measure: Callable[[Options], Record]) -> int:
    """Measure, write the record, say where; the exit status."""
    options = read_options(description)
    try:
        path = write_record(measure(options), options.output)
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return FAILED
    print(f"written: {path}")
    return 0


def say(text: str) -> None:
    """Progress, at once."""
    print(text, file=sys.stderr, flush=True)
