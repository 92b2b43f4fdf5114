"""What a search came to, as one value and as a JSON document."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from squall.models import Finding
from squall.orchestrator.limit.search import Bracket, Ending, SearchSpec, Trial
from squall.orchestrator.limit.step import StepResult
from squall.orchestrator.limit.usl import UslFit

Json = dict[str, object]

DOCUMENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class LimitOutcome:
    """A finished or stopped search. ``started_at`` is RFC 3339, UTC; times in seconds."""

    target: str
    scenario: str
    criteria: tuple[str, ...]
    seed: int
    started_at: str
    step_s: float
    warm_up_s: float
    spec: SearchSpec
    bracket: Bracket
    steps: tuple[StepResult, ...]
    usl: UslFit
    notes: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """0: a rate that holds was found; 1: none; 3: only the generator's limit; 4: stopped."""
        if self.bracket.ending is Ending.STOPPED:
            return 4
        if self.bracket.limited_by_generator:
            return 3
        return 0 if self.bracket.holds_tps is not None else 1

    @property
    def bottleneck(self) -> Finding | None:
        """The bottleneck found at the lowest rate that broke, if a run there found one."""
        return next(
            (
                step.bottleneck
                for step in self.steps
                if step.rate_tps == self.bracket.breaks_tps and step.bottleneck is not None
            ),
            None,
        )

    @property
    def breaking_reasons(self) -> tuple[str, ...]:
        """Why the lowest rate that broke did: the reasons of its first run that broke."""
        return next(
            (
                step.reasons
                for step in self.steps
                if step.rate_tps == self.bracket.breaks_tps and step.trial is self.bracket.broken_by
            ),
            (),
        )


def headline(outcome: LimitOutcome) -> str:
    """The answer in a sentence."""
    bracket = outcome.bracket
    holds, breaks = tps(bracket.holds_tps), tps(bracket.breaks_tps)
    if bracket.ending is Ending.STOPPED:
        if bracket.holds_tps is None:
            return "Stopped before any rate was seen to hold."
        above = f"; {breaks} did not" if bracket.breaks_tps is not None else ""
        return f"Stopped. Until then {holds} held{above}."
    if bracket.holds_tps is None:
        if bracket.limited_by_generator:
            return (
                f"At {breaks} the generator was the limit already: nothing is said of the target."
            )
        return f"Not even {breaks} holds."
    if bracket.ending is Ending.AT_MAXIMUM:
        return f"{holds} holds, and it is the highest rate that was allowed: the limit is higher."
    if bracket.limited_by_generator:
        return (
            f"{holds} holds; at {breaks} the generator was the limit, so the target may hold more."
        )
    if bracket.ending is Ending.OUT_OF_RUNS:
        return f"{holds} holds; the search ran out of runs before it could be told more exactly."
    return f"{holds} holds; {breaks} does not."


def confidence_statement(outcome: LimitOutcome) -> str:
    """How sure that is, and in which sense."""
    bracket = outcome.bracket
    parts = []
    for rate, told, verb, confidence, kind in (
        (bracket.holds_tps, "held", "passes", bracket.holds_confidence, Trial.PASSED),
        (bracket.breaks_tps, "broke", "fails", bracket.breaks_confidence, bracket.broken_by),
    ):
        if rate is None or confidence is None:
            continue
        trials = [step.trial for step in outcome.steps if step.rate_tps == rate]
        parts.append(
            f"{tps(rate)} {told} in {trials.count(kind)} of {len(trials)}"
            f" runs there (a run {verb} more often than not with {confidence:.0%} confidence)"
        )
    return "; ".join(parts) + "." if parts else "No rate was judged."


def finding_statement(found: Finding) -> str:
    """A finding in sentences: what it is, what shows it, what to do."""
    parts = (found.title, found.evidence, found.recommendation)
    return " ".join(part.rstrip(".") + "." for part in parts if part)


def usl_statement(fit: UslFit) -> str:
    """The scalability law in a sentence, doubts included."""
    if fit.lambda_tps is None or fit.sigma is None or fit.kappa is None:
        return f"Scalability law: not fitted: {'; '.join(fit.unsupported)}."
    quality = "" if fit.r_squared is None else f", R² {fit.r_squared:.3f}"
    told = f"λ {fit.lambda_tps:,.0f} TPS, σ {fit.sigma:.4f}, κ {fit.kappa:.2e}{quality}"
    if fit.peak_tps is not None:
        told += f"; predicted peak {fit.peak_tps:,.0f} TPS at {fit.peak_concurrency:,.0f} requests"
    if fit.unsupported:
        return f"Scalability law: {told}. Not supported by the data: {'; '.join(fit.unsupported)}."
    return f"Scalability law: {told}."


def document(outcome: LimitOutcome) -> Json:
    """The outcome as plain JSON values; its fields are described in ``docs/limit.md``."""
    bracket = outcome.bracket
    bottleneck = outcome.bottleneck
    return {
        "version": DOCUMENT_VERSION,
        "target": outcome.target,
        "scenario": outcome.scenario,
        "criteria": list(outcome.criteria),
        "seed": outcome.seed,
        "started_at": outcome.started_at,
        "search": {
            "min_tps": outcome.spec.min_tps,
            "max_tps": outcome.spec.max_tps,
            "precision": outcome.spec.precision,
            "repeats": outcome.spec.repeats,
            "step_s": outcome.step_s,
            "warm_up_s": outcome.warm_up_s,
        },
        "ending": bracket.ending.value,
        "limit_tps": bracket.holds_tps,
        "breaks_tps": bracket.breaks_tps,
        "holds_confidence": bracket.holds_confidence,
        "breaks_confidence": bracket.breaks_confidence,
        "limited_by_generator": bracket.limited_by_generator,
        "contradictory": bracket.contradictory,
        "headline": headline(outcome),
        "bottleneck": None if bottleneck is None else asdict(bottleneck),
        "breaking_reasons": list(outcome.breaking_reasons),
        "steps": [_step(step) for step in outcome.steps],
        "usl": _usl(outcome.usl),
        "notes": list(outcome.notes),
    }


def _step(step: StepResult) -> Json:
    return {
        "run_id": step.run_id,
        "rate_tps": step.rate_tps,
        "trial": step.trial.value,
        "reasons": list(step.reasons),
        "answered_tps": round(step.answered_tps, 1),
        "response_ms": asdict(step.response),
        "error_rate": step.error_rate,
        "concurrency": None if step.concurrency is None else round(step.concurrency, 2),
        "lateness_p99_ms": step.lateness_p99_ms,
        "decision_ms": asdict(step.decision) if step.decision.count else None,
        "parts": {part.name: round(part.cores, 3) for part in step.parts},
        "bottleneck": None if step.bottleneck is None else step.bottleneck.title,
    }


def _usl(fit: UslFit) -> Json:
    return {
        "supported": not fit.unsupported,
        "unsupported": list(fit.unsupported),
        "lambda_tps": fit.lambda_tps,
        "sigma": fit.sigma,
        "kappa": fit.kappa,
        "r_squared": fit.r_squared,
        "peak_concurrency": fit.peak_concurrency,
        "peak_tps": fit.peak_tps,
        "points": [asdict(point) for point in fit.points],
    }


def tps(rate: float | None) -> str:
    """A rate for people: ``5,120 TPS``."""
    return "nothing" if rate is None else f"{rate:,.4g} TPS" if rate < 10 else f"{rate:,.0f} TPS"
