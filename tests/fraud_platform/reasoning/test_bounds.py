from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fraud_platform.reasoning.made_cases import EXPLANATION, a_case

from fraud_platform.agents.coordinator import WORDS
from fraud_platform.reasoning.answer import Opinion
from fraud_platform.reasoning.bounds import Bounds, outcome_of
from fraud_platform.reasoning.cases import odds_of

BOUNDS = Bounds()


def opinion(decision: str, confidence: float = 0.9) -> Opinion:
    return Opinion(decision, confidence, EXPLANATION, ("new device",))


@pytest.mark.parametrize(
    ("agents", "score", "model", "sure", "expected"),
    [
        ("REVIEW", 0.45, "APPROVE", 0.9, "APPROVE"),
        ("REVIEW", 0.45, "APPROVE", 0.5, "REVIEW"),  # not sure enough
        ("REVIEW", 0.45, "DECLINE", 0.9, "REVIEW"),  # far from the threshold of a refusal
        ("REVIEW", 0.88, "DECLINE", 0.9, "DECLINE"),
        ("REVIEW", 0.88, "APPROVE", 0.9, "REVIEW"),
        ("APPROVE", 0.38, "DECLINE", 0.9, "REVIEW"),  # one step at most
        ("APPROVE", 0.38, "REVIEW", 0.9, "REVIEW"),
        ("DECLINE", 0.91, "APPROVE", 0.9, "REVIEW"),
        ("DECLINE", 0.99, "APPROVE", 0.9, "DECLINE"),
        ("APPROVE", 0.38, "APPROVE", 0.9, "APPROVE"),
    ],
)
def test_a_decision_moves_one_step_across_a_near_threshold(
    agents: str, score: float, model: str, sure: float, expected: str
) -> None:
    case = a_case(decision=agents, risk_score=score)
    outcome = outcome_of(case, opinion(model, sure), BOUNDS)
    assert outcome.decision == expected
    assert outcome.moved == (expected != agents)


@settings(deadline=None)
@given(
    st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.sampled_from(WORDS),
    st.floats(0.0, 1.0),
)  # fmt: skip
def test_no_opinion_moves_more_than_the_bounds_allow(
    score: float, sure: float, confidence: float, model: str, review_from: float
) -> None:
    decline_from = max(0.9, review_from)
    here = int(score >= review_from) + int(score >= decline_from)
    case = a_case(
        decision=WORDS[here], risk_score=score, confidence=confidence,
        review_from=review_from, decline_from=decline_from,
    )  # fmt: skip
    outcome = outcome_of(case, opinion(model, sure), BOUNDS)
    assert abs(WORDS.index(outcome.decision) - here) <= 1
    assert abs(outcome.confidence - confidence) <= 0.05 * confidence + 1e-12
    assert 0.0 <= outcome.confidence <= 1.0
    if outcome.moved:
        near = min(abs(odds_of(score) - odds_of(edge)) for edge in (review_from, decline_from))
        assert near <= BOUNDS.band.log_odds
        assert sure >= BOUNDS.least_confidence
