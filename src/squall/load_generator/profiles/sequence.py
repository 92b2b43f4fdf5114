r"""One profile after another.

    λ
      ┤      ╱────────╲
      │    ╱          │╲
      │  ╱            │  ╲
    0 ┼─────────────────────  t
      0     T₁        T₂   T₃

Part j starts at Tⱼ = Σ_{i<j} Dᵢ with Cⱼ = Σ_{i<j} Λᵢ(Dᵢ) arrivals behind it. For the part that
holds t (or n):

    λ(t) = λⱼ(t − Tⱼ)     Λ(t) = Cⱼ + Λⱼ(t − Tⱼ)     Λ⁻¹(n) = Tⱼ + Λⱼ⁻¹(n − Cⱼ)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.profiles.shape import NOISE, Floats, Shape, reached
from squall.models import LoadProfileType, Phase


@dataclass(frozen=True, slots=True)
class Sequence(Shape):
    """``parts`` in order; without a name its phases are those of its parts."""

    parts: tuple[Shape, ...]
    name: str | None = None
    _starts: Floats = field(init=False, repr=False, compare=False)
    _counts: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Add up the parts, exactly: many small errors would make an arrival too many."""
        object.__setattr__(self, "_starts", _sums(p.duration_s for p in self.parts))
        object.__setattr__(self, "_counts", _sums(p.total for p in self.parts))

    @property
    def kind(self) -> LoadProfileType:
        """Sequence."""
        return LoadProfileType.SEQUENCE

    @property
    def duration_s(self) -> float:
        """The sum of its parts'."""
        return float(self._starts[-1])

    @property
    def peak_tps(self) -> float:
        """The highest of its parts'."""
        return max(part.peak_tps for part in self.parts)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The parts' phases, nested sequences flattened; one phase when the sequence has a name."""
        if self.name:
            return (Phase(self.name, 0.0, self.duration_s),)
        return tuple(
            Phase(phase.name, float(start) + phase.start_s, float(start) + phase.end_s)
            for part, start in zip(self.parts, self._starts[:-1], strict=True)
            for phase in part.phases
        )

    @property
    def corners(self) -> Floats:
        """The parts' corners, one after another."""
        pairs = zip(self.parts, self._starts[:-1], strict=True)
        return np.concatenate([start + part.corners for part, start in pairs])

    def rate_tps(self, t: Floats) -> Floats:
        """λ of the part that holds each time; at a boundary, of the later one."""
        inside = self.within(t)
        rate = self._by_part(
            self._part(self._starts, inside),
            inside,
            lambda part, j, x: part.rate_tps(np.minimum(x - self._starts[j], part.duration_s)),
        )
        return np.where(self.outside(t), 0.0, rate)

    @property
    def total(self) -> float:
        """The sum of its parts'."""
        return float(self._counts[-1])

    def count_by(self, t: Floats) -> Floats:
        """Λ(t) = Cⱼ + Λⱼ(t − Tⱼ)."""
        return self._by_part(
            self._part(self._starts, t),
            t,
            lambda part, j, x: self._counts[j] + part.cumulative(x - self._starts[j]),
        )

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n) = Tⱼ + Λⱼ⁻¹(n − Cⱼ); parts without arrivals are passed over."""
        total = self.total
        if total == 0.0:
            return np.full(len(arrivals), np.inf)
        ahead = np.maximum(arrivals, 0.0)
        time = self._by_part(
            self._part(self._counts, ahead * (1.0 + NOISE)),
            ahead,
            lambda part, j, x: (
                self._starts[j]
                + np.minimum(part.inverse(np.maximum(x - self._counts[j], 0.0)), part.duration_s)
            ),
        )
        return np.where(reached(total, arrivals), np.inf, time)

    def _part(self, bounds: Floats, values: Floats) -> NDArray[np.intp]:
        return np.clip(np.searchsorted(bounds, values, side="right") - 1, 0, len(self.parts) - 1)

    def _by_part(
        self,
        which: NDArray[np.intp],
        values: Floats,
        evaluate: Callable[[Shape, int, Floats], Floats],
    ) -> Floats:
        """Evaluate each value in its own part, whole runs of values at a time."""
        if not len(values):
            return np.empty(0)
        first, last = int(which.min()), int(which.max())
        if first == last:
            return evaluate(self.parts[first], first, values)
        answer = np.empty(len(values))
        for j in np.unique(which):
            mine = which == j
            answer[mine] = evaluate(self.parts[j], int(j), values[mine])
        return answer


def _sums(values: Iterable[float]) -> Floats:
    exact = accumulate((Fraction(v) for v in values), initial=Fraction(0))
    return np.array([float(v) for v in exact])
