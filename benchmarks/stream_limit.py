"""The highest rate of the platform in stream mode: ``python -m benchmarks.stream_limit``.

A search with the ``squall limit`` command, through the gateway, everything on two cores.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.comparators import SquallEngine
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark
from benchmarks.harness.processes import require_two_cores
from benchmarks.harness.records import Record, now_utc
from benchmarks.platform_inline import SCENARIOS, ReadLimit, find_limit, limit_table

SCENARIO = SCENARIOS / "gateway_3000.yaml"

METHOD = (
    "`squall limit` with the criteria of the runs at 3,000 TPS (benchmarks/scenarios/"
    "gateway_3000.yaml), `--target stream`: twin, gateway, functions and generator share two "
    "cores; nothing is pinned. What is full at the lowest rate that broke is what the search "
    "could prove.",
)


def measure_all(options: Options) -> Record:
    """One search."""
    require_two_cores()
    noise = NoiseMeter()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        limit = find_limit(SCENARIO, "stream", options.quick, Path(scratch) / "limit")
    return Record(
        benchmark="stream_limit",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=METHOD,
        tools={"squall": SquallEngine().version() or "not installed"},
        bars=bars_of(limit),
        tables=(limit_table(limit),),
        rounds=({"limit": limit.model_dump(mode="json")},),
    )


def bars_of(limit: ReadLimit) -> dict[str, float]:
    """The rate that holds, where one was found."""
    return {} if limit.limit_tps is None else {"stream_limit_tps": limit.limit_tps}


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
