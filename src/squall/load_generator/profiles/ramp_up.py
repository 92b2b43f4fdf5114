r"""A linear change of rate, up or down.

    λ
    b ┤            ╱
      │        ╱
    a ┤    ╱
    0 ┼──────────────  t
      0            D

With slope k = (b − a)/D:

    λ(t) = a + k·t
    Λ(t) = a·t + k·t²/2

Upwards, Λ(t) = n is solved from the start in the form that does not cancel near λ = 0:

    t = 2n / (a + √(a² + 2k·n))

Downwards the root nears zero at the far end, where that form loses half of its digits. There the
same equation is solved for the time s still to go, with r = Λ(D) − n arrivals still to come:

    s = 2r / (b + √(b² + 2|k|·r)),   t = D − s
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from squall.load_generator.profiles.shape import Floats, Shape, reached
from squall.models import LoadProfileType


@dataclass(frozen=True, slots=True)
class RampUp(Shape):
    """From ``start_tps`` to ``end_tps`` in a straight line over ``duration_s`` seconds."""

    start_tps: float
    end_tps: float
    duration_s: float = field()
    name: str | None = None

    @property
    def kind(self) -> LoadProfileType:
        """Ramp-up."""
        return LoadProfileType.RAMP_UP

    @property
    def peak_tps(self) -> float:
        """The higher end."""
        return max(self.start_tps, self.end_tps)

    @property
    def _slope(self) -> float:
        return (self.end_tps - self.start_tps) / self.duration_s

    def rate_tps(self, t: Floats) -> Floats:
        """λ(t) = a + k·t."""
        rate = np.maximum(self.start_tps + self._slope * t, 0.0)
        return np.where(self.outside(t), 0.0, rate)

    @property
    def total(self) -> float:
        """The mean rate times the duration."""
        return 0.5 * (self.start_tps + self.end_tps) * self.duration_s

    def count_by(self, t: Floats) -> Floats:
        """Λ(t) = a·t + k·t²/2."""
        return t * (self.start_tps + 0.5 * self._slope * t)

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n), from the end where the rate is low; infinite from the total on."""
        total = self.total
        if total == 0.0:
            return np.full(len(arrivals), np.inf)
        slope = self._slope
        from_start = np.minimum(np.maximum(arrivals, 0.0), total)
        if slope >= 0.0:
            time = _time_up(self.start_tps, slope, from_start)
        else:
            time = self.duration_s - _time_up(self.end_tps, -slope, total - from_start)
        return np.where(reached(total, arrivals), np.inf, np.maximum(time, 0.0))


def _time_up(start_tps: float, slope: float, arrivals: Floats) -> Floats:
    """Solve a·t + k·t²/2 = n for k ≥ 0; 0 for n = 0."""
    denominator = start_tps + np.sqrt(start_tps * start_tps + 2.0 * slope * arrivals)
    return np.divide(
        2.0 * arrivals, denominator, out=np.zeros_like(arrivals), where=denominator > 0.0
    )
