from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.statistics import (
    Spread,
    median_or_none,
    nearest_rank,
    paired_ratios,
    rotated,
)

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(VALUES, st.floats(0.001, 1))
def test_nearest_rank_is_the_least_value_with_enough_at_or_below_it(
    values: list[float], quantile: float
) -> None:
    ordered = sorted(values)
    found = nearest_rank(ordered, quantile)
    assert found in values
    at_or_below = sum(value <= found for value in values)
    below = sum(value < found for value in values)
    assert at_or_below >= math.floor(quantile * len(values))
    assert below < math.ceil(quantile * len(values))


def test_nearest_rank_of_a_hundred() -> None:
    ordered = [float(n) for n in range(1, 101)]
    assert nearest_rank(ordered, 0.5) == 50
    assert nearest_rank(ordered, 0.9) == 90
    assert nearest_rank(ordered, 0.991) == 100
    assert nearest_rank(ordered, 1.0) == 100


def test_nearest_rank_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        nearest_rank([], 0.5)


@given(VALUES)
def test_spread_encloses_its_median(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread.low <= spread.median <= spread.high
    assert spread.low == min(values)
    assert spread.high == max(values)


def test_spread_in_words() -> None:
    assert Spread.of([3.0, 1.0, 2.0]).text(1) == "2.0 [1.0 … 3.0]"
    assert Spread.of([2.0]).text(2) == "2.00"


def test_ratios_are_taken_within_a_round() -> None:
    assert paired_ratios([10.0, 40.0], [5.0, 10.0]) == [2.0, 4.0]


def test_rounds_that_lack_a_value_are_left_out() -> None:
    assert paired_ratios([10.0, None, 3.0], [5.0, 1.0, None]) == [2.0]


def test_rounds_must_pair_up() -> None:
    with pytest.raises(ValueError, match="2 rounds against 1"):
        paired_ratios([1.0, 2.0], [1.0])


def test_median_of_nothing_is_none() -> None:
    assert median_or_none([]) is None
    assert median_or_none([4.0, 2.0]) == 3.0


@given(st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True), st.integers(0, 50))
def test_every_round_has_every_tool_once_and_each_gets_to_start(
    names: list[str], number: int
) -> None:
    assert sorted(rotated(names, number)) == sorted(names)
    assert {rotated(names, k)[0] for k in range(len(names))} == set(names)
