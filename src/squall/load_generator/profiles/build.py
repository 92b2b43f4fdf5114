"""From the way a scenario writes a load to the profile that computes it."""

from __future__ import annotations

from squall.load_generator.profiles.burst import Burst
from squall.load_generator.profiles.chaos import Chaos
from squall.load_generator.profiles.ramp_up import RampUp
from squall.load_generator.profiles.scale import Scale
from squall.load_generator.profiles.sequence import Sequence
from squall.load_generator.profiles.shape import Shape
from squall.load_generator.profiles.sum import Sum
from squall.load_generator.profiles.sustained import Sustained
from squall.load_generator.profiles.wave import Wave
from squall.models import LoadProfile, LoadSpec
from squall.models.load_spec import (
    BurstSpec,
    ChaosSpec,
    RampUpSpec,
    ScaleSpec,
    SequenceSpec,
    SumSpec,
    SustainedSpec,
    WaveSpec,
)

MOST_SCALE = 1000.0
"""Largest factor of a ``ScaleSpec``."""


def build(spec: LoadSpec, seed: int) -> LoadProfile:
    """The profile of a specification.

    ``seed`` decides chaotic parts that name no seed of their own; each takes its place in the
    specification into account, so two of them differ. Raises ConfigurationError for a chaotic
    part with too many changes of rate.
    """
    return _build(spec, (seed,))


def _build(spec: LoadSpec, seed: tuple[int, ...]) -> Shape:
    """Build one part; ``seed`` is the run's seed followed by the path to this part."""
    match spec:
        case RampUpSpec():
            return RampUp(spec.start_tps, spec.end_tps, spec.duration_s, spec.name)
        case SustainedSpec():
            return Sustained(spec.rate_tps, spec.duration_s, spec.name)
        case BurstSpec():
            return Burst(
                spec.base_tps,
                spec.burst_tps,
                spec.every_s,
                spec.burst_s,
                spec.duration_s,
                spec.name,
            )
        case WaveSpec():
            return Wave(
                spec.mean_tps, spec.amplitude_tps, spec.period_s, spec.duration_s, spec.name
            )
        case ChaosSpec():
            own = seed if spec.seed is None else (spec.seed,)
            return Chaos(
                spec.min_tps, spec.max_tps, spec.mean_hold_s, spec.duration_s, own, spec.name
            )
        case SequenceSpec():
            return Sequence(_parts(spec.parts, seed), spec.name)
        case SumSpec():
            return Sum(_parts(spec.parts, seed), spec.name)
        case ScaleSpec():
            return Scale(_build(spec.part, seed), spec.rate, spec.time, spec.name)


def _parts(specs: tuple[LoadSpec, ...], seed: tuple[int, ...]) -> tuple[Shape, ...]:
    return tuple(_build(spec, (*seed, place)) for place, spec in enumerate(specs))


def scaled(spec: LoadSpec, rate: float, time: float) -> LoadSpec:
    """The same load with its rate and time multiplied.

    Nothing is wrapped for factors of 1, and an unnamed scale at the top takes the factors in.
    """
    if rate == 1.0 and time == 1.0:
        return spec
    if isinstance(spec, ScaleSpec) and spec.name is None and _both_legal(spec, rate, time):
        return scaled(spec.part, spec.rate * rate, spec.time * time)
    return ScaleSpec(type="scale", rate=rate, time=time, part=spec)


def _both_legal(spec: ScaleSpec, rate: float, time: float) -> bool:
    """Whether two scales together are still one that a scenario may write."""
    return spec.rate * rate <= MOST_SCALE and spec.time * time <= MOST_SCALE
