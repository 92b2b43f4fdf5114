"""How a scenario writes a load profile: plain values, checked, without behaviour.

``load_generator.profiles.build`` turns them into ``LoadProfile`` objects.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_TPS = 1_000_000.0
"""Largest rate a scenario may ask for."""
MAX_DURATION_S = 7 * 86_400.0
"""Longest part a scenario may have: a week."""

Rate = Annotated[float, Field(ge=0, le=MAX_TPS, description="Transactions per second")]
Duration = Annotated[float, Field(gt=0, le=MAX_DURATION_S, description="Seconds")]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, description="Name of the phase in reports")


class RampUpSpec(_Spec):
    """A linear change of rate, up or down."""

    type: Literal["ramp_up"]
    start_tps: Rate
    end_tps: Rate
    duration_s: Duration


class SustainedSpec(_Spec):
    """A constant rate."""

    type: Literal["sustained"]
    rate_tps: Rate
    duration_s: Duration


class BurstSpec(_Spec):
    """A base rate with a burst at the end of every period."""

    type: Literal["burst"]
    base_tps: Rate
    burst_tps: Rate
    every_s: Duration
    burst_s: Duration
    duration_s: Duration

    @model_validator(mode="after")
    def _burst_fits(self) -> BurstSpec:
        if self.burst_s > self.every_s:
            raise ValueError("burst_s must not be longer than every_s")
        return self


class WaveSpec(_Spec):
    """A sine around a mean: mean + amplitude · sin(2πt / period)."""

    type: Literal["wave"]
    mean_tps: Rate
    amplitude_tps: Rate
    period_s: Duration
    duration_s: Duration

    @model_validator(mode="after")
    def _never_negative(self) -> WaveSpec:
        if self.amplitude_tps > self.mean_tps:
            raise ValueError("amplitude_tps must not exceed mean_tps: a rate cannot be negative")
        return self


class ChaosSpec(_Spec):
    """Seeded random rates, each held for an exponentially distributed time."""

    type: Literal["chaos"]
    min_tps: Rate
    max_tps: Rate
    mean_hold_s: Duration
    duration_s: Duration
    seed: int | None = Field(default=None, ge=0, description="The run's seed when left out")

    @model_validator(mode="after")
    def _ordered(self) -> ChaosSpec:
        if self.min_tps > self.max_tps:
            raise ValueError("min_tps must not exceed max_tps")
        return self


class SequenceSpec(_Spec):
    """One profile after another."""

    type: Literal["sequence"]
    parts: tuple[LoadSpec, ...] = Field(min_length=1)


class SumSpec(_Spec):
    """Several profiles at once: their rates add up."""

    type: Literal["sum"]
    parts: tuple[LoadSpec, ...] = Field(min_length=1)


class ScaleSpec(_Spec):
    """A profile with its rate and time multiplied."""

    type: Literal["scale"]
    rate: float = Field(default=1.0, gt=0, le=1000)
    time: float = Field(default=1.0, gt=0, le=1000)
    part: LoadSpec


LoadSpec = Annotated[
    RampUpSpec
    | SustainedSpec
    | BurstSpec
    | WaveSpec
    | ChaosSpec
    | SequenceSpec
    | SumSpec
    | ScaleSpec,
    Field(discriminator="type"),
]

SequenceSpec.model_rebuild()
SumSpec.model_rebuild()
ScaleSpec.model_rebuild()
