"""A bucket holds what was put into it: exactly, or within the error it states."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.cloudwatch.distribution import (
    EXACT_VALUES,
    PLACES,
    ROUNDED_VALUES,
    Distribution,
    rounded,
)
from cloud_twin.services.cloudwatch.statistics import statistic

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda v: v if abs(v) > 1e-6 else 0.0)
LISTS = st.lists(NUMBERS, min_size=1, max_size=600)
ERROR = 2.0**-PLACES


def filled(values: Sequence[float]) -> Distribution:
    bucket = Distribution()
    for value in values:
        bucket.add(value)
    return bucket


def nearest_rank(values: Sequence[float], percent: float) -> float:
    rank = max(1, math.ceil(len(values) * percent / 100 - 1e-9 * len(values)))
    return sorted(values)[rank - 1]


def figure(name: str, *buckets: Distribution) -> float:
    made = statistic(name)
    assert made is not None
    value = made(buckets)
    assert value is not None
    return value


@settings(deadline=None)
@given(LISTS)
def test_sums_counts_and_bounds_are_those_of_the_values(values: list[float]) -> None:
    bucket = filled(values)

    assert bucket.count == len(values)
    assert bucket.total == pytest.approx(math.fsum(values), rel=1e-9, abs=1e-3)
    assert (bucket.minimum, bucket.maximum) == (min(values), max(values))


@settings(deadline=None)
@given(LISTS, st.sampled_from([1.0, 25.0, 50.0, 90.0, 99.0, 99.9]))
def test_percentiles_are_exact_for_few_values_and_within_the_stated_error_for_many(
    values: list[float], percent: float
) -> None:
    found = figure(f"p{percent:g}", filled(values))
    wanted = nearest_rank(values, percent)

    if len(set(values)) <= EXACT_VALUES:
        assert found == wanted
    else:
        assert found == pytest.approx(wanted, rel=ERROR, abs=1e-12)


@settings(deadline=None)
@given(st.lists(LISTS, min_size=1, max_size=4), st.data())
def test_merged_buckets_are_one_bucket_of_everything(
    parts: list[list[float]], data: st.DataObject
) -> None:
    merged = Distribution()
    for part in parts:
        bucket = filled(part)
        if data.draw(st.booleans()):
            bucket.seal()
        merged.merge(bucket)
    values = [value for part in parts for value in part]

    assert merged.count == len(values)
    assert (merged.minimum, merged.maximum) == (min(values), max(values))
    assert merged.total == pytest.approx(math.fsum(values), rel=1e-9, abs=1e-3)
    assert figure("p90", merged) == pytest.approx(nearest_rank(values, 90), rel=2.1 * ERROR)
    assert merged.size() <= ROUNDED_VALUES


@settings(deadline=None)
@given(LISTS, LISTS)
def test_a_sealed_bucket_can_still_be_added_to(before: list[float], after: list[float]) -> None:
    bucket = filled(before)
    bucket.seal()
    for value in after:
        bucket.add(value)

    assert sorted(bucket.values()) == sorted(filled(before + after).values())


@settings(deadline=None)
@given(st.floats(-1e300, 1e300).filter(lambda v: abs(v) > 1e-300), st.integers(1, 12))
def test_rounding_moves_a_value_by_no_more_than_its_places_allow(value: float, places: int) -> None:
    assert abs(rounded(value, places) - value) <= abs(value) * 2.0**-places


def test_values_over_many_orders_of_magnitude_stay_within_the_bound() -> None:
    bucket = filled([2.0 ** (k / 100.0) for k in range(-20_000, 20_000)])

    assert bucket.size() <= ROUNDED_VALUES
    assert bucket.count == 40_000
    assert figure("p50", bucket) == pytest.approx(1.0, rel=2.0**-3)


def test_a_statistic_set_has_no_percentiles_unless_all_its_values_are_the_same() -> None:
    spread, equal = Distribution(), Distribution()
    spread.add_set(10, 100.0, 1.0, 40.0)
    equal.add_set(10, 50.0, 5.0, 5.0)
    p50 = statistic("p50")
    assert p50 is not None

    assert p50([spread]) is None
    assert p50([equal]) == 5.0
    assert p50([equal, spread]) is None
    assert figure("Average", spread, equal) == 7.5
