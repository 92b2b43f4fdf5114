"""Every benchmark in turn, then the page: ``python -m benchmarks [--quick] [--only NAME …]``.

Each runs in a process of its own. One that fails is reported and the others go on.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time

from benchmarks import page
from benchmarks.comparators.squall import REPOSITORY
from benchmarks.harness.options import say

ORDER = (
    "engine_cpu",
    "kinesis_target",
    "twin_services",
    "event_source_mapping",
    "rate_accuracy",
    "stall",
    "platform_inline",
    "platform_stream",
    "stream_limit",
    "model_quota",
    "transactions",
    "detection",
    "memory",
    "first_verdict",
)


def runnable() -> tuple[str, ...]:
    """The benchmarks that are there, in the order in which they run."""
    return tuple(name for name in ORDER if importlib.util.find_spec(f"benchmarks.{name}"))


def main(arguments: list[str] | None = None) -> int:
    """Run them; the exit status is 1 when one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs; the page is not written")
    parser.add_argument("--only", nargs="+", choices=runnable(), default=None, metavar="NAME")
    options = parser.parse_args(arguments)
    failed = []
    for name in options.only or runnable():
        say(f"== {name}")
        started = time.monotonic()
        command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] * options.quick)]
        done = subprocess.run(command, cwd=REPOSITORY, check=False)
        say(f"== {name}: {time.monotonic() - started:.0f} s, exit status {done.returncode}")
        if done.returncode != 0:
            failed.append(name)
    if not options.quick and page.main([]) != 0:
        failed.append("page")
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
