"""The histogram against HdrHistogram's own implementation, and its laws."""

import math

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from squall.models import LatencyHistogram
from squall.models.histogram import HIGHEST_US, SLOTS, slot_of

values = st.lists(st.integers(0, HIGHEST_US), min_size=1, max_size=200)


def recorded(numbers: list[int]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    histogram.record(np.array(numbers, dtype=np.int64))
    return histogram


@given(values)
def test_counts_stand_where_hdrhistogram_puts_them(numbers: list[int]) -> None:
    reference = HdrHistogram(1, HIGHEST_US, 3)
    for number in numbers:
        reference.record_value(number)
    ours = recorded(numbers)
    assert reference.counts_len == SLOTS
    assert ours.counts.tolist() == [reference.get_count_at_index(at) for at in range(SLOTS)]


@given(values, st.sampled_from([0.1, 1, 25, 50, 90, 95, 99, 99.9, 100]))
def test_a_percentile_is_the_nearest_rank(numbers: list[int], percent: float) -> None:
    reference = HdrHistogram(1, HIGHEST_US, 3)
    rank = max(1, math.ceil(round(percent * len(numbers) / 100, 9)))
    exact = sorted(numbers)[rank - 1]
    assert recorded(numbers).percentile_us(percent) == reference.get_highest_equivalent_value(exact)


@given(values, values)
def test_merged_histograms_are_the_histogram_of_all(one: list[int], other: list[int]) -> None:
    merged = recorded(one)
    merged.merge(recorded(other).sparse())
    assert np.array_equal(merged.counts, recorded(one + other).counts)
    assert merged.total == len(one) + len(other)


@given(values)
def test_a_percentile_is_right_to_three_digits(numbers: list[int]) -> None:
    exact = sorted(numbers)[-(-len(numbers) * 90 // 100) - 1]
    found = recorded(numbers).percentile_us(90)
    assert found is not None
    assert exact <= found <= exact * 1.001 + 1


def test_slots_never_decrease() -> None:
    edges = np.unique(np.geomspace(1, HIGHEST_US, 5000).astype(np.int64))
    assert np.all(np.diff(slot_of(edges)) >= 0)
    assert slot_of(np.array([HIGHEST_US + 1]))[0] == slot_of(np.array([HIGHEST_US]))[0]


def test_nothing_recorded_is_not_zero() -> None:
    assert LatencyHistogram().percentile_us(50) is None
    assert LatencyHistogram().percentiles_ms().p99 is None


def test_summary_in_milliseconds() -> None:
    summary = recorded([1000] * 90 + [20_000] * 10).percentiles_ms()
    assert (summary.count, summary.p50, summary.p90) == (100, 1.0, 1.0)
    assert summary.p95 == pytest.approx(20, rel=1e-3)
    assert summary.max == pytest.approx(20, rel=1e-3)
    assert summary.mean == pytest.approx(2.9, rel=1e-3)
