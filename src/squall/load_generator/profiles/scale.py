r"""A profile with its rate multiplied by ρ and its time stretched by τ.

    λ(t)   = ρ · λ₁(t/τ)
    Λ(t)   = ρτ · Λ₁(t/τ)
    Λ⁻¹(n) = τ · Λ₁⁻¹(n/(ρτ))

A profile at half the rate and a tenth of the time brings a twentieth of the arrivals.
"""

from __future__ import annotations

from dataclasses import dataclass

from squall.load_generator.profiles.shape import Floats, Shape
from squall.models import LoadProfileType, Phase


@dataclass(frozen=True, slots=True)
class Scale(Shape):
    """``part`` at ``rate`` times its rate and over ``time`` times its duration."""

    part: Shape
    rate: float = 1.0
    time: float = 1.0
    name: str | None = None

    @property
    def kind(self) -> LoadProfileType:
        """Scale."""
        return LoadProfileType.SCALE

    @property
    def duration_s(self) -> float:
        """τ times the part's."""
        return self.part.duration_s * self.time

    @property
    def peak_tps(self) -> float:
        """ρ times the part's."""
        return self.part.peak_tps * self.rate

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The part's phases, stretched; one phase when the scaled profile has its own name."""
        if self.name:
            return (Phase(self.name, 0.0, self.duration_s),)
        return tuple(
            Phase(p.name, p.start_s * self.time, p.end_s * self.time) for p in self.part.phases
        )

    @property
    def corners(self) -> Floats:
        """The part's corners, stretched."""
        return self.time * self.part.corners

    def rate_tps(self, t: Floats) -> Floats:
        """λ(t) = ρ·λ₁(t/τ)."""
        return self.rate * self.part.rate_tps(t / self.time)

    @property
    def total(self) -> float:
        """ρτ times the part's."""
        return self.rate * self.time * self.part.total

    def count_by(self, t: Floats) -> Floats:
        """Λ(t) = ρτ·Λ₁(t/τ)."""
        return self.rate * self.time * self.part.cumulative(t / self.time)

    def inverse(self, arrivals: Floats) -> Floats:
        """Λ⁻¹(n) = τ·Λ₁⁻¹(n/(ρτ))."""
        return self.time * self.part.inverse(arrivals / (self.rate * self.time))
