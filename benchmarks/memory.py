"""Growth of the engine's memory over ten minutes at 10,000 TPS: ``python -m benchmarks.memory``."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.comparators import Load, SquallEngine
from benchmarks.comparators.squall import read_engine_report
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import (
    BenchmarkError,
    Child,
    require_two_cores,
    stay_with_the_server,
)
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.servers.nginx import Nginx, nginx_version

RATE_TPS = 10_000
CONNECTIONS = 64
SAMPLE_EVERY_S = 5.0
START_DEADLINE_S = 60.0
MB = 1_000_000

METHOD = (
    f"squall's engine with one worker sends {RATE_TPS:,} TPS to nginx. The worker and its parent, "
    f"which keeps the ledger, are looked at every {SAMPLE_EVERY_S:g} s.",
    "RSS is resident memory; USS is what the process has to itself.",
    "Growth is the median of minute 10 minus the median of minute 1 (of the last and first tenth "
    "in a quick run), worker and parent together.",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes at a time, seconds from the start of the load. The parent keeps the ledger."""

    at_s: float
    worker_rss: int
    worker_uss: int
    parent_rss: int
    parent_uss: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of two stretches of a run, bytes."""

    first: int
    last: int

    @property
    def megabytes(self) -> float:
        """Growth in MB (10⁶ bytes); negative when memory shrank."""
        return (self.last - self.first) / MB


def growth(samples: Sequence[tuple[float, int]], duration_s: float) -> Growth:
    """Growth between the medians of the first and the last tenth of a run.

    Args:
        samples: (seconds from the start, bytes).
        duration_s: length of the run; samples after it are left out.
    """
    tenth_s = duration_s / 10
    first = [size for at_s, size in samples if at_s < tenth_s]
    last = [size for at_s, size in samples if duration_s - tenth_s <= at_s < duration_s]
    if not first or not last:
        raise ValueError("no samples in the first or the last tenth of the run")
    return Growth(round(statistics.median(first)), round(statistics.median(last)))


def measure_all(options: Options) -> Record:
    """One long run."""
    require_two_cores()
    duration_s = 20.0 if options.quick else 600.0
    noise = NoiseMeter()
    stay_with_the_server()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        directory = Path(scratch)
        with Nginx(directory / "nginx") as server:
            samples, stdout = _run(server, duration_s, directory / "engine", options.quick)
    report = read_engine_report(stdout)
    parts = {
        "worker RSS": [(sample.at_s, sample.worker_rss) for sample in samples],
        "worker USS": [(sample.at_s, sample.worker_uss) for sample in samples],
        "parent RSS (ledger)": [(sample.at_s, sample.parent_rss) for sample in samples],
        "parent USS (ledger)": [(sample.at_s, sample.parent_uss) for sample in samples],
        "both, RSS": [(s.at_s, s.worker_rss + s.parent_rss) for s in samples],
        "both, USS": [(s.at_s, s.worker_uss + s.parent_uss) for s in samples],
    }
    grown = {name: growth(values, duration_s) for name, values in parts.items()}
    return Record(
        benchmark="memory",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"{duration_s:g} s; {report.accepted:,} transactions accepted."),
        tools={"nginx": nginx_version(), "squall": SquallEngine().version() or "not installed"},
        bars={"memory_growth_mb": round(grown["both, RSS"].megabytes, 3)},
        tables=(
            Table(
                title=f"Memory at {RATE_TPS:,} TPS, in MB (10⁶ bytes)",
                columns=("", "first tenth", "last tenth", "growth"),
                rows=tuple(
                    (
                        name,
                        f"{part.first / MB:.1f}",
                        f"{part.last / MB:.1f}",
                        f"{part.megabytes:+.1f}",
                    )
                    for name, part in grown.items()
                ),
            ),
        ),
        rounds=tuple(
            {
                "at_s": round(sample.at_s, 2),
                "worker_rss": sample.worker_rss,
                "worker_uss": sample.worker_uss,
                "parent_rss": sample.parent_rss,
                "parent_uss": sample.parent_uss,
            }
            for sample in samples
        ),
    )


def _run(
    server: Nginx, duration_s: float, directory: Path, quick: bool
) -> tuple[list[Sample], str]:
    directory.mkdir(parents=True)
    tool = SquallEngine()
    load = Load(server.url, CONNECTIONS, duration_s, RATE_TPS, directory)
    before = server.requests()
    child = Child(tool.command(load), directory, environment=tool.environment(load))
    samples: list[Sample] = []
    every_s = 0.5 if quick else SAMPLE_EVERY_S
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        while server.requests() - before < RATE_TPS * 0.1:
            if not child.running or time.monotonic() > deadline:
                raise BenchmarkError(f"the engine does not start: {child.stderr_tail()}")
            time.sleep(0.02)
        started = time.monotonic()
        while (at_s := time.monotonic() - started) < duration_s - 0.2 and child.running:
            samples.append(_look(child.pid, at_s))
            if len(samples) % 12 == 0:
                total = samples[-1].worker_rss + samples[-1].parent_rss
                say(f"{at_s:.0f} s: {total / MB:.1f} MB resident")
            time.sleep(every_s)
        finished = child.wait(120)
    finally:
        child.kill()
    if finished.exit_status != 0:
        raise BenchmarkError(f"the engine ended with {finished.exit_status}: {finished.stderr}")
    return samples, finished.stdout


def _look(pid: int, at_s: float) -> Sample:
    parent = psutil.Process(pid)
    parts = [process.memory_full_info() for process in parent.children(recursive=True)]
    own = parent.memory_full_info()
    return Sample(
        at_s,
        sum(part.rss for part in parts),
        sum(part.uss for part in parts),
        own.rss,
        own.uss,
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
