from collections.abc import Callable
from typing import Any

import pytest

from squall.models import (
    Accounting,
    BusinessMetrics,
    Detection,
    Finding,
    GeneratorReport,
    Latencies,
    LatencySummary,
    PhaseResult,
    Scaling,
    Second,
    Severity,
    StressTestConfig,
    TestResults,
    TestScenario,
    TestStatus,
    Throughput,
    Verdict,
)
from squall.models.load_spec import SustainedSpec
from squall.orchestrator.limit.criteria import for_steps
from squall.orchestrator.limit.step import MEASURED, StepSpec

MakeResults = Callable[..., TestResults]


def _scenario() -> TestScenario:
    return TestScenario(
        name="limit",
        title="Limit",
        why="How much it holds.",
        load=SustainedSpec(type="sustained", rate_tps=1, duration_s=1),
    )


@pytest.fixture
def step_spec() -> StepSpec:
    return StepSpec(
        base=StressTestConfig(scenario=_scenario(), target="http://127.0.0.1:9", seed=100),
        criteria=for_steps(["latency_ms.response.p95 < 250"]).judged,
        step_s=10,
        warm_up_s=2,
    )


def _latency(mean: float, p95: float) -> LatencySummary:
    return LatencySummary(1000, mean, mean, p95, p95, p95 * 1.5, p95 * 2, p95 * 3)


def _second(at_s: int, rate: float, queue: float) -> Second:
    waiting = int(queue)
    return Second(at_s, int(rate), int(rate) - 50, 50, 0, 1, 2, 3, 3, 0.1, 4, waiting, 0, 0, 0, 0)


@pytest.fixture
def make_results() -> MakeResults:
    """A finished step: 2 s of warm-up, 10 s measured, 1 s of ramp-down."""

    def make(
        rate_tps: float = 1000,
        *,
        mean_ms: float = 8,
        p95_ms: float = 20,
        errors: int = 0,
        queue_growth_per_s: float = 0,
        **changes: Any,
    ) -> TestResults:
        planned = int(rate_tps * 10)
        phases = (
            PhaseResult("warm_up", 0, 2, int(rate_tps * 2), 0, 9, 0, _latency(900, 5000)),
            PhaseResult(
                MEASURED, 2, 12, planned, planned - 500, errors, rate_tps, _latency(mean_ms, p95_ms)
            ),
            PhaseResult("cool_down", 12, 13, 1, 1, 0, 1, _latency(900, 5000)),
        )
        values: dict[str, Any] = {
            "run_id": "20261123T184502Z-3f9a1c",
            "run_tag": "k3v9x2ab",
            "scenario": "limit",
            "seed": 100,
            "started_at": "2026-11-23T18:45:02Z",
            "finished_at": "2026-11-23T18:45:20Z",
            "status": TestStatus.COMPLETED,
            "verdict": Verdict.NOT_JUDGED,
            "target": "inline",
            "environment": {},
            "config": StressTestConfig(scenario=_scenario()),
            "scaling": Scaling(1, 1, rate_tps, 13, "As written."),
            "criteria": (),
            "stability": (),
            "accounting": Accounting(planned, planned - 500, 500, 0, 0),
            "throughput": Throughput(rate_tps, rate_tps, rate_tps, rate_tps, 13),
            "latency_ms": Latencies(_latency(800, 4000), _latency(5, 9), _latency(0.1, 0.2)),
            "errors": {},
            "error_rate": 0.5,
            "detection": Detection(),
            "generator": GeneratorReport(1, 64, 20.0, 0.2, 1.0, 0.0, 0.0, 0.3, 30_000.0, 0, False),
            "agents": (),
            "faults": (),
            "resources": {},
            "resource_samples": (),
            "business": BusinessMetrics(),
            "findings": (
                Finding("note", Severity.INFO, "run", "a remark", "of no weight"),
                Finding(
                    "bottleneck",
                    Severity.WARNING,
                    "target",
                    "The target's processors are full",
                    "1.97 of 2 cores in use.",
                    recommendation="Give it more cores.",
                ),
            ),
            "phases": phases,
            "seconds": tuple(
                _second(s, rate_tps, max(0, s - 2) * queue_growth_per_s) for s in range(13)
            ),
            "histograms": None,
        }
        return TestResults(**(values | changes))

    return make
