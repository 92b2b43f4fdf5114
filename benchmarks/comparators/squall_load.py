"""squall's engine alone, without scenario, store or report.

``python -m benchmarks.comparators.squall_load --url http://… --rate-tps 10000 --duration-s 10``
runs one load and writes a ``BENCH`` line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import time
from pathlib import Path

from benchmarks.comparators.comparator import PERCENTILES, SCRIPTS
from benchmarks.harness.processes import process_cpu_s
from squall.load_generator import LoadGenerator, LoadPlan
from squall.load_generator.transactions import FactorySpec
from squall.models import (
    ArrivalProcess,
    ClientSpec,
    Counts,
    LatencyHistogram,
    Mix,
)
from squall.models.load_spec import SustainedSpec
from squall.targets import HttpTarget, Target, load_target_file, open_target
from squall.targets.aws import SCHEMES

TARGET_FILE = SCRIPTS / "squall_target.yaml"
RUN_TAG = "bench000"
EPOCH_S = 1_764_000_000.0
"""End of the transactions' own time line, Unix seconds; a constant, so runs are alike."""


class Totals:
    """Sums over the intervals of a run, and the CPU clocks of its processes."""

    def __init__(self, generator: LoadGenerator) -> None:
        self._generator = generator
        self.counts = Counts()
        self.response = LatencyHistogram()
        self.service = LatencyHistogram()
        self.lateness = LatencyHistogram()
        self.errors: dict[str, int] = {}
        self.last_end_s = 0.0
        self.own_lateness_us_max = 0
        self.pool_waits = 0

    async def collect(self) -> None:
        """Run the load to its end."""
        async for interval in self._generator.run():
            self.counts = self.counts + interval.counts
            self.response.merge(interval.response)
            self.service.merge(interval.service)
            self.lateness.merge(interval.lateness)
            for kind, count in interval.errors.items():
                self.errors[kind] = self.errors.get(kind, 0) + count
            self.last_end_s = max(self.last_end_s, interval.end_s)
            health = interval.health
            self.own_lateness_us_max = max(self.own_lateness_us_max, health.own_lateness_us_max)
            self.pool_waits += health.pool_waits


def plan_of(options: argparse.Namespace) -> LoadPlan:
    """The plan that the options ask for."""
    os.environ["BENCH_URL"] = options.url
    target: Target
    source = FactorySpec(
        seed=options.seed,
        planned=math.ceil(options.rate_tps * options.duration_s) + 1,
        epoch_s=EPOCH_S,
        mix=Mix(fraud=0.15, edge_cases=0.0),  # the other tools send no edge cases either
    )
    if options.url.startswith(SCHEMES):
        target = open_target(options.url, source.available_fields)
    else:
        file = load_target_file(TARGET_FILE, source.available_fields)
        target = HttpTarget(file, tuple(sorted(source.available_fields)))
    return LoadPlan(
        run_tag=RUN_TAG,
        seed=options.seed,
        load=SustainedSpec(
            type="sustained", rate_tps=options.rate_tps, duration_s=options.duration_s
        ),
        arrivals=ArrivalProcess.EVEN,
        source=source,
        target=target.spec,
        client=ClientSpec(
            connections=options.connections,
            timeout_s=60.0,
            queue_limit=options.queue_limit,
        ),
        workers=options.workers,
        drain_s=options.drain_s,
    )


async def run(options: argparse.Namespace) -> dict[str, object]:
    """One load; the report."""
    generator = LoadGenerator(plan_of(options))
    totals = Totals(generator)
    try:
        calibration = await generator.prepare()
        pids = generator.process_ids
        before = [process_cpu_s(pid) for pid in pids]
        own_before = time.process_time()
        await totals.collect()
        worker_cpu_s = sum(process_cpu_s(pid) for pid in pids) - sum(before)
        own_cpu_s = time.process_time() - own_before
    finally:
        await generator.close()
    counts = totals.counts
    return {
        "planned": counts.planned,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "indeterminate": counts.indeterminate,
        "not_sent": counts.not_sent,
        "attempts": counts.attempts,
        "errors": totals.errors,
        "calibrated_tps": calibration.tps,
        "ended_at_s": totals.last_end_s,
        "worker_cpu_s": worker_cpu_s,
        "parent_cpu_s": own_cpu_s,
        "own_lateness_ms_max": totals.own_lateness_us_max / 1000,
        "pool_waits": totals.pool_waits,
        "response_ms": percentiles_ms(totals.response),
        "service_ms": percentiles_ms(totals.service),
        "lateness_ms": percentiles_ms(totals.lateness),
    }


def percentiles_ms(histogram: LatencyHistogram) -> dict[str, float]:
    """The compared percentiles and the maximum, milliseconds."""
    values = {f"{p:g}": histogram.percentile_us(p) for p in (*PERCENTILES, 100.0)}
    return {p: us / 1000 for p, us in values.items() if us is not None}


def main() -> None:
    """Read the options, run, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate-tps", type=float, required=True)
    parser.add_argument("--duration-s", type=float, required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queue-limit", type=int, default=200_000)
    parser.add_argument("--drain-s", type=float, default=20.0)
    parser.add_argument("--report", type=Path, help="also write the report to this file")
    options = parser.parse_args()
    report = json.dumps(asyncio.run(run(options)))
    if options.report is not None:
        options.report.write_text(report)
    print("BENCH " + report, flush=True)


if __name__ == "__main__":
    main()
