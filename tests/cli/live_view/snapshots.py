"""Snapshots of a running test, made from plain values."""

from __future__ import annotations

from dataclasses import replace

from squall.load_generator.profiles import RampUp, Sequence, Sustained
from squall.models import (
    Accounting,
    CriterionResult,
    Detection,
    LatencySummary,
    LiveSnapshot,
    TestStatus,
)

PROFILE = Sequence(
    (
        RampUp(0, 5000, 9.0, "ramp_up"),
        Sustained(5000, 36.0, "hold"),
        RampUp(5000, 0, 9.0, "ramp_down"),
    )
)
CRITERIA = (
    CriterionResult("accounting.lost == 0", None, None, "known only at the end"),
    CriterionResult("latency_ms.response.p95 < 2 s", True, 12.3),
    CriterionResult("error_rate < 0.1 %", False, 0.0021),
)
_LATENCY = LatencySummary(1000, 3.5, 3.4, 6.1, 12.3, 31.0, 97.4, 1204.0)

SNAPSHOT = LiveSnapshot(
    run_id="20261118T110640Z-3f9a1c",
    status=TestStatus.RUNNING,
    at_s=20.0,
    duration_s=54.0,
    phase="hold",
    planned_tps=5000.0,
    offered_tps=5001.2,
    accepted_tps=4750.4,
    accounting=Accounting(
        planned=100_000,
        accepted=94_000,
        rejected=5_100,
        indeterminate=210,
        not_sent=0,
        rejected_expected=5_100,
    ),
    response=_LATENCY,
    response_recent=_LATENCY,
    service=_LATENCY,
    lateness=LatencySummary(1000, 0.1, 0.1, 0.2, 0.2, 0.42, 0.9, 1.5),
    detection=Detection(
        fraud=15_000,
        legitimate=80_000,
        recall=0.941,
        recall_interval=(0.938, 0.944),
        false_positive_rate=0.0047,
        false_positive_rate_interval=(0.0043, 0.0051),
    ),
    errors={"timeout": 200, "http_503": 10},
    queue_depth=500,
    in_flight=64,
    generator_cpu_cores=0.61,
    criteria=CRITERIA,
    workers_alive=2,
    profile_s=20.0,
)


def at(seconds: float, accepted_tps: float = 4750.0, **changes: object) -> LiveSnapshot:
    """The snapshot at another time."""
    moved = replace(SNAPSHOT, at_s=seconds, profile_s=seconds, accepted_tps=accepted_tps)
    return replace(moved, **changes)  # type: ignore[arg-type]
