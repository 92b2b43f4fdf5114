"""How far the model may move a decision."""

from __future__ import annotations

from dataclasses import dataclass, field

from fraud_platform.agents.coordinator import WORDS
from fraud_platform.reasoning.answer import Opinion
from fraud_platform.reasoning.cases import Band, odds_of
from fraud_platform.reasoning.prompt import Case


@dataclass(frozen=True, slots=True)
class Bounds:
    """The model's opinion moves a decision by one step at most, only across a threshold that the
    score is close to, and only when the model is sure enough. Confidence moves by a share at most,
    so that it means the same whether or not the model was heard."""

    band: Band = field(default_factory=Band)
    least_confidence: float = 0.6
    confidence_share: float = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a case."""

    decision: str
    confidence: float
    moved: bool


def outcome_of(case: Case, opinion: Opinion, bounds: Bounds) -> Outcome:
    """The agents' outcome, moved by the opinion as far as the bounds allow."""
    confidence = _between(
        opinion.confidence,
        case.confidence * (1.0 - bounds.confidence_share),
        min(1.0, case.confidence * (1.0 + bounds.confidence_share)),
    )
    here, there = WORDS.index(case.decision), WORDS.index(opinion.decision)
    if here == there or opinion.confidence < bounds.least_confidence:
        return Outcome(case.decision, confidence, False)
    step = 1 if there > here else -1
    edge = (case.review_from, case.decline_from)[min(here, here + step)]
    if abs(odds_of(case.risk_score) - odds_of(edge)) > bounds.band.log_odds:
        return Outcome(case.decision, confidence, False)
    return Outcome(WORDS[here + step], confidence, True)


def _between(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
