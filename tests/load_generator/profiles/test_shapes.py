"""Each shape's own figures, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from squall.errors import ConfigurationError
from squall.load_generator.profiles import (
    Burst,
    Chaos,
    RampUp,
    Scale,
    Sequence,
    Sum,
    Sustained,
    Wave,
    build,
    scaled,
)
from squall.models import LoadProfile, LoadProfileType, Phase
from squall.models.load_spec import ChaosSpec, ScaleSpec, SequenceSpec, SustainedSpec

CHAOS = Chaos(10, 100, 2, 60, seed=(1,))


@pytest.mark.parametrize(
    ("profile", "t", "rate", "count"),
    [
        (Sustained(100, 10), 2.5, 100, 250),
        (RampUp(0, 100, 10), 5, 50, 125),
        (RampUp(100, 0, 10), 5, 50, 375),
        (RampUp(50, 150, 10), 10, 150, 1000),
        (Burst(10, 100, 10, 2, 30), 7.9, 10, 79),
        (Burst(10, 100, 10, 2, 30), 9, 100, 180),
        (Burst(10, 100, 10, 2, 30), 10, 10, 280),
        (Burst(10, 100, 10, 2, 30), 29, 100, 2 * 280 + 180),
        (Wave(100, 50, 8, 16), 2, 150, 200 + 50 * 8 / (2 * math.pi)),
        (Wave(100, 50, 8, 16), 8, 100, 800),
        (Wave(100, 100, 8, 16), 6, 0, 600 + 100 * 8 / (2 * math.pi)),
        (Sequence((Sustained(10, 5), Sustained(20, 5))), 5, 20, 50),
        (Sequence((Sustained(10, 5), RampUp(20, 40, 10))), 10, 30, 50 + 125),
        (Sum((Sustained(10, 5), Sustained(20, 10))), 4, 30, 120),
        (Sum((Sustained(10, 5), Sustained(20, 10))), 8, 20, 50 + 160),
        (Scale(RampUp(0, 100, 10), rate=0.5, time=2.0), 10, 25, 125),
    ],
)
def test_rate_and_count_at_a_time(
    profile: LoadProfile, t: float, rate: float, count: float
) -> None:
    assert profile.rate_tps(np.array([t]))[0] == pytest.approx(rate, abs=1e-9)
    assert profile.cumulative(np.array([t]))[0] == pytest.approx(count)


@pytest.mark.parametrize(
    ("profile", "kind", "peak"),
    [
        (Sustained(100, 10), LoadProfileType.SUSTAINED, 100),
        (RampUp(100, 20, 10), LoadProfileType.RAMP_UP, 100),
        (Burst(10, 100, 10, 2, 30), LoadProfileType.BURST, 100),
        (Burst(10, 100, 10, 2, 7), LoadProfileType.BURST, 10),
        (Wave(100, 50, 8, 16), LoadProfileType.WAVE, 150),
        (Wave(100, 50, 8, 1), LoadProfileType.WAVE, 100 + 50 * math.sqrt(0.5)),
        (CHAOS, LoadProfileType.CHAOS, CHAOS.rate_tps(np.linspace(0, 60, 100_001)).max()),
        (Sequence((Sustained(10, 5), Sustained(20, 5))), LoadProfileType.SEQUENCE, 20),
        (Sum((Burst(0, 70, 10, 1, 30), Burst(0, 40, 15, 1, 30))), LoadProfileType.SUM, 110),
        (Sum((Burst(0, 70, 10, 1, 20), Burst(0, 40, 15, 1, 20))), LoadProfileType.SUM, 70),
        (Scale(Sustained(10, 5), 3.0), LoadProfileType.SCALE, 30),
    ],
)
def test_kind_and_peak(profile: LoadProfile, kind: LoadProfileType, peak: float) -> None:
    assert profile.kind is kind
    assert profile.peak_tps == pytest.approx(peak)


def test_the_last_arrivals_of_a_ramp_down_keep_their_digits() -> None:
    """s seconds before the end of 10,000 → 0 TPS in 300 s, r = s²·(10000/300)/2 are to come."""
    ramp = RampUp(10_000, 0, 300)
    to_come = np.array([1.0, 2.0, 100.0])
    due = ramp.inverse(1_500_000 - to_come)
    assert due == pytest.approx(300 - np.sqrt(2 * to_come * 300 / 10_000), abs=1e-10)


def test_the_first_arrivals_of_a_ramp_up_keep_their_digits() -> None:
    due = RampUp(0, 10_000, 300).inverse(np.array([0.0, 1e-6, 1.0]))
    assert due == pytest.approx(np.sqrt(2 * np.array([0.0, 1e-6, 1.0]) * 300 / 10_000), rel=1e-14)


def test_silence_is_passed_over() -> None:
    """100 arrivals, silence, 100 more: arrival 100 waits for the rate to come back."""
    with_gap = Sequence((Sustained(10, 10), Sustained(0, 30), Sustained(10, 10)))
    assert with_gap.inverse(np.array([99.0, 100.0, 101.0])) == pytest.approx([9.9, 40.0, 40.1])
    only_bursts = Burst(0, 50, 10, 2, 30)
    assert only_bursts.inverse(np.array([0.0, 99.0, 100.0])) == pytest.approx([8.0, 9.98, 18.0])
    summed = Sum((only_bursts, Sustained(0, 30)))
    assert summed.inverse(np.array([0.0, 99.0, 100.0])) == pytest.approx([8.0, 9.98, 18.0])
    pauses = Burst(50, 0, 10, 2, 30)
    assert pauses.inverse(np.array([399.0, 400.0])) == pytest.approx([7.98, 10.0])


@pytest.mark.parametrize("amplitude", [0.0, 30.0, 99.0, 99.999])
def test_a_wave_is_inverted_to_a_nanosecond(amplitude: float) -> None:
    wave = Wave(100, amplitude, 60, 3600)
    t = np.random.default_rng(5).uniform(0, 3600, 5000)
    t = t[wave.rate_tps(t) > 1.0]
    assert np.abs(wave.inverse(wave.cumulative(t)) - t).max() < 1e-9


def test_a_sum_is_inverted_to_a_nanosecond() -> None:
    both = Sum((Wave(1000, 900, 60, 3600), Burst(0, 5000, 180, 10, 3600), RampUp(0, 100, 1800)))
    t = np.random.default_rng(5).uniform(0, 3600, 5000)
    assert np.abs(both.inverse(both.cumulative(t)) - t).max() < 1e-9


def test_phases_are_flattened_and_named() -> None:
    profile = Sequence(
        (
            RampUp(0, 10, 5),
            Sequence((Sustained(10, 20, name="hold"), Burst(1, 5, 10, 2, 15, name="sale"))),
            Scale(Sustained(1, 10, name="rest"), time=0.5),
            Sequence((Sustained(1, 1), Sustained(2, 1)), name="coda"),
        )
    )
    assert profile.phases == (
        Phase("ramp_up", 0, 5),
        Phase("hold", 5, 25),
        Phase("sale base", 25, 33),
        Phase("sale burst", 33, 35),
        Phase("sale base", 35, 40),
        Phase("rest", 40, 45),
        Phase("coda", 45, 47),
    )


def test_many_bursts_are_one_phase() -> None:
    assert len(Burst(1, 5, 10, 2, 200).phases) == 40
    assert Burst(1, 5, 10, 2, 201).phases == (Phase("burst", 0, 201),)


def test_chaos_is_seeded() -> None:
    t = np.linspace(0, 60, 500)
    same, other = Chaos(10, 100, 2, 60, seed=(1,)), Chaos(10, 100, 2, 60, seed=(2,))
    assert np.array_equal(CHAOS.rate_tps(t), same.rate_tps(t))
    assert not np.array_equal(CHAOS.rate_tps(t), other.rate_tps(t))


def test_chaos_holds_about_as_long_as_it_says() -> None:
    steps = len(Chaos(10, 100, 2, 20_000, seed=(3,)).corners) - 1
    assert steps == pytest.approx(10_000, rel=0.05)


def test_two_chaotic_parts_differ_unless_they_share_a_seed() -> None:
    spec = ChaosSpec(type="chaos", min_tps=0, max_tps=100, mean_hold_s=1, duration_s=50)
    apart = build(SequenceSpec(type="sequence", parts=(spec, spec)), seed=4)
    seeded = spec.model_copy(update={"seed": 9})
    alike = build(SequenceSpec(type="sequence", parts=(seeded, seeded)), seed=4)
    t = np.linspace(0.01, 49.99, 300)
    assert not np.array_equal(apart.rate_tps(t), apart.rate_tps(t + 50))
    assert alike.rate_tps(t) == pytest.approx(alike.rate_tps(t + 50), abs=1e-9)


def test_scaling_leaves_chaos_its_staircase() -> None:
    spec = ChaosSpec(type="chaos", min_tps=0, max_tps=100, mean_hold_s=1, duration_s=50)
    plain, half = build(spec, seed=4), build(scaled(spec, 0.5, 1.0), seed=4)
    t = np.linspace(0, 50, 300)
    assert half.rate_tps(t) == pytest.approx(0.5 * plain.rate_tps(t))


def test_chaos_refuses_endless_changes() -> None:
    with pytest.raises(ConfigurationError, match="longer mean_hold_s"):
        Chaos(0, 1, 1e-6, 3600, seed=(1,))


def test_scaling_wraps_once_and_merges() -> None:
    spec = SustainedSpec(type="sustained", rate_tps=100, duration_s=60)
    once = scaled(spec, 0.5, 0.1)
    assert once == ScaleSpec(type="scale", rate=0.5, time=0.1, part=spec)
    assert scaled(once, 4.0, 2.0) == ScaleSpec(type="scale", rate=2.0, time=0.2, part=spec)
    assert scaled(once, 2.0, 10.0) == spec
    assert scaled(spec, 1.0, 1.0) == spec


def test_scales_too_large_for_one_are_nested() -> None:
    spec = SustainedSpec(type="sustained", rate_tps=1, duration_s=60)
    assert build(scaled(scaled(spec, 900, 1), 900, 1), 1).peak_tps == 810_000
