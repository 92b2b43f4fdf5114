"""The model's bars from made-up rushes."""

import pytest

from benchmarks.harness.bars import BARS
from benchmarks.model_quota import Rush, bars_of, mean_waits_s, table_of
from benchmarks.page import markdown_table


def rush(unanswered: int = 0, throttled: int = 120) -> Rush:
    return Rush(500 - unanswered, 0, unanswered, 620, throttled, 5.1, (0.4, 0.9))


def test_the_worst_rush_decides() -> None:
    bars = bars_of([rush(), rush(unanswered=3, throttled=20)])
    assert bars == {"model_quota_unanswered": 3, "model_quota_requests_retried": 20}
    assert bars.keys() == {bar.key for bar in BARS if bar.benchmark == "model_quota"}
    assert bars_of([]) == {}


def test_waits_are_means_by_attempt_and_rare_ones_are_left_out() -> None:
    often = [{"attempts": [{"at_s": 1.0}, {"at_s": 1.5}]}, {"attempts": [{"at_s": 2.0}]}] * 10
    once = [{"attempts": [{"at_s": 9.0}, {"at_s": 3.0}, {"at_s": 4.6}]}]
    (wait_s,) = mean_waits_s([*often, *once])
    assert wait_s == pytest.approx((0.5 * 10 + 1.6) / 11, abs=1e-3)


def test_the_table_can_be_shown() -> None:
    assert "0.40, 0.90" in markdown_table(table_of([rush()]))
