"""Laws that every load profile obeys, whatever its shape."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.load_generator.profiles import Scale, Sequence, Sum, build, scaled
from squall.load_generator.profiles.shape import Floats, Shape
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

rates = st.one_of(st.just(0.0), st.integers(1, 20_000).map(float), st.floats(0.01, 20_000))
durations = st.one_of(st.integers(1, 600).map(float), st.floats(0.01, 3600))
shares = st.floats(0.01, 1.0)


def bursts() -> st.SearchStrategy[BurstSpec]:
    return st.builds(
        lambda base, burst, every, share, duration: BurstSpec(
            type="burst",
            base_tps=base,
            burst_tps=burst,
            every_s=every,
            burst_s=every * share,
            duration_s=duration,
        ),
        rates,
        rates,
        durations,
        shares,
        durations,
    )


def waves() -> st.SearchStrategy[WaveSpec]:
    return st.builds(
        lambda mean, share, period, duration: WaveSpec(
            type="wave",
            mean_tps=mean,
            amplitude_tps=mean * share,
            period_s=period,
            duration_s=duration,
        ),
        rates,
        st.floats(0, 1),
        durations,
        durations,
    )


def chaoses() -> st.SearchStrategy[ChaosSpec]:
    return st.builds(
        lambda one, two, hold, duration: ChaosSpec(
            type="chaos",
            min_tps=min(one, two),
            max_tps=max(one, two),
            mean_hold_s=duration * hold,
            duration_s=duration,
        ),
        rates,
        rates,
        st.floats(0.01, 2),
        durations,
    )


simple: st.SearchStrategy[LoadSpec] = st.one_of(
    st.builds(SustainedSpec, type=st.just("sustained"), rate_tps=rates, duration_s=durations),
    st.builds(
        RampUpSpec, type=st.just("ramp_up"), start_tps=rates, end_tps=rates, duration_s=durations
    ),
    bursts(),
    waves(),
    chaoses(),
)


def composed(parts: st.SearchStrategy[LoadSpec]) -> st.SearchStrategy[LoadSpec]:
    several = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(SequenceSpec, type=st.just("sequence"), parts=several),
        st.builds(SumSpec, type=st.just("sum"), parts=several),
        st.builds(
            ScaleSpec,
            type=st.just("scale"),
            rate=st.floats(0.01, 100),
            time=st.floats(0.01, 100),
            part=parts,
        ),
    )


specs = st.recursive(simple, composed, max_leaves=5)
profiles = specs.map(lambda spec: build(spec, 7))
LAWS = settings(max_examples=150, deadline=None)


def times(profile: LoadProfile, count: int = 201) -> Floats:
    return np.linspace(0.0, profile.duration_s, count)


def counts(profile: LoadProfile, count: int = 201) -> Floats:
    """Arrivals over the whole profile, whole numbers among them."""
    spread = np.linspace(0.0, profile.total * (1 - 1e-9), count)
    whole = np.floor(spread)
    return np.unique(np.concatenate((spread, whole)))


def slack(profile: LoadProfile) -> float:
    """Rounding to expect in a count of arrivals."""
    return 1e-9 + 1e-11 * profile.total


@LAWS
@given(profiles)
def test_the_rate_is_never_negative_and_never_above_its_peak(profile: LoadProfile) -> None:
    rate = profile.rate_tps(times(profile))
    assert np.all(rate >= 0.0)
    # A sum finds its peak on a grid; a smooth crest may lie between two of its points.
    assert np.all(rate <= profile.peak_tps * (1 + 1e-3) + 1e-9)


@LAWS
@given(profiles)
def test_the_rate_is_zero_outside(profile: LoadProfile) -> None:
    outside = np.array([-1.0, -1e-9, profile.duration_s * 1.001, profile.duration_s + 10])
    assert not profile.rate_tps(outside).any()
    assert profile.cumulative(outside) == pytest.approx([0, 0, profile.total, profile.total])


@LAWS
@given(profiles)
def test_the_integral_starts_at_zero_and_never_falls(profile: LoadProfile) -> None:
    cumulative = profile.cumulative(times(profile, 1001))
    assert cumulative[0] == 0.0
    assert np.all(np.diff(cumulative) >= -slack(profile))
    assert cumulative[-1] == pytest.approx(profile.total, rel=1e-12)


@LAWS
@given(profiles)
def test_the_integral_undoes_its_inverse(profile: LoadProfile) -> None:
    if profile.total == 0.0:
        return
    arrivals = counts(profile)
    due = profile.inverse(arrivals)
    assert np.all((due >= 0.0) & (due <= profile.duration_s))
    # One unit in the last place of the time may be worth rate · ulp arrivals.
    steepest = profile.peak_tps * np.spacing(profile.duration_s) * 8
    assert np.abs(profile.cumulative(due) - arrivals).max() <= slack(profile) + steepest


@LAWS
@given(profiles)
def test_the_inverse_never_falls(profile: LoadProfile) -> None:
    due = profile.inverse(counts(profile))
    finite = due[np.isfinite(due)]
    assert np.all(np.diff(finite) >= -1e-9)


@LAWS
@given(profiles)
def test_nothing_is_due_from_the_total_on(profile: LoadProfile) -> None:
    beyond = np.array([profile.total, profile.total * 1.01 + 1, profile.total * 1e6 + 1])
    assert np.all(np.isinf(profile.inverse(beyond)))


@LAWS
@given(profiles)
def test_nothing_is_due_while_the_rate_is_zero(profile: LoadProfile) -> None:
    """The instant after a due time has arrivals: Λ rises there."""
    if profile.total == 0.0:
        return
    arrivals = counts(profile, 51)
    due = profile.inverse(arrivals)
    step = profile.duration_s * 1e-6
    rise = profile.cumulative(due + step) - profile.cumulative(np.maximum(due - 1e-12, 0))
    inside = due + step < profile.duration_s
    assert np.all(rise[inside] >= 0.0)
    later = profile.cumulative(due + step)[inside]
    assert np.all(later > arrivals[inside] - slack(profile))


@LAWS
@given(profiles)
def test_the_rate_is_the_slope_of_the_integral(profile: LoadProfile) -> None:
    """∫λ over small cells by the midpoint rule, corners of λ excepted."""
    edges = times(profile, 2001)
    middles = 0.5 * (edges[1:] + edges[:-1])
    width = np.diff(edges)
    slopes = np.diff(profile.cumulative(edges)) / width
    low = np.minimum(profile.rate_tps(edges[1:]), profile.rate_tps(edges[:-1]))
    high = np.maximum(profile.rate_tps(edges[1:]), profile.rate_tps(edges[:-1]))
    rate = profile.rate_tps(middles)
    smooth = (high - low <= 1e-2 * high) & (rate >= low * 0.99) & (rate <= high * 1.01)
    corners = profile.corners if isinstance(profile, Shape) else np.empty(0)
    cornered = np.histogram(corners, edges)[0] > 0
    checked = smooth & ~cornered & ~_unlisted_corners(profile, edges)
    rounding = 1e-3 * profile.peak_tps + slack(profile) / width
    assert np.all(np.abs(slopes - rate)[checked] <= rounding[checked])


def _unlisted_corners(profile: LoadProfile, edges: Floats) -> np.typing.NDArray[np.bool_]:
    """Cells in which a periodic shape may turn unseen, because it has very many periods."""
    many = isinstance(profile, Shape) and len(profile.corners) > 400
    return np.full(len(edges) - 1, many)


@LAWS
@given(profiles)
def test_phases_are_in_order_and_cover_the_profile(profile: LoadProfile) -> None:
    phases = profile.phases
    assert phases[0].start_s == 0.0
    assert phases[-1].end_s == pytest.approx(profile.duration_s, rel=1e-12)
    assert all(phase.start_s < phase.end_s for phase in phases)
    for before, after in pairwise(phases):
        assert after.start_s == pytest.approx(before.end_s, rel=1e-9, abs=1e-9)


@LAWS
@given(profiles)
def test_a_profile_survives_pickling(profile: LoadProfile) -> None:
    copy = pickle.loads(pickle.dumps(profile))
    assert copy == profile
    assert np.array_equal(copy.cumulative(times(profile)), profile.cumulative(times(profile)))


@LAWS
@given(st.lists(simple, min_size=1, max_size=4))
def test_a_sequence_adds_durations_and_totals(parts: list[LoadSpec]) -> None:
    built = [build(part, 7) for part in parts]
    whole = Sequence(tuple(p for p in built if isinstance(p, Shape)))
    assert whole.duration_s == pytest.approx(sum(p.duration_s for p in built), rel=1e-12)
    assert whole.total == pytest.approx(sum(p.total for p in built), rel=1e-12)
    start, behind = 0.0, 0.0
    for part in built:
        t = np.linspace(0, part.duration_s, 31)[1:-1]
        assert whole.cumulative(start + t) == pytest.approx(
            behind + part.cumulative(t), rel=1e-9, abs=1e-6
        )
        start += part.duration_s
        behind += part.total


@LAWS
@given(st.lists(simple, min_size=1, max_size=4))
def test_a_sum_adds_rates_and_totals(parts: list[LoadSpec]) -> None:
    built = [build(part, 7) for part in parts]
    whole = Sum(tuple(p for p in built if isinstance(p, Shape)))
    assert whole.duration_s == max(p.duration_s for p in built)
    assert whole.total == pytest.approx(sum(p.total for p in built), rel=1e-12)
    t = np.linspace(0, whole.duration_s, 101)
    assert whole.rate_tps(t) == pytest.approx(sum(p.rate_tps(t) for p in built))
    assert whole.cumulative(t) == pytest.approx(sum(p.cumulative(t) for p in built))


@LAWS
@given(specs, st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_scale_multiplies_rate_time_and_their_product(
    spec: LoadSpec, rate: float, time: float
) -> None:
    plain, changed = build(spec, 7), build(scaled(spec, rate, time), 7)
    assert changed.duration_s == pytest.approx(plain.duration_s * time, rel=1e-12)
    assert changed.peak_tps == pytest.approx(plain.peak_tps * rate, rel=1e-12)
    assert changed.total == pytest.approx(plain.total * rate * time, rel=1e-9)


@LAWS
@given(profiles)
def test_a_scale_and_its_reverse_cancel(profile: LoadProfile) -> None:
    assert isinstance(profile, Shape)
    back = Scale(Scale(profile, 4.0, 0.25), 0.25, 4.0)
    t = times(profile)
    assert back.cumulative(t) == pytest.approx(profile.cumulative(t), rel=1e-12)
