r"""A sine around a mean.

    λ
    m+a ┤   ╭─╮         ╭─╮
      m ┤ ╭─╯ ╰─╮     ╭─╯ ╰─╮
    m−a ┤       ╰─╮ ╭─╯
      0 ┼─────────────────────  t
        0         p

    λ(t) = m + a·sin(2πt/p)
    Λ(t) = m·t + a·p/2π · (1 − cos(2πt/p))

A period brings exactly m·p arrivals, so Λ⁻¹ is needed within one period only. There, with
θ = 2πt/p and e = a/m, Λ(t) = n reads

    θ + e·(1 − cos θ) = 2πn/(m·p)

which is Kepler's equation (put E = θ + π/2) and has no closed form. A table of one period brackets
the root and Newton's method finishes it. With e = 1 the rate touches zero and Λ is flat to third
order there: times around that instant are exact in arrivals, not to the nanosecond.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from squall.load_generator.profiles.inversion import solve
from squall.load_generator.profiles.shape import MOST_PERIODS, NOISE, Floats, Shape, reached
from squall.models import LoadProfileType

_TABLE = 256


@dataclass(frozen=True, slots=True)
class Wave(Shape):
    """``mean_tps`` + ``amplitude_tps`` · sin(2πt / ``period_s``), with amplitude ≤ mean."""

    mean_tps: float
    amplitude_tps: float
    period_s: float
    duration_s: float = field()
    name: str | None = None
    _table: tuple[Floats, Floats] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Tabulate Λ over one period."""
        knots = np.linspace(0.0, self.period_s, _TABLE + 1)
        object.__setattr__(self, "_table", (knots, self._count(knots)))

    @property
    def kind(self) -> LoadProfileType:
        """Wave."""
        return LoadProfileType.WAVE

    @property
    def peak_tps(self) -> float:
        """The crest, or the highest point before it when the profile ends earlier."""
        crest = min(self.duration_s / self.period_s, 0.25)
        return self.mean_tps + self.amplitude_tps * float(np.sin(2 * np.pi * crest))

    @property
    def corners(self) -> Floats:
        """Crests, troughs and the points half-way, of the first thousand periods."""
        quarters = np.arange(min(4.0 * self.duration_s / self.period_s, 4.0 * MOST_PERIODS))
        return np.append(quarters * (0.25 * self.period_s), self.duration_s)

    def rate_tps(self, t: Floats) -> Floats:
        """λ(t) = m + a·sin(2πt/p)."""
        rate = self._rate(np.asarray(t, dtype=np.float64))
        return np.where(self.outside(t), 0.0, rate)

    def count_by(self, t: Floats) -> Floats:
        """Λ(t), whole periods apart so that long runs keep their digits."""
        whole = np.floor(t / self.period_s)
        into = np.maximum(t - whole * self.period_s, 0.0)
        return whole * (self.mean_tps * self.period_s) + self._count(into)

    def _rate(self, t: Floats) -> Floats:
        rate = self.mean_tps + self.amplitude_tps * np.sin(2 * np.pi / self.period_s * t)
        return np.maximum(rate, 0.0)

    def _count(self, t: Floats) -> Floats:
        """Λ inside the first period; 1 − cos x is written 2·sin²(x/2), which does not cancel."""
        half_sine = np.sin(np.pi / self.period_s * t)
        swing = self.amplitude_tps * self.period_s / np.pi
        return self.mean_tps * t + swing * half_sine * half_sine

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n): whole periods, then Newton's method inside one."""
        total = self.total
        if total == 0.0:
            return np.full(len(arrivals), np.inf)
        per_period = self.mean_tps * self.period_s
        ahead = np.minimum(np.maximum(arrivals, 0.0), total)
        whole = np.floor(ahead / per_period * (1.0 + NOISE))
        left = np.minimum(np.maximum(ahead - whole * per_period, 0.0), per_period)
        knots, counts = self._table
        into = solve(self._count, self._rate, left, knots, counts)
        time = np.minimum(whole * self.period_s + into, self.duration_s)
        return np.where(reached(total, arrivals), np.inf, time)
