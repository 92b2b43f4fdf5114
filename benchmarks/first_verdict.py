"""Fresh clone to first verdict by ``make demo``: ``python -m benchmarks.first_verdict``.

Clones what is committed, so uncommitted work is not in it. Packages come from the package index
that pip is set up for; pip's own cache is left out, as on a machine that has never seen squall.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparators.squall import REPOSITORY
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import BenchmarkError, Child
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread

TIMEOUT_S = 1200.0
READY_MARK = Path(".venv") / ".ready-demo"
REPORT = Path(".squall") / "reports" / "demo" / "report.html"

METHOD = (
    "`git clone` of the committed state into an empty directory, then `make demo`, with pip's "
    "cache in an empty directory. The clock stops when `make` ends.",
    "Set-up ends when `.venv/.ready-demo` appears; the rest is the demo itself, which starts the "
    "platform, trains its model, sends a minute of load and writes the verdict and the report.",
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from the start of the clone."""

    set_up_s: float
    total_s: float
    exit_status: int


def measure_all(options: Options) -> Record:
    """Clone and demo, once or several times."""
    repeats = options.repeats or (1 if options.quick else 3)
    noise = NoiseMeter()
    commit = _git("rev-parse", "--short", "HEAD")
    timings = []
    for number in range(repeats):
        with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
            timing = _once(Path(scratch))
        say(
            f"{number + 1}: {timing.total_s:.0f} s, of which set-up {timing.set_up_s:.0f} s; "
            f"exit status {timing.exit_status}"
        )
        timings.append(timing)
    return Record(
        benchmark="first_verdict",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"Commit {commit}; clones: {repeats}."),
        bars={"first_verdict_s": round(Spread.of([t.total_s for t in timings]).median, 1)},
        tables=(
            Table(
                title="Fresh clone to first verdict, seconds",
                columns=("", "set-up", "demo", "total", "exit status"),
                rows=tuple(
                    (
                        number + 1,
                        f"{timing.set_up_s:.0f}",
                        f"{timing.total_s - timing.set_up_s:.0f}",
                        f"{timing.total_s:.0f}",
                        timing.exit_status,
                    )
                    for number, timing in enumerate(timings)
                ),
            ),
        ),
        rounds=tuple(
            {
                "set_up_s": round(timing.set_up_s, 2),
                "total_s": round(timing.total_s, 2),
                "exit_status": timing.exit_status,
            }
            for timing in timings
        ),
    )


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchmarkError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _once(scratch: Path) -> Timing:
    clone = scratch / "squall"
    (scratch / "pip-cache").mkdir()
    (scratch / "home-cache").mkdir()
    started = time.monotonic()
    _git("clone", "--quiet", "--no-hardlinks", str(REPOSITORY), str(clone))
    child = Child(
        ["make", "demo"],
        scratch / "make",
        cores=sorted(os.sched_getaffinity(0)),
        environment={
            "PIP_CACHE_DIR": str(scratch / "pip-cache"),
            "XDG_CACHE_HOME": str(scratch / "home-cache"),
            "CI": "1",
        },
        working_directory=clone,
    )
    try:
        set_up_s = _await_set_up(child, clone / READY_MARK, started)
        finished = child.wait(TIMEOUT_S)
    finally:
        child.kill()
    total_s = time.monotonic() - started
    if not (clone / REPORT).exists():  # a verdict may be "failed", which make gives as 2
        told = finished.stdout[-1500:] + finished.stderr[-1500:]
        raise BenchmarkError(f"make demo ended with {finished.exit_status}, no report:\n{told}")
    return Timing(set_up_s, total_s, finished.exit_status)


def _await_set_up(child: Child, mark: Path, started: float) -> float:
    while not mark.exists():
        if not child.running:
            raise BenchmarkError(f"make demo failed in its set-up:\n{child.stderr_tail()}")
        if time.monotonic() - started > TIMEOUT_S:
            raise BenchmarkError(f"set-up took more than {TIMEOUT_S:.0f} s")
        time.sleep(0.2)
    return time.monotonic() - started


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
