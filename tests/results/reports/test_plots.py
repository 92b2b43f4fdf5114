from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from squall.results.reports.page.charts import time_ticks
from squall.results.reports.page.plots import (
    Scale,
    linear_scale,
    linear_ticks,
    log_scale,
    log_ticks,
    path,
    y_ticks,
)

POSITIVE = st.floats(1e-3, 1e9)


@given(st.lists(st.one_of(st.none(), POSITIVE), max_size=20))
def test_every_value_is_inside_the_plot(values: list[float | None]) -> None:
    for scale in (linear_scale(values), log_scale(values)):
        xs = [i / max(1, len(values)) for i in range(len(values))]
        numbers = re.findall(r"[\d.e+-]+", path(xs, values, scale).replace("h.01", ""))
        assert all(0 <= float(number) <= 1000 for number in numbers)


@given(st.floats(1e-2, 1e7), st.integers(3, 8))
def test_linear_ticks_are_round_ordered_and_inside(high: float, target: int) -> None:
    ticks = linear_ticks(Scale(0.0, high), target)
    assert ticks[0] == 0
    assert ticks == sorted(set(ticks))
    assert all(tick <= high * (1 + 1e-9) for tick in ticks)
    assert 2 <= len(ticks) <= 2.6 * target + 1


@given(POSITIVE, st.floats(1.01, 1e6))
def test_log_ticks_are_inside(low: float, span: float) -> None:
    scale = Scale(low, low * span, log=True)
    assert all(scale.low <= tick <= scale.high for tick in log_ticks(scale))


def test_a_gap_breaks_the_line_and_a_lone_point_is_drawn() -> None:
    assert path([0, 0.5, 1], [1, None, 2], Scale(0, 2)) == "M0 500h.01M1000 0h.01"


def test_an_area_reaches_the_ground() -> None:
    assert path([0, 1], [1, 2], Scale(0, 2), filled=True) == "M0 1000L0 500L1000 0L1000 1000Z"


def test_an_empty_series_draws_nothing() -> None:
    assert path([], [], linear_scale([])) == ""
    assert log_scale([None, 0.0]) == Scale(0.1, 10.0, log=True)
    assert linear_scale([0.0]) == Scale(0.0, 1.0)


def test_scales_are_monotonous_and_clip() -> None:
    scale = Scale(1, 1000, log=True)
    assert [round(scale(v), 6) for v in (0.5, 1, 10, 1000, 1e6)] == [0, 0, round(1 / 3, 6), 1, 1]
    assert math.isclose(scale(100) - scale(10), scale(1000) - scale(100))


def test_tick_labels() -> None:
    assert [t.label for t in y_ticks(Scale(0.05, 300, log=True))] == ["0.1", "1", "10", "100"]
    assert [t.label for t in y_ticks(Scale(0, 11_000))][-1] == "10,000"
    assert time_ticks(180)[-1].label == "150 s"
    assert time_ticks(1_800)[-1].label == "30 min"
    assert time_ticks(7 * 3_600)[-1].label == "6 h"
