"""A small finished run for tests: everything went well, and keywords change that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from squall.models import (
    Accounting,
    AgentMetrics,
    BusinessMetrics,
    Detection,
    GeneratorReport,
    Latencies,
    LatencySummary,
    LiveSnapshot,
    PhaseResult,
    Scaling,
    StressTestConfig,
    TestResults,
    TestScenario,
    TestStatus,
    Throughput,
    TypologyDetection,
    Verdict,
)
from squall.models.load_spec import LoadSpec, SustainedSpec

RESPONSE = LatencySummary(10_000, 40.0, 30.0, 80.0, 120.0, 812.5, 1500.0, 1900.0)
ACCOUNTING = Accounting(
    planned=10_000,
    accepted=9_700,
    rejected=297,
    indeterminate=2,
    not_sent=1,
    rejected_expected=295,
    attempts=9_999,
    seen=9_701,
    lost=0,
    duplicated=0,
    unexpected=0,
    recovered=1,
    unresolved=1,
    amount_difference_minor=0,
    reconciled=True,
)


def phase(name: str, p95: float | None, **changes: Any) -> PhaseResult:
    """Ten seconds of 100 TPS."""
    plain = PhaseResult(name, 0, 10, 1000, 970, 2, 97.0, LatencySummary(990, p95=p95))
    return replace(plain, **changes)


def small_result(load: LoadSpec | None = None, **changes: Any) -> TestResults:
    """A passed run of 100 s at 100 TPS."""
    scenario = TestScenario(
        name="small",
        title="Small",
        why="To be judged.",
        load=load or SustainedSpec(type="sustained", rate_tps=100, duration_s=100),
    )
    plain = TestResults(
        run_id="r1",
        run_tag="k3v9x2ab",
        scenario="small",
        seed=1,
        started_at="2026-01-01T00:00:00Z",
        finished_at="2026-01-01T00:01:40Z",
        status=TestStatus.COMPLETED,
        verdict=Verdict.NOT_JUDGED,
        target="inline",
        environment={},
        config=StressTestConfig(scenario=scenario),
        scaling=Scaling(1, 1, 100, 100, "As written."),
        criteria=(),
        stability=(),
        accounting=ACCOUNTING,
        throughput=Throughput(100.0, 97.0, 104.0, 100.0, 100.2),
        latency_ms=Latencies(RESPONSE, RESPONSE, LatencySummary(10_000, p99=0.4)),
        errors={"timeout": 2, "http_503": 2},
        retried={"http_503": 7, "timeout": 3},
        error_rate=0.0005,
        detection=Detection(
            fraud=1500,
            legitimate=8000,
            recall=0.93,
            precision_at_prevalence={"0.001": 0.11},
            by_typology={"card_testing": TypologyDetection(100, 98, 0.98, 5000.0, 4900.0)},
        ),
        generator=GeneratorReport(
            2, 16, 14.2, 0.4, 1.1, 0.0, 0.01, 0.2, 40_000.0, 3_000_000, limited=False
        ),
        agents=(agent("risk_assessor"), agent("compliance")),
        faults=(),
        resources={},
        resource_samples=(),
        business=BusinessMetrics(fraud_value_stopped=1234.5),
        findings=(),
        phases=(phase("ramp_up", 100.0), phase("hold", 150.0)),
        seconds=(),
        histograms=None,
    )
    return replace(plain, **changes)


def agent(name: str, healthy: bool = True) -> AgentMetrics:
    """One agent of the target."""
    return AgentMetrics(name, healthy, 9_700, 0, 0, 0.3, 30.0, 3.0, 8.0, 12.0)


def small_snapshot(**changes: Any) -> LiveSnapshot:
    """The same run after half of its time."""
    plain = LiveSnapshot(
        run_id="r1",
        status=TestStatus.RUNNING,
        at_s=50.0,
        duration_s=100.0,
        phase="hold",
        planned_tps=100.0,
        offered_tps=100.0,
        accepted_tps=97.0,
        accounting=Accounting(5000, 4850, 148, 1, 0, rejected_expected=147),
        response=RESPONSE,
        response_recent=RESPONSE,
        service=RESPONSE,
        lateness=RESPONSE,
        detection=Detection(recall=0.9),
        errors={"timeout": 1},
        queue_depth=0,
        in_flight=3,
        generator_cpu_cores=0.2,
    )
    return replace(plain, **changes)
