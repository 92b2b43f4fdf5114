from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.servers.stall_pace import Pace, StallPlan


@pytest.mark.parametrize(
    ("at_s", "end_s"),
    [
        (0.0, None),
        (4.99, None),
        (5.0, 6.0),
        (5.5, 6.0),
        (6.0, None),
        (14.99, None),
        (15.0, 16.0),
        (25.2, 26.0),
    ],
)
def test_a_stall_is_in_the_middle_of_every_period(at_s: float, end_s: float | None) -> None:
    assert StallPlan(1.0, 10.0, 1000).stall_end_s(at_s) == end_s


@given(st.floats(100, 50_000), st.lists(st.floats(0, 0.01), min_size=1, max_size=200))
def test_over_any_stretch_no_more_leave_than_rate_and_allowance(
    drain_tps: float, steps: list[float]
) -> None:
    pace = Pace(drain_tps, allowance=20)
    now, left = 100.0, 0
    for step in steps:
        now += step
        while left < 10_000 and pace.allows(now):
            left += 1
    assert left <= (now - 100.0) * drain_tps + 20 + 1 + 1e-6


def test_a_backlog_drains_at_the_rate_whatever_the_tick() -> None:
    for tick in (0.0003, 0.001, 0.0017):
        pace = Pace(10_000, allowance=20)
        pace.hold_until(5.0)
        now, left = 5.0, 0
        while now < 6.0:
            while pace.allows(now):
                left += 1
            now += tick
        assert left == pytest.approx(10_000, abs=25)


def test_nothing_leaves_before_the_hold_ends_and_nothing_is_saved_up() -> None:
    pace = Pace(1000, allowance=5)
    assert pace.allows(1.0)
    pace.hold_until(2.0)
    assert not pace.allows(1.5)
    assert not pace.allows(2.0)
    assert pace.allows(2.0011)
    assert not pace.allows(2.0011)
