"""One step of the search: the scenario it runs, and what its result says.

A step is a run of three phases: a warm-up, the measured stretch, and a second of ramp-down. The
latency and error criteria are judged on the measured stretch alone, everything that has to do with
accounting on the whole run; so are decisions that come by another channel than the answers. A
rate is only held if it could be held for ever: a step whose backlog grows while it is measured
fails, however short its queue still is. Where decisions come later, what is acknowledged and not
decided is backlog too.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from squall.models import (
    CriterionResult,
    Finding,
    LatencySummary,
    PhaseResult,
    StressTestConfig,
    TestResults,
    TestScenario,
    TestStatus,
)
from squall.models.load_spec import RampUpSpec, SequenceSpec, SustainedSpec
from squall.orchestrator.limit.parts import PartUsage, full_part
from squall.orchestrator.limit.search import Trial
from squall.orchestrator.limit.usl import LoadPoint, concurrency
from squall.scenarios.criteria import Criterion, judge, proven_failures

WARM_UP = "warm_up"
MEASURED = "measured"
COOL_DOWN = "cool_down"
COOL_DOWN_S = 1.0
BACKLOG_GROWTH_MAX = 0.01
"""Largest growth of the backlog while measured, as a share of what was planned in that time."""
UNDECIDED_GROWTH_MAX = 0.03
"""The same for what is acknowledged and not decided: it is seen in batches, and less exactly."""
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
    decision: LatencySummary = field(default_factory=lambda: LatencySummary(0))
    """Where decisions come by another channel: of the whole run."""
    parts: tuple[PartUsage, ...] = ()
    """What the target's processes used, where they are known."""

    @property
    def point(self) -> LoadPoint | None:
        """The step as a point of the scalability law; None where the generator was the limit."""
        if self.concurrency is None or self.trial is Trial.INVALID:
            return None
        return LoadPoint(self.concurrency, self.answered_tps)


def scenario_of(template: TestScenario, name: str) -> TestScenario:
    """The scenario that all steps share: another's mix and client under the search's name."""
    return template.model_copy(update={"name": name, "criteria": ()})


def read_step(
    spec: StepSpec, rate_tps: float, results: TestResults, parts: tuple[PartUsage, ...] = ()
) -> StepResult:
    """What a step's run says; ``parts`` is what the target's processes used in it."""
    measured = next((phase for phase in results.phases if phase.name == MEASURED), None)
    if measured is None or results.status is not TestStatus.COMPLETED:
        return _unfinished(rate_tps, results, parts)
    narrowed = _narrowed(results, measured)
    criteria = judge(spec.criteria, narrowed)
    reasons = [_reason(criterion) for criterion in criteria if criterion.passed is not True]
    reasons += _backlog_reasons(results, measured) + _undecided_reasons(results, measured)
    answered_tps = _answered_tps(results, measured)
    invalid = results.generator.limited and not proven_failures(criteria)
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
        bottleneck=_bottleneck(results, parts),
        decision=results.latency_ms.decision,
        parts=parts,
    )


def _unfinished(rate_tps: float, results: TestResults, parts: tuple[PartUsage, ...]) -> StepResult:
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
        bottleneck=_bottleneck(results, parts),
        decision=results.latency_ms.decision,
        parts=parts,
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
    growth = _growth(waiting)
    if growth <= BACKLOG_GROWTH_MAX * measured.planned:
        return []
    return [
        f"the backlog grew by {growth:,.0f} transactions"
        f" ({growth / measured.planned:.1%} of those planned): the rate cannot be sustained"
    ]


def _undecided_reasons(results: TestResults, measured: PhaseResult) -> list[str]:
    """Whether acknowledged transactions pile up before they are decided.

    Edge cases are not in a second's decisions; their share is that of the whole run.
    """
    if not results.latency_ms.decision.count:
        return []
    accepted = sum(second.accepted for second in results.seconds)
    decided = sum(second.fraud + second.legitimate for second in results.seconds)
    if not accepted or not decided:
        return []
    share = min(1.0, decided / accepted)
    waiting, undecided = [], 0.0
    for second in results.seconds:
        undecided += share * second.accepted - second.fraud - second.legitimate
        if measured.start_s <= second.at_s and second.at_s + 1 <= measured.end_s:
            waiting.append(undecided)
    growth = _growth(waiting)
    if growth <= UNDECIDED_GROWTH_MAX * measured.planned:
        return []
    return [
        f"{growth:,.0f} more transactions were acknowledged than decided"
        f" ({growth / measured.planned:.1%} of those planned): the rate cannot be sustained"
    ]


def _growth(waiting: Sequence[float]) -> float:
    """From the first seconds' median to the last seconds'; 0 for a stretch that is too short."""
    if len(waiting) < 2:
        return 0.0
    edge = min(_EDGE_S, len(waiting) // 2)
    return statistics.median(waiting[-edge:]) - statistics.median(waiting[:edge])


def _answered_tps(results: TestResults, measured: PhaseResult) -> float:
    rows = [
        second.accepted + second.rejected
        for second in results.seconds
        if measured.start_s <= second.at_s and second.at_s + 1 <= measured.end_s
    ]
    return sum(rows) / len(rows) if rows else measured.accepted_tps


def _bottleneck(results: TestResults, parts: tuple[PartUsage, ...]) -> Finding | None:
    """The part that was full by name, else what the run itself found."""
    named = None if results.generator.limited else full_part(parts, results)
    return named or next(
        (finding for finding in results.findings if finding.kind == "bottleneck"), None
    )
