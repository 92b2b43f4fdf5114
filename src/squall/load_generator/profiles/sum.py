r"""Several profiles at once: their rates add up.

    λ
      ┤   ╭─╮┌┐   ╭─╮┌┐        a wave with bursts on top
      │╭──╯ └┘╰───╯ └┘╰──
    0 ┼──────────────────  t

    λ(t) = Σ λᵢ(t)        Λ(t) = Σ Λᵢ(t)

The inverse of a sum has no closed form. A grid over the profile brackets each arrival, and Newton's
method inside the bracket, with bisection to fall back on, finds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from squall.load_generator.profiles.inversion import solve
from squall.load_generator.profiles.shape import NOISE, Floats, Shape, reached
from squall.models import LoadProfileType

_GRID = 1024


@dataclass(frozen=True, slots=True)
class Sum(Shape):
    """``parts`` side by side, all from time 0; it lasts as long as the longest of them."""

    parts: tuple[Shape, ...]
    name: str | None = None
    _grid: Floats = field(init=False, repr=False, compare=False)
    _counts: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Tabulate Λ over the profile, with the parts' corners among the knots."""
        grid = np.union1d(np.linspace(0.0, self.duration_s, _GRID + 1), self.corners)
        object.__setattr__(self, "_grid", grid)
        object.__setattr__(self, "_counts", self.cumulative(grid))

    @property
    def kind(self) -> LoadProfileType:
        """Sum."""
        return LoadProfileType.SUM

    @property
    def duration_s(self) -> float:
        """The longest part's."""
        return max(part.duration_s for part in self.parts)

    @property
    def peak_tps(self) -> float:
        """The highest rate at, and just before, any knot of the grid."""
        before = np.nextafter(self._grid, 0.0)
        return float(max(self.rate_tps(self._grid).max(), self.rate_tps(before).max()))

    @property
    def corners(self) -> Floats:
        """The corners of all parts."""
        return np.unique(np.concatenate([part.corners for part in self.parts]))

    def rate_tps(self, t: Floats) -> Floats:
        """λ(t) = Σ λᵢ(t)."""
        total = np.zeros(len(t))
        for part in self.parts:
            total += part.rate_tps(t)
        return total

    @property
    def total(self) -> float:
        """The sum of its parts'."""
        return math.fsum(part.total for part in self.parts)

    def count_by(self, t: Floats) -> Floats:
        """Λ(t) = Σ Λᵢ(t)."""
        total = np.zeros(len(t))
        for part in self.parts:
            total += part.cumulative(t)
        return total

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n) by safeguarded Newton steps; infinite from the total on."""
        total = self.total
        if total == 0.0:
            return np.full(len(arrivals), np.inf)
        ahead = np.minimum(np.maximum(arrivals, 0.0) * (1.0 + NOISE), total)
        time = solve(self.cumulative, self.rate_tps, ahead, self._grid, self._counts)
        return np.where(reached(total, arrivals), np.inf, time)
