from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.agents.coordinator import APPROVE, DECLINE, REVIEW, Coordinator
from fraud_platform.agents.evidence import Votes
from fraud_platform.agents.fusion import Weights, fuse, log_odds
from fraud_platform.agents.reasons import BIT
from fraud_platform.agents.runner import Absence

EVEN = Weights(0.0, (0.5, 0.5, 0.5, 0.5), review_from=0.4, decline_from=0.9)
ALL = {
    sum(1 << k for k in present): EVEN
    for size in range(1, 5)
    for present in combinations(range(4), size)
}


def votes(*risks: float, veto: bool = False, confidence: float = 1.0) -> Votes:
    size = len(risks)
    return Votes(
        np.array(risks),
        np.full(size, confidence),
        np.zeros(size, dtype=np.uint64),
        np.full(size, True) if veto else None,
    )


def test_agreement_is_followed() -> None:
    settled = Coordinator(ALL).settle([votes(0.01, 0.99)] * 4, 2)
    assert settled.decision.tolist() == [APPROVE, DECLINE]
    assert not settled.disagreement.any()
    assert (settled.confidence > 0.9).all()


def test_conflicting_verdicts_are_settled_by_weight() -> None:
    """Hundreds at a time; the two weighty agents carry it against the two light ones."""
    weights = Weights(0.0, (2.0, 2.0, 0.1, 0.1), 0.4, 0.9)
    coordinator = Coordinator({15: weights})
    high, low = votes(*[0.95] * 300), votes(*[0.02] * 300)
    for answers, expected in (([high, high, low, low], DECLINE), ([low, low, high, high], APPROVE)):
        settled = coordinator.settle(answers, 300)
        assert (settled.decision == expected).all()
        assert settled.disagreement.all()
    assert coordinator.counters.disagreements == 600


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_conflicts_are_timed_from_the_first_vote() -> None:
    """Agreement is not, and who was first does not matter."""
    clock = Clock()
    coordinator = Coordinator(ALL, clock)
    late = replace(votes(0.02, 0.02), at_s=49.97)
    first = replace(votes(0.95, 0.02), at_s=49.8)
    coordinator.settle([late, first, late, votes(0.02, 0.02)], 2)
    histogram = coordinator.counters.conflict_latency
    assert sum(histogram.counts.values()) == coordinator.counters.disagreements == 1
    slowest = histogram.summary_with_max_ms()["max"]
    assert slowest == pytest.approx(200.0, rel=0.03)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=4))
def test_agents_that_disagree_would_have_decided_otherwise_alone(risks: list[float]) -> None:
    """A disagreement always is a conflict of verdicts: one above even chances, one below."""
    answers: list[Votes | Absence] = [votes(risk) for risk in risks]
    answers += [Absence.FAILED] * (4 - len(answers))
    settled = Coordinator(ALL).settle(answers, 1)
    if settled.disagreement[0]:
        assert max(risks) >= 0.5 >= min(risks)


def test_a_veto_overrules_everybody() -> None:
    coordinator = Coordinator(ALL)
    settled = coordinator.settle([votes(0.01)] * 3 + [votes(0.01, veto=True)], 1)
    assert settled.decision.tolist() == [DECLINE]
    assert settled.score[0] > 0.99
    assert coordinator.counters.vetoes == 1


@pytest.mark.parametrize("absence", list(Absence))
def test_a_missing_agent_is_replaced_by_the_weights_of_the_rest(absence: Absence) -> None:
    only_three = Weights(0.0, (1.0, 1.0, 0.0, 1.0), 0.4, 0.9)
    coordinator = Coordinator({15: EVEN, 11: only_three})
    settled = coordinator.settle([votes(0.99), votes(0.99), absence, votes(0.99)], 1)
    assert settled.weights is only_three
    assert settled.decision.tolist() == [DECLINE]
    assert settled.confidence[0] <= 0.75
    assert int(settled.reasons[0]) & BIT["R90"]
    assert coordinator.counters.fallbacks == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(1, 50)), max_size=20))
def test_complete_votes_and_fallbacks_are_all_decisions(batches: list[tuple[int, int]]) -> None:
    """Bit k of a batch: the k-th agent voted. Only where all four did is a decision complete."""
    coordinator = Coordinator(ALL)
    for present, size in batches:
        answers: list[Votes | Absence] = [
            votes(*[0.5] * size) if present >> k & 1 else Absence.LATE for k in range(4)
        ]
        coordinator.settle(answers, size)
    counters = coordinator.counters
    assert counters.complete == sum(size for present, size in batches if present == 15)
    assert counters.complete + counters.fallbacks == counters.decisions


@pytest.mark.parametrize("heard", [[], [votes(0.01, 0.01)]])
def test_without_a_quorum_a_person_decides(heard: list[Votes]) -> None:
    coordinator = Coordinator(ALL)
    answers: list[Votes | Absence] = [*heard, *[Absence.LATE] * (4 - len(heard))]
    settled = coordinator.settle(answers, 2)
    assert settled.decision.tolist() == [REVIEW, REVIEW]
    assert settled.confidence.tolist() == [0.0, 0.0]
    assert int(settled.reasons[0]) & BIT["R91"]
    assert coordinator.counters.quorum_failures == 2


_RISK = st.floats(0.0, 1.0)


@settings(deadline=None)
@given(st.lists(_RISK, min_size=4, max_size=4), st.integers(0, 3), _RISK)
def test_more_risk_never_lowers_the_score(risks: list[float], which: int, more: float) -> None:
    raised = list(risks)
    raised[which] = max(raised[which], more)

    def score(values: list[float]) -> float:
        opinions = np.stack([log_odds(votes(risk)) for risk in values], axis=1)
        return float(fuse(EVEN, opinions)[0])

    assert 0.0 <= score(risks) <= score(raised) <= 1.0


def test_no_confidence_no_weight() -> None:
    assert log_odds(votes(0.99, confidence=0.0)).tolist() == [0.0]
