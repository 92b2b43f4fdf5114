from __future__ import annotations

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.state.decay import DAY_S, MINUTES_S, MONTH_S, Fading, factors
from fraud_platform.state.instruments import Instrument

_TIMES = st.lists(st.floats(0, 90 * DAY_S), min_size=1, max_size=12)


def fading(times: list[float]) -> Fading:
    counter = Fading(times[0])
    for event_s in times:
        counter.tick(event_s)
    return counter


@settings(deadline=None)
@given(_TIMES)
def test_a_counter_is_the_sum_of_faded_events(times: list[float]) -> None:
    counter = fading(times)
    latest = max(times)
    for value, constant in (
        (counter.fast, MINUTES_S),
        (counter.day, DAY_S),
        (counter.month, MONTH_S),
    ):
        expected = sum(exp(-min((latest - t) / constant, 700.0)) for t in times)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(_TIMES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(times: list[float], random: object) -> None:
    shuffled = list(times)
    getattr(random, "shuffle")(shuffled)  # noqa: B009
    one, other = fading(times), fading(shuffled)
    assert other.at == one.at
    assert other.fast == pytest.approx(one.fast, rel=1e-9, abs=1e-12)
    assert other.day == pytest.approx(one.day, rel=1e-9)
    assert other.month == pytest.approx(one.month, rel=1e-9)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10 * DAY_S), st.booleans()), min_size=1, max_size=12))
def test_counters_of_a_subclass_fade_alike(uses: list[tuple[float, bool]]) -> None:
    forwards, backwards = Instrument(uses[0][0]), Instrument(uses[-1][0])
    for event_s, new in uses:
        forwards.use(event_s, new, new, new, new)
    for event_s, new in reversed(uses):
        backwards.use(event_s, new, new, new, new)
    assert forwards.others == backwards.others == sum(new for _, new in uses)
    assert forwards.others_day == pytest.approx(backwards.others_day, rel=1e-9, abs=1e-12)
    assert forwards.mismatch_day == pytest.approx(backwards.mismatch_day, rel=1e-9, abs=1e-12)
    assert forwards.others_day <= forwards.day + 1e-9


def test_factors_of_nothing_and_of_ages() -> None:
    assert factors(0.0) == (1.0, 1.0, 1.0)
    assert factors(1e12) == (0.0, 0.0, 0.0)
