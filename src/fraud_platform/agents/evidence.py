"""What the agents are shown, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fraud_platform.state.features import NAMES, FloatMatrix
from fraud_platform.wire.transaction import Transaction

COLUMN = {name: number for number, name in enumerate(NAMES)}
"""Column of the feature matrix by name."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
ReasonBits = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A micro-batch of n transactions with their features, shape (n, len(NAMES))."""

    transactions: Sequence[Transaction]
    matrix: FloatMatrix

    def __len__(self) -> int:
        """Number of transactions."""
        return len(self.matrix)

    def __getitem__(self, name: str) -> FloatMatrix:
        """One feature's column, shape (n,)."""
        column: FloatMatrix = self.matrix[:, COLUMN[name]]
        return column


@dataclass(frozen=True, slots=True)
class Votes:
    """One agent's votes on n transactions; all arrays have shape (n,)."""

    risk: Floats
    """Probability of fraud as this agent sees it, 0 … 1."""
    confidence: Floats
    """How much the agent has to go on, 0 … 1."""
    reasons: ReasonBits
    """Bits of ``reasons.REASONS``."""
    veto: Flags | None = None
    """Transactions that must be declined whatever the others say."""
    at_s: float | None = None
    """When they were given, on the clock of whoever runs the agents; None: not known."""


class Agent(Protocol):
    """One of the platform's specialists."""

    @property
    def name(self) -> str:
        """Its name in figures and logs."""
        ...

    def judge(self, evidence: Evidence) -> Votes:
        """Votes on a micro-batch. Called from one thread at a time; may raise."""
        ...
