"""An additive scorecard: readable rules, each with points learned from the history.

risk = 1 / (1 + exp(−(base + Σ points of the rules that are met))). Points are never negative, so
each rule can only speak for fraud, and the rules met are the explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_platform.agents.evidence import Evidence, Floats, ReasonBits
from fraud_platform.agents.reasons import BIT

Met = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """A reason code and when it is met: a function of the evidence to flags of shape (n,)."""

    code: str
    met: Callable[[Evidence], Met]


@dataclass(frozen=True, slots=True)
class Points:
    """Learned points: ``base`` for everyone, ``rules`` in the order of the rules; log-odds."""

    base: float
    rules: tuple[float, ...]


def rules_met(rules: Sequence[Rule], evidence: Evidence) -> NDArray[np.float64]:
    """Which rules each transaction meets, shape (n, rules), as 0 and 1."""
    return np.stack([rule.met(evidence) for rule in rules], axis=1).astype(np.float64)


class Scorecard:
    """Rules with their learned points."""

    def __init__(self, rules: Sequence[Rule], points: Points) -> None:
        if len(rules) != len(points.rules):
            raise ValueError(f"{len(rules)} rules with {len(points.rules)} points")
        self._rules = tuple(rules)
        self._base = points.base
        self._points = np.array(points.rules, dtype=np.float64)
        # A rule that the history gave no points to is no reason.
        self._bits = np.array(
            [
                BIT[rule.code] if weight > 0 else 0
                for rule, weight in zip(rules, points.rules, strict=True)
            ],
            dtype=np.uint64,
        )

    def score(self, evidence: Evidence) -> tuple[Floats, ReasonBits]:
        """Risk (0 … 1) and the reasons that speak for it, each of shape (n,)."""
        met = rules_met(self._rules, evidence)
        log_odds = self._base + met @ self._points
        bits = np.bitwise_or.reduce(
            np.where(met > 0, self._bits, np.uint64(0)), axis=1, initial=np.uint64(0)
        )
        return 1.0 / (1.0 + np.exp(-log_odds)), bits
