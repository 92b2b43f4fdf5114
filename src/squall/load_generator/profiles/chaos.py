r"""Seeded random rates, each held for an exponentially distributed time.

    λ
    max ┤      ┌─┐
        │──┐   │ │      ┌────
        │  │   │ └──┐   │
    min ┤  └───┘    └───┘
      0 ┼────────────────────  t

λ is a staircase: edges t₀ = 0 < t₁ < … < t_K = D and rates r₀ … r_{K−1}. With
cⱼ = Σ_{i<j} rᵢ(tᵢ₊₁ − tᵢ) and j the step that holds t (or n):

    Λ(t) = cⱼ + rⱼ·(t − tⱼ)        Λ⁻¹(n) = tⱼ + (n − cⱼ)/rⱼ

Rates are uniform on min … max, holds are exponential with the stated mean: the next change cannot
be foreseen from the last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from squall.errors import ConfigurationError
from squall.load_generator.profiles.shape import NOISE, Floats, Shape, reached
from squall.models import LoadProfileType

MOST_STEPS = 1_000_000
"""Expected changes of rate that a profile may have."""


@dataclass(frozen=True, slots=True)
class Chaos(Shape):
    """Random rates between ``min_tps`` and ``max_tps``; equal seeds give equal staircases.

    Raises ConfigurationError when more than ``MOST_STEPS`` changes would be expected.
    """

    min_tps: float
    max_tps: float
    mean_hold_s: float
    duration_s: float = field()
    seed: tuple[int, ...]
    name: str | None = None
    _edges: Floats = field(init=False, repr=False, compare=False)
    _rates: Floats = field(init=False, repr=False, compare=False)
    _counts: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Draw the staircase."""
        if self.duration_s > MOST_STEPS * self.mean_hold_s:
            raise ConfigurationError(
                f"mean_hold_s {self.mean_hold_s:g} makes about "
                f"{self.duration_s / self.mean_hold_s:,.0f} changes of rate in "
                f"{self.duration_s:g} s; the most is {MOST_STEPS:,}: write a longer mean_hold_s"
            )
        edges, rates = _staircase(self)
        counts = np.concatenate(([0.0], np.cumsum(rates * np.diff(edges))))
        object.__setattr__(self, "_edges", edges)
        object.__setattr__(self, "_rates", rates)
        object.__setattr__(self, "_counts", counts)

    @property
    def kind(self) -> LoadProfileType:
        """Chaos."""
        return LoadProfileType.CHAOS

    @property
    def peak_tps(self) -> float:
        """The highest rate drawn."""
        return float(self._rates.max())

    @property
    def corners(self) -> Floats:
        """Every change of rate."""
        return self._edges

    def _step(self, bounds: Floats, values: Floats) -> NDArray[np.intp]:
        return np.clip(np.searchsorted(bounds, values, side="right") - 1, 0, len(self._rates) - 1)

    def rate_tps(self, t: Floats) -> Floats:
        """λ(t) = rⱼ."""
        return np.where(self.outside(t), 0.0, self._rates[self._step(self._edges, t)])

    @property
    def total(self) -> float:
        """The sum over all steps."""
        return float(self._counts[-1])

    def count_by(self, t: Floats) -> Floats:
        """Λ(t) = cⱼ + rⱼ·(t − tⱼ)."""
        step = self._step(self._edges, t)
        return self._counts[step] + self._rates[step] * (t - self._edges[step])

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n) = tⱼ + (n − cⱼ)/rⱼ; steps at rate 0 are passed over."""
        total = self.total
        if total == 0.0:
            return np.full(len(arrivals), np.inf)
        ahead = np.maximum(arrivals, 0.0)
        step = self._step(self._counts, ahead * (1.0 + NOISE))
        rate = self._rates[step]
        into = np.divide(
            np.maximum(ahead - self._counts[step], 0.0),
            rate,
            out=np.zeros_like(ahead),
            where=rate > 0.0,
        )
        time = np.minimum(self._edges[step] + into, self._edges[step + 1])
        return np.where(reached(total, arrivals), np.inf, time)


def _staircase(profile: Chaos) -> tuple[Floats, Floats]:
    """Edges of shape (K+1,) from 0 to the duration, and K rates."""
    random = np.random.default_rng(profile.seed)
    drawn = int(profile.duration_s / profile.mean_hold_s * 1.1) + 16
    holds = random.exponential(profile.mean_hold_s, drawn)
    while holds.sum() < profile.duration_s:
        holds = np.concatenate((holds, random.exponential(profile.mean_hold_s, drawn)))
    ends = np.cumsum(holds)
    ends = ends[: int(np.searchsorted(ends, profile.duration_s))]
    edges = np.concatenate(([0.0], ends, [profile.duration_s]))
    return edges, random.uniform(profile.min_tps, profile.max_tps, len(edges) - 1)
