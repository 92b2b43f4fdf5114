"""What this machine can drive: seconds of the real engine against a target that only answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from squall.cli.doctor.check import Check, Grade
from squall.cli.doctor.echo import echo_server
from squall.load_generator import LoadGenerator
from squall.load_generator.load_generator import WORKER_SHARE
from squall.load_generator.plan import LoadPlan
from squall.load_generator.transactions import FactorySpec
from squall.models import (
    ArrivalProcess,
    ClientSpec,
    Counts,
    LatencyHistogram,
    Mix,
    SourceSpec,
)
from squall.models.load_spec import SustainedSpec
from squall.targets import platform_target

MAKING_S = 1.0
SENDING_S = 2.0
TRIAL_SHARE = 0.5
"""The engine is tried at this share of what it calculates for one worker."""
TRIAL_TPS_MAX = 10_000.0
_ROWS = 512
_RUN_TAG = "doctor00"


@dataclass(frozen=True, slots=True)
class Capacity:
    """Measured speeds; rates per second of one core or one worker, times in milliseconds."""

    making_tps: float
    """Transactions made and rendered."""
    ceiling_tps: float
    """What the engine's calibration finds one worker able to make, send and read."""
    trial_tps: float
    """Rate of the trial."""
    answered_tps: float
    """What was answered in the trial."""
    cpu_us_per_request: float | None
    response_ms_p50: float | None
    response_ms_p99: float | None
    lateness_ms_p99: float | None

    def drives_tps(self, cores: float) -> float:
        """Cautious: every core as a worker that is kept busy for ``WORKER_SHARE`` of its time."""
        return self.ceiling_tps * WORKER_SHARE * max(1.0, cores)


def source_of_trial(planned: int) -> SourceSpec:
    """Transactions for the trial, seeded."""
    return FactorySpec(
        seed=1,
        mix=Mix(),
        population=2_000,
        planned=planned,
        epoch_s=1_735_689_600.0,  # 2025-01-01: any fixed day
        reference_lag=1_000,
    )


def making_speed(seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Transactions made and rendered into requests per second of one core."""
    spec = platform_target("http://127.0.0.1:1").spec
    source = source_of_trial(10_000_000).build(_RUN_TAG, spec.fields)
    writer = spec.writer()
    made = 0
    writer.write(source.batch(np.arange(_ROWS, dtype=np.int64)))  # first-time costs are not speed
    started = clock()
    while clock() - started < seconds:
        made += _ROWS
        writer.write(source.batch(np.arange(made, made + _ROWS, dtype=np.int64)))
    return made / (clock() - started)


async def measure(making_s: float = MAKING_S, sending_s: float = SENDING_S) -> Capacity:
    """Make transactions for ``making_s``, then send for ``sending_s``; raises ``SquallError``."""
    making_tps = making_speed(making_s)
    with echo_server() as url:
        ceiling_tps = await _ceiling(url)
        trial_tps = min(TRIAL_TPS_MAX, round(ceiling_tps * TRIAL_SHARE))
        generator = LoadGenerator(_plan(url, trial_tps, sending_s))
        counts, cpu_s, last_s = Counts(), 0.0, 0.0
        response, lateness = LatencyHistogram(), LatencyHistogram()
        try:
            await generator.prepare()
            async for interval in generator.run():
                counts += interval.counts
                cpu_s += interval.health.cpu_s
                last_s = max(last_s, interval.end_s)
                response.merge(interval.response)
                lateness.merge(interval.lateness)
        finally:
            await generator.close()
    answered = counts.accepted + counts.rejected
    told, late = response.percentiles_ms(), lateness.percentiles_ms()
    return Capacity(
        making_tps=making_tps,
        ceiling_tps=ceiling_tps,
        trial_tps=trial_tps,
        answered_tps=answered / sending_s,
        cpu_us_per_request=cpu_s / answered * 1e6 if answered else None,
        response_ms_p50=told.p50,
        response_ms_p99=told.p99,
        lateness_ms_p99=late.p99,
    )


def capacity_check(capacity: Capacity, cores: float) -> Check:
    """The measurement as advice."""
    drives = capacity.drives_tps(cores)
    kept_up = capacity.answered_tps >= 0.98 * capacity.trial_tps
    punctual = (capacity.lateness_ms_p99 or 0) < 5
    late = "" if capacity.lateness_ms_p99 is None else f"{capacity.lateness_ms_p99:.2f} ms"
    return Check(
        "load it can drive",
        Grade.GOOD if kept_up and punctual else Grade.WARNING,
        f"about {_round(drives):,} TPS to a target elsewhere, {_round(drives / 2):,} to one on this"
        f" machine (tried: {capacity.trial_tps:,.0f} TPS from one worker, answered"
        f" {capacity.answered_tps:,.0f}, P99 of lateness {late})",
        ""
        if kept_up and punctual
        else "even half of the calculated rate was not sent on time: the machine is busy or shared",
        {
            "drives_tps": drives,
            "making_tps": capacity.making_tps,
            "ceiling_tps_per_worker": capacity.ceiling_tps,
            "trial_tps": capacity.trial_tps,
            "answered_tps": capacity.answered_tps,
            "cpu_us_per_request": capacity.cpu_us_per_request,
            "response_ms_p50": capacity.response_ms_p50,
            "response_ms_p99": capacity.response_ms_p99,
            "lateness_ms_p99": capacity.lateness_ms_p99,
        },
    )


async def _ceiling(url: str) -> float:
    generator = LoadGenerator(_plan(url, 1_000.0, 10.0))
    try:
        return (await generator.prepare()).tps
    finally:
        await generator.close()


def _plan(url: str, rate_tps: float, seconds: float) -> LoadPlan:
    return LoadPlan(
        run_tag=_RUN_TAG,
        seed=1,
        load=SustainedSpec(type="sustained", rate_tps=rate_tps, duration_s=seconds),
        arrivals=ArrivalProcess.EVEN,
        source=source_of_trial(max(1, round(rate_tps * seconds))),
        target=platform_target(url).spec,
        client=ClientSpec(connections=32, timeout_s=5),
        workers=1,
        drain_s=5.0,
    )


def _round(rate: float) -> int:
    """Two significant digits: more would be pretence."""
    digits = max(0, len(str(int(rate))) - 2)
    return round(rate / 10.0**digits) * int(10.0**digits)
