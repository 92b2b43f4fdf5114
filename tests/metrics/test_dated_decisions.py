"""Decision latency from times that the target recorded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from squall.metrics import DatedDecisions
from squall.models import LatencyHistogram, transaction_id
from squall.targets.dated_page import DatedPage

TAG = "abcd1234"
STARTED_S = 1_795_000_000.0


class EveryTenth:
    """Arrival *i* is due *i* tenths of a second into the run; none is known from 100 on."""

    rate_multiplier = 1.0
    end_s = 10.0

    def profile_time(self, now_s: float) -> float:
        return now_s

    def rate_tps(self, now_s: float) -> float:
        return 10.0

    def due(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where(indices < 100, indices / 10, np.inf)

    def count_due(self, now_s: float) -> int:
        return min(100, round(now_s * 10))


def page(*records: tuple[int, float | None]) -> DatedPage:
    """Records as (arrival, seconds into the run)."""
    return DatedPage(
        [transaction_id(TAG, index) for index, _ in records],
        None,
        [None if at is None else STARTED_S + at for _, at in records],
        "decided_at in the table kept",
    )


def of(*pages: DatedPage) -> DatedDecisions:
    dated = DatedDecisions(TAG, EveryTenth(), STARTED_S)
    for one in pages:
        dated.add(one)
    return dated


def merged(dated: DatedDecisions) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for interval in dated.intervals():
        histogram.merge(interval.decision)
    return histogram


def latencies(dated: DatedDecisions) -> Sequence[float]:
    found = merged(dated).percentiles_ms()
    return found.count, found.p50 or 0, found.max or 0


def test_latency_runs_from_the_intended_send() -> None:
    dated = of(page((0, 0.25), (10, 1.25)), page((99, 11.9)))
    count, p50, highest = latencies(dated)
    assert count == 3
    assert p50 == pytest.approx(250, rel=0.001)
    assert highest == pytest.approx(2_000, rel=0.001)
    assert [(i.start_s, i.decided) for i in dated.intervals()] == [(0, 1), (1, 1), (11, 1)]
    assert dated.note() == (
        "decision latency is by the target's clock: decided_at in the table kept, for 3 of 3 "
        "decisions"
    )


def test_what_has_no_time_is_not_measured_and_counted() -> None:
    dated = of(page((0, 0.25), (1, None), (2, None)))
    assert latencies(dated)[0] == 1
    assert dated.note().endswith("for 1 of 3 decisions")


def test_the_first_of_two_records_and_only_this_run_count() -> None:
    other = DatedPage(["zzzzzzzz-000000000001"], None, [STARTED_S], "decided_at in the table kept")
    dated = of(page((0, 0.25), (0, 9.25)), page((0, 5.25)), other)
    assert latencies(dated)[0] == 1
    assert latencies(dated)[2] == pytest.approx(250, rel=0.001)


def test_clocks_that_differ_and_whole_seconds_are_told() -> None:
    dated = of(page((10, 0.0), (20, 3.0)))
    assert latencies(dated)[0] == 2
    assert dated.note().endswith(
        "; its times are whole seconds; 1 are from before the intended send and count as 0: the "
        "clocks differ"
    )


def test_an_arrival_without_a_known_send_is_left_out() -> None:
    assert latencies(of(page((0, 0.25), (200, 25.0))))[0] == 1


def test_a_table_without_times_leaves_latency_unknown() -> None:
    dated = of(page((0, None)))
    assert list(dated.intervals()) == []
    assert dated.note().startswith("decision latency is unknown: there is no time in decided_at")


def test_without_dated_pages_nothing_is_said() -> None:
    dated = of(page((0, 0.25)))
    dated.begin()
    assert list(dated.intervals()) == []
    assert dated.note() == ""
