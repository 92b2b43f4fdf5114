"""What every load shape has in common: an optional name, and the noise that sums may carry."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from squall.models import LoadProfile, Phase

Floats = NDArray[np.float64]

NOISE = 1e-14
"""Relative error allowed for in a count of arrivals (about 45 units in the last place).

5,000 TPS for 60 s must be 300,000 arrivals even when some sum says 300,000.00000000006; every
comparison of a count with a boundary therefore looks a relative ``NOISE`` ahead.
"""

MOST_PERIODS = 1000
"""Periods of a periodic shape whose corners are listed."""


class Shape(LoadProfile):
    """A load profile with an optional name, which its phase then bears.

    Subclasses are frozen dataclasses with the field ``name``.
    """

    __slots__ = ()

    name: str | None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase, named after the profile or its shape."""
        return (Phase(self.name or self.kind.value, 0.0, self.duration_s),)

    @property
    def corners(self) -> Floats:
        """Times, ascending, at which λ jumps, bends or turns; both ends included."""
        return np.array([0.0, self.duration_s])

    @abstractmethod
    def count_by(self, t: Floats) -> Floats:
        """Λ at times inside the profile, shape (n,)."""

    @property
    def total(self) -> float:
        """Λ(duration), each shape's by its own formula.

        A formula keeps the digits that the rounding of a time would cost: a burst of 10,000 TPS
        makes 10⁻⁹ arrivals of one unit in the last place of 15 minutes.
        """
        return float(self.count_by(np.array([self.duration_s]))[0])

    def cumulative(self, t: Floats) -> Floats:
        """Λ at times ``t`` in seconds, shape (n,); constant outside the profile."""
        inside = self.within(t)
        return np.where(inside >= self.duration_s, self.total, self.count_by(inside))

    def within(self, t: Floats) -> Floats:
        """Times clipped to the profile."""
        return np.minimum(np.maximum(t, 0.0), self.duration_s)

    def outside(self, t: Floats) -> NDArray[np.bool_]:
        """Which times are not in the profile."""
        return (t < 0.0) | (t > self.duration_s)


def reached(boundary: float, arrivals: Floats) -> NDArray[np.bool_]:
    """Which counts are at or past a boundary, rounding noise allowed for."""
    return arrivals >= boundary * (1.0 - NOISE)
