"""One step of the search: the scenario it runs, and what its result says.

A step is a run of three phases: a warm-up, the measured stretch, and a second of ramp-down. The
latency and error criteria are judged on the measured stretch alone, everything that has to do with
accounting on the whole run. A rate is only held if it could be held for ever: a step whose
backlog grows while it is measured fails, however short its queue still is.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from squall.models import (
    CriterionResult,
    Finding,
    LatencySummary,
    PhaseResult,
    StressTestConfig,
    TestResults,
    TestScenario,
    TestStatus,
    Verdict,
)
from squall.models.load_spec import RampUpSpec, SequenceSpec, SustainedSpec
from squall.orchestrator.limit.search import Trial
from squall.orchestrator.limit.usl import LoadPoint, concurrency
from squall.scenarios.criteria import Criterion, judge

WARM_UP = "warm_up"
MEASURED = "measured"
COOL_DOWN = "cool_down"
COOL_DOWN_S = 1.0
BACKLOG_GROWTH_MAX = 0.01
"""Largest growth of the backlog while measured, as a share of what was planned in that time."""
_EDGE_S = 3
"""Seconds at either end of the measured stretch whose median backlog is compared."""


@dataclass(frozen=True, slots=True)
class StepSpec:
    """How every step is run. Times in seconds."""

    base: StressTestConfig
    criteria: tuple[Criterion, ...]
    step_s: float
    warm_up_s: float

    def config(self, rate_tps: float, number: int) -> StressTestConfig:
        """The run of step ``number`` (from 0).

        Every step has a seed of its own: the same customers doing the same things at the same
        times once more would not look like traffic.
        """
        load = SequenceSpec(
            type="sequence",
            parts=(
                SustainedSpec(
                    type="sustained", name=WARM_UP, rate_tps=rate_tps, duration_s=self.warm_up_s
                ),
                SustainedSpec(
                    type="sustained", name=MEASURED, rate_tps=rate_tps, duration_s=self.step_s
                ),
                RampUpSpec(
                    type="ramp_up",
                    name=COOL_DOWN,
                    start_tps=rate_tps,
                    end_tps=0,
                    duration_s=COOL_DOWN_S,
                ),
            ),
        )
        scenario = self.base.scenario.model_copy(update={"load": load, "criteria": ()})
        return self.base.model_copy(
            update={
                "scenario": scenario,
                "seed": self.base.seed + number,
                "rate_scale": 1.0,
                "time_scale": 1.0,
            }
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step measured, over its measured stretch. Rates per second, latencies in ms."""

    run_id: str
    rate_tps: float
    trial: Trial
    reasons: tuple[str, ...]
    """Why it did not pass; empty when it did."""
    answered_tps: float
    """Answers of any kind per second."""
    response: LatencySummary
    error_rate: float | None
    concurrency: float | None
    """Mean requests in the target, by Little's law."""
    lateness_p99_ms: float | None
    criteria: tuple[CriterionResult, ...]
    bottleneck: Finding | None

    @property
    def point(self) -> LoadPoint | None:
        """The step as a point of the scalability law; None where the generator was the limit."""
        if self.concurrency is None or self.trial is Trial.INVALID:
            return None
        return LoadPoint(self.concurrency, self.answered_tps)


def scenario_of(template: TestScenario, name: str) -> TestScenario:
    """The scenario that all steps share: another's mix and client under the search's name."""
    return template.model_copy(update={"name": name, "criteria": ()})


def read_step(spec: StepSpec, rate_tps: float, results: TestResults) -> StepResult:
    """What a step's run says."""
    measured = next((phase for phase in results.phases if phase.name == MEASURED), None)
    if measured is None or results.status is not TestStatus.COMPLETED:
        return _unfinished(rate_tps, results)
    narrowed = _narrowed(results, measured)
    criteria = judge(spec.criteria, narrowed)
    reasons = [_reason(criterion) for criterion in criteria if criterion.passed is not True]
    reasons += _backlog_reasons(results, measured)
    answered_tps = _answered_tps(results, measured)
    invalid = results.verdict is Verdict.INVALID or results.generator.limited
    if invalid:
        reasons.insert(0, f"the generator was the limit: {results.generator.limit_reason}")
    mean = measured.response.mean
    return StepResult(
        run_id=results.run_id,
        rate_tps=rate_tps,
        trial=Trial.INVALID if invalid else Trial.FAILED if reasons else Trial.PASSED,
        reasons=tuple(reasons),
        answered_tps=answered_tps,
        response=measured.response,
        error_rate=narrowed.error_rate,
        concurrency=None
        if mean is None
        else concurrency(answered_tps, mean, results.generator.connections),
        lateness_p99_ms=results.latency_ms.lateness.p99,
        criteria=criteria,
        bottleneck=_bottleneck(results),
    )


def _unfinished(rate_tps: float, results: TestResults) -> StepResult:
    why = "; ".join(results.notes) or f"the run ended as {results.status.value}"
    return StepResult(
        run_id=results.run_id,
        rate_tps=rate_tps,
        trial=Trial.FAILED,
        reasons=(why,),
        answered_tps=0.0,
        response=LatencySummary(0),
        error_rate=results.error_rate,
        concurrency=None,
        lateness_p99_ms=results.latency_ms.lateness.p99,
        criteria=(),
        bottleneck=_bottleneck(results),
    )


def _narrowed(results: TestResults, measured: PhaseResult) -> TestResults:
    """The result with response time and error rate of the measured stretch."""
    return replace(
        results,
        latency_ms=replace(results.latency_ms, response=measured.response),
        error_rate=measured.errors / measured.planned if measured.planned else None,
    )


def _reason(criterion: CriterionResult) -> str:
    if criterion.passed is None:
        return f"{criterion.expression}: {criterion.detail}"
    return criterion.detail or f"{criterion.expression} was not met"


def _backlog_reasons(results: TestResults, measured: PhaseResult) -> list[str]:
    waiting = [
        second.queue_depth + second.in_flight
        for second in results.seconds
        if measured.start_s <= second.at_s and second.at_s + 1 <= measured.end_s
    ]
    if len(waiting) < 2 or not measured.planned:
        return []
    edge = min(_EDGE_S, len(waiting) // 2)
    growth = statistics.median(waiting[-edge:]) - statistics.median(waiting[:edge])
    if growth <= BACKLOG_GROWTH_MAX * measured.planned:
        return []
    return [
        f"the backlog grew by {growth:,.0f} transactions"
        f" ({growth / measured.planned:.1%} of those planned): the rate cannot be sustained"
    ]


def _answered_tps(results: TestResults, measured: PhaseResult) -> float:
    rows = [
        second.accepted + second.rejected
        for second in results.seconds
        if measured.start_s <= second.at_s and second.at_s + 1 <= measured.end_s
    ]
    return sum(rows) / len(rows) if rows else measured.accepted_tps


def _bottleneck(results: TestResults) -> Finding | None:
    return next((finding for finding in results.findings if finding.kind == "bottleneck"), None)
