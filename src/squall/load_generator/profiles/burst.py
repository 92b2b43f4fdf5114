r"""A base rate with a burst at the end of every period.

    λ
    c ┤      ┌──┐      ┌──┐
      │      │  │      │  │
    b ┤──────┘  └──────┘  └──   t
      0      q  p     p+q 2p

With period p, burst length w, quiet q = p − w, and P = b·q + c·w arrivals a period, time splits
into k = ⌊t/p⌋ whole periods and u = t − k·p:

    Λ(t)   = k·P + b·u + (c − b)·max(0, u − q)
    Λ⁻¹(n) = k·p + u   with k = ⌊n/P⌋, m = n − k·P and
             u = m/b for m < b·q, else q + (m − b·q)/c
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from squall.load_generator.profiles.shape import MOST_PERIODS, NOISE, Floats, Shape, reached
from squall.models import LoadProfileType, Phase

LISTED_BURSTS = 20
"""With more bursts than this the profile is one phase, not two for each burst."""


@dataclass(frozen=True, slots=True)
class Burst(Shape):
    """``base_tps`` with ``burst_tps`` in the last ``burst_s`` of every ``every_s`` seconds."""

    base_tps: float
    burst_tps: float
    every_s: float
    burst_s: float
    duration_s: float = field()
    name: str | None = None

    @property
    def kind(self) -> LoadProfileType:
        """Burst."""
        return LoadProfileType.BURST

    @property
    def peak_tps(self) -> float:
        """The higher of the rates that occur."""
        rates = []
        if self._quiet_s > 0.0:
            rates.append(self.base_tps)
        if self.duration_s > self._quiet_s:
            rates.append(self.burst_tps)
        return max(rates)

    @property
    def _quiet_s(self) -> float:
        return self.every_s - self.burst_s

    @property
    def phases(self) -> tuple[Phase, ...]:
        """``base`` and ``burst`` in turn; one phase when there are more than 20 bursts."""
        if self.duration_s > LISTED_BURSTS * self.every_s:
            return (Phase(self.name or self.kind.value, 0.0, self.duration_s),)
        prefix = f"{self.name} " if self.name else ""
        edges: list[tuple[str, float]] = []
        for period in range(LISTED_BURSTS):
            edges.append((f"{prefix}base", period * self.every_s))
            edges.append((f"{prefix}burst", period * self.every_s + self._quiet_s))
        ends = [start for _, start in edges[1:]] + [np.inf]
        return tuple(
            Phase(name, start, min(end, self.duration_s))
            for (name, start), end in zip(edges, ends, strict=True)
            if start < min(end, self.duration_s)
        )

    @property
    def corners(self) -> Floats:
        """Starts and ends of the first thousand bursts."""
        periods = self.every_s * np.arange(min(self.duration_s / self.every_s, MOST_PERIODS))
        edges = np.concatenate((periods, periods + self._quiet_s, [self.duration_s]))
        return np.sort(edges[edges <= self.duration_s])

    def _split(self, t: Floats) -> tuple[Floats, Floats]:
        """Whole periods before each time, and the time into its own."""
        whole = np.floor(t / self.every_s)
        return whole, np.maximum(t - whole * self.every_s, 0.0)

    def rate_tps(self, t: Floats) -> Floats:
        """λ(t): the burst rate from q to p of each period, else the base rate."""
        _, into = self._split(t)
        rate = np.where(into >= self._quiet_s, self.burst_tps, self.base_tps)
        return np.where(self.outside(t), 0.0, rate)

    @property
    def total(self) -> float:
        """Whole periods, exactly when the profile ends with one, and what is left."""
        periods = self.duration_s / self.every_s
        if abs(periods - round(periods)) <= NOISE * periods:
            return round(periods) * self._per_period
        return float(self.count_by(np.array([self.duration_s]))[0])

    def count_by(self, t: Floats) -> Floats:
        """Λ(t) = k·P + b·u + (c − b)·max(0, u − q)."""
        whole, into = self._split(t)
        in_burst = np.maximum(into - self._quiet_s, 0.0)
        return whole * self._per_period + (
            self.base_tps * np.minimum(into, self._quiet_s) + self.burst_tps * in_burst
        )

    @property
    def _per_period(self) -> float:
        return self.base_tps * self._quiet_s + self.burst_tps * self.burst_s

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n) by whole periods, then in the one that n falls into."""
        total = self.total
        if total == 0.0:
            return np.full(len(arrivals), np.inf)
        ahead = np.maximum(arrivals, 0.0)
        whole = np.floor(ahead / self._per_period * (1.0 + NOISE))
        left = np.maximum(ahead - whole * self._per_period, 0.0)
        quiet_arrivals = self.base_tps * self._quiet_s
        in_burst = np.maximum(left - quiet_arrivals, 0.0)
        late = self._quiet_s + in_burst / self.burst_tps if self.burst_tps else self.every_s
        early = left / self.base_tps if self.base_tps else 0.0
        # The look-ahead is as wide as the rounding of n itself, which k·P has in full.
        bursting = left >= quiet_arrivals - NOISE * (quiet_arrivals + ahead)
        time = whole * self.every_s + np.where(bursting, late, early)
        return np.where(reached(total, arrivals), np.inf, np.minimum(time, self.duration_s))
