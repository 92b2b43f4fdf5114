"""What a load profile is: a rate over time, its integral, and the integral's inverse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from squall.models.enums import LoadProfileType

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Phase:
    """A named stretch of a profile, in seconds from its start."""

    name: str
    start_s: float
    end_s: float


class LoadProfile(ABC):
    """A rate λ(t) in transactions per second on 0 ≤ t ≤ ``duration_s``.

    Λ(t) = ∫₀ᵗ λ is the number of arrivals due by t; arrival i is due at Λ⁻¹(i). Implementations
    are frozen values: pure functions of time, which never read a clock.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def kind(self) -> LoadProfileType:
        """Which shape this is."""

    @property
    @abstractmethod
    def duration_s(self) -> float:
        """Length in seconds."""

    @abstractmethod
    def rate_tps(self, t: Floats) -> Floats:
        """λ at times ``t`` in seconds, shape (n,); 0 outside the profile."""

    @abstractmethod
    def cumulative(self, t: Floats) -> Floats:
        """Λ at times ``t`` in seconds, shape (n,); constant outside the profile."""

    @abstractmethod
    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n) = inf {t : Λ(t) > n}: the times from which more than n are due, shape (n,).

        Where λ > 0 that is the plain inverse; across a stretch without arrivals it is the end of
        that stretch, so nothing is ever due while the rate is 0. Infinite from the total on.
        """

    @property
    @abstractmethod
    def peak_tps(self) -> float:
        """The largest λ."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Named stretches in order; one for a simple profile."""
        return (Phase(self.kind.value, 0.0, self.duration_s),)

    @property
    def total(self) -> float:
        """Λ(duration): arrivals in the whole profile."""
        return float(self.cumulative(np.array([self.duration_s]))[0])
