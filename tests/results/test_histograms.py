from __future__ import annotations

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.errors import DataFileError
from squall.models import LatencyHistogram
from squall.models.histogram import HIGHEST_US
from squall.results import histogram_logs
from squall.results.histograms import decode, encode

VALUES = st.lists(st.tuples(st.integers(0, HIGHEST_US * 2), st.integers(1, 2**40)), max_size=40)


def _histogram(values: list[tuple[int, int]]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for value, count in values:
        one = LatencyHistogram()
        one.record(np.array([value], dtype=np.int64))
        histogram.counts += one.counts * count
        histogram.total += count
    return histogram


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_decoding_gives_the_same_counts(values: list[tuple[int, int]]) -> None:
    histogram = _histogram(values)
    again = decode(encode(histogram))
    assert np.array_equal(again.counts, histogram.counts)
    assert again.total == histogram.total


def test_another_implementation_reads_the_same_percentiles() -> None:
    values = np.random.default_rng(3).lognormal(8, 1.2, 50_000).astype(np.int64)
    histogram = LatencyHistogram()
    histogram.record(values)
    logs = histogram_logs(histogram, histogram, LatencyHistogram())
    theirs = HdrHistogram.decode(logs.response.encode())
    assert theirs.get_total_count() == len(values)
    for percent in (50, 90, 99, 99.9, 100):
        assert theirs.get_value_at_percentile(percent) == histogram.percentile_us(percent)
    assert HdrHistogram.decode(logs.lateness.encode()).get_total_count() == 0


@pytest.mark.parametrize("text", ["", "HISTF", "bm90IGEgaGlzdG9ncmFt", "é"])
def test_a_damaged_histogram_is_refused(text: str) -> None:
    with pytest.raises(DataFileError, match="cannot be decoded"):
        decode(text)


def test_a_histogram_of_another_layout_is_refused() -> None:
    other = HdrHistogram(1, 1_000_000, 2)
    other.record_value(5)
    with pytest.raises(DataFileError, match="another range or precision"):
        decode(other.encode().decode())
