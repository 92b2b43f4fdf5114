"""The coordinator: settles what the agents say, with or without all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fraud_platform.agents.evidence import Flags, Floats, ReasonBits, Votes
from fraud_platform.agents.fusion import Weights, fuse, log_odds
from fraud_platform.agents.reasons import BIT
from fraud_platform.agents.runner import Absence
from fraud_platform.monitoring.histogram import Latencies

APPROVE, REVIEW, DECLINE = range(3)
WORDS = ("APPROVE", "REVIEW", "DECLINE")

QUORUM = 2
"""Agents that must be heard for an approval or a refusal without a person."""
_AT_ODDS = 0.5
"""Agents disagree when the highest risk is this much above the lowest. Then one of them sees more
than an even chance of fraud, and another less: on their own they would decline and approve."""
_VETO_SCORE = 0.9999
_QUORUM_SCORE = 0.5


@dataclass(frozen=True, slots=True)
class Settlement:
    """Decisions on n transactions; all arrays have shape (n,)."""

    decision: NDArray[np.int64]
    score: Floats
    confidence: Floats
    reasons: ReasonBits
    disagreement: Flags
    weights: Weights | None
    """What was used; None without a quorum."""


@dataclass(slots=True)
class CoordinatorCounters:
    """What the coordinator has done since the start."""

    decisions: int = 0
    complete: int = 0
    """Transactions on which every agent voted; with ``fallbacks`` they add up to the decisions."""
    disagreements: int = 0
    vetoes: int = 0
    fallbacks: int = 0
    """Transactions decided with at least one agent missing."""
    quorum_failures: int = 0
    busy_s: float = 0.0
    latency: Latencies = field(default_factory=Latencies)
    conflict_latency: Latencies = field(default_factory=Latencies)
    """From the first vote to the settlement, of transactions on which agents disagreed."""


class Coordinator:
    """Weighs votes; ``weights`` by the set of agents present (bit k: the k-th agent).

    ``clock`` is the one that votes are timed by.
    """

    def __init__(
        self, weights: Mapping[int, Weights], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._weights = dict(weights)
        self._clock = clock
        self.counters = CoordinatorCounters()

    def settle(self, answers: Sequence[Votes | Absence], size: int) -> Settlement:
        """Decide ``size`` transactions from the agents' answers, in the agents' fixed order."""
        begun = self._clock()
        present = [k for k, answer in enumerate(answers) if isinstance(answer, Votes)]
        heard = [answer for answer in answers if isinstance(answer, Votes)]
        reasons = np.zeros(size, dtype=np.uint64)
        for votes in heard:
            reasons |= votes.reasons
        if len(heard) < len(answers):
            reasons |= np.uint64(BIT["R90"])
            self.counters.fallbacks += size
        else:
            self.counters.complete += size
        if len(heard) < QUORUM:
            settlement = self._no_quorum(size, reasons)
        else:
            settlement = self._vote(answers, present, heard, reasons)
        ended = self._clock()
        elapsed = ended - begun
        self.counters.decisions += size
        conflicts = int(settlement.disagreement.sum())
        if conflicts:
            self.counters.disagreements += conflicts
            first = min((v.at_s for v in heard if v.at_s is not None), default=begun)
            self.counters.conflict_latency.record(ended - first, conflicts)
        self.counters.busy_s += elapsed
        self.counters.latency.record(elapsed, size)
        return settlement

    def _vote(
        self,
        answers: Sequence[Votes | Absence],
        present: Sequence[int],
        heard: Sequence[Votes],
        reasons: ReasonBits,
    ) -> Settlement:
        weights = self._weights[sum(1 << k for k in present)]
        size = len(reasons)
        opinions = np.zeros((size, len(answers)))
        for k, votes in zip(present, heard, strict=True):
            opinions[:, k] = log_odds(votes)
        score = fuse(weights, opinions)
        decision = (score >= weights.review_from).astype(np.int64)
        decision += score >= weights.decline_from
        risks = np.stack([votes.risk for votes in heard])
        disagreement = risks.max(axis=0) - risks.min(axis=0) >= _AT_ODDS
        for votes in heard:
            if votes.veto is not None and votes.veto.any():
                decision[votes.veto] = DECLINE
                score[votes.veto] = _VETO_SCORE
                self.counters.vetoes += int(votes.veto.sum())
        confidence = _confidence(score, weights) * (len(heard) / len(answers))
        return Settlement(decision, score, confidence, reasons, disagreement, weights)

    def _no_quorum(self, size: int, reasons: ReasonBits) -> Settlement:
        """Nobody, or one agent alone, decides nothing: a person looks at it."""
        self.counters.quorum_failures += size
        return Settlement(
            decision=np.full(size, REVIEW, dtype=np.int64),
            score=np.full(size, _QUORUM_SCORE),
            confidence=np.zeros(size),
            reasons=reasons | np.uint64(BIT["R91"]),
            disagreement=np.zeros(size, dtype=np.bool_),
            weights=None,
        )


def _confidence(score: Floats, weights: Weights) -> Floats:
    """From 0.5 on a threshold to 1 far from it: 1 / (1 + exp(−distance in log-odds))."""
    odds = np.log(score / (1.0 - score))
    edges = np.array([weights.review_from, weights.decline_from])
    edges = np.clip(edges, 1e-6, 1.0 - 1e-6)
    distance = np.abs(odds[:, None] - np.log(edges / (1.0 - edges))).min(axis=1)
    confidence: Floats = 1.0 / (1.0 + np.exp(-distance))
    return confidence
