r"""A constant rate.

λ
r ┤──────────────
  │
0 ┼──────────────  t
  0              D

λ(t) = r        Λ(t) = r·t        Λ⁻¹(n) = n / r
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from squall.load_generator.profiles.shape import Floats, Shape, reached
from squall.models import LoadProfileType


@dataclass(frozen=True, slots=True)
class Sustained(Shape):
    """``tps`` transactions per second for ``duration_s`` seconds."""

    tps: float
    duration_s: float = field()
    name: str | None = None

    @property
    def kind(self) -> LoadProfileType:
        """Sustained."""
        return LoadProfileType.SUSTAINED

    @property
    def peak_tps(self) -> float:
        """The rate."""
        return self.tps

    def rate_tps(self, t: Floats) -> Floats:
        """λ(t) = r."""
        return np.where(self.outside(t), 0.0, self.tps)

    def count_by(self, t: Floats) -> Floats:
        """Λ(t) = r·t."""
        return self.tps * t

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n) = n / r; infinite from the total on."""
        total = self.total
        if total == 0.0:
            return np.full(len(arrivals), np.inf)
        time = np.maximum(arrivals, 0.0) / self.tps
        return np.where(reached(total, arrivals), np.inf, time)
