"""From the agents' votes to one decision.

score = 1 / (1 + exp(−(base + Σ weightₐ · confidenceₐ · ln(riskₐ/(1 − riskₐ))))), a weighted vote in
log-odds. Weights and thresholds are learned from the later part of the history, once for every set
of agents that can be present: with an agent missing, the rest vote by weights of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud_platform.agents.evidence import Floats, Votes

_LEAST = 1e-4
"""Risks are kept this far from 0 and 1, so that no single vote is infinite."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How one set of agents votes. ``agents`` has one weight per agent, 0 for the absent."""

    base: float
    agents: tuple[float, ...]
    review_from: float
    """Scores from here on are reviewed …"""
    decline_from: float
    """… and from here on declined."""


def log_odds(votes: Votes) -> Floats:
    """An agent's vote as it is weighed, shape (n,)."""
    risk = np.clip(votes.risk, _LEAST, 1.0 - _LEAST)
    weighed: NDArray[np.float64] = votes.confidence * np.log(risk / (1.0 - risk))
    return weighed


def fuse(weights: Weights, opinions: NDArray[np.float64]) -> Floats:
    """Scores of shape (n,) from opinions (``log_odds``) of shape (n, agents)."""
    total = weights.base + opinions @ np.array(weights.agents)
    score: Floats = 1.0 / (1.0 + np.exp(-np.clip(total, -30.0, 30.0)))
    return score
