from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.remote.pace import Bucket, LearnedRate, LearningRules


@settings(deadline=None)
@given(
    st.floats(0.1, 1000.0),
    st.floats(1.0, 50.0),
    st.lists(st.floats(0.0, 0.5), min_size=1, max_size=200),
)
def test_no_window_holds_more_than_the_burst_and_its_share_of_the_rate(
    rate_tps: float, burst: float, gaps_s: list[float]
) -> None:
    bucket = Bucket(rate_tps, burst, 0.0)
    now_s, taken_s = 0.0, []
    for gap_s in gaps_s:
        now_s += gap_s
        while bucket.take(1.0, now_s):
            taken_s.append(now_s)
    for first, start_s in enumerate(taken_s):
        for last in range(first, len(taken_s)):
            allowed = burst + rate_tps * (taken_s[last] - start_s)
            assert last - first + 1 <= allowed + 1e-6


@settings(deadline=None)
@given(st.floats(0.1, 1000.0), st.floats(1.0, 50.0), st.integers(1, 40))
def test_the_wait_it_names_is_enough_and_not_too_long(
    rate_tps: float, burst: float, taken: int
) -> None:
    bucket = Bucket(rate_tps, burst, 0.0)
    bucket.owe(float(taken), 0.0)
    wait_s = bucket.wait_s(1.0, 0.0)
    if wait_s > 1e-6:
        assert not bucket.take(1.0, wait_s * 0.99 - 1e-6)
    assert bucket.take(1.0, wait_s + 1e-9)


def test_what_is_owed_is_paid_off_first() -> None:
    bucket = Bucket(10.0, 5.0, 0.0)
    bucket.owe(25.0, 0.0)
    assert bucket.wait_s(1.0, 0.0) == pytest.approx(2.1)
    bucket.owe(-20.0, 0.0)
    assert bucket.wait_s(1.0, 0.0) == pytest.approx(0.1)


def test_giving_back_never_exceeds_the_burst() -> None:
    bucket = Bucket(10.0, 5.0, 0.0)
    bucket.owe(-100.0, 0.0)
    assert sum(bucket.take(1.0, 0.0) for _ in range(10)) == 5


def test_a_clock_that_stands_or_steps_back_gives_nothing_away() -> None:
    bucket = Bucket(10.0, 1.0, 10.0)
    assert bucket.take(1.0, 10.0)
    assert not bucket.take(1.0, 9.0)
    assert not bucket.take(1.0, 10.0)


RULES = LearningRules(start_tps=16.0, least_tps=1.0, most_tps=500.0)


def test_it_doubles_in_a_second_until_the_first_refusal() -> None:
    rate = LearnedRate(RULES, 0.0)
    for step in range(1, 101):
        rate.succeeded(step / 100)
    assert rate.rate_tps == pytest.approx(32.0)


def test_refusals_in_a_bunch_count_once() -> None:
    rate = LearnedRate(RULES, 0.0)
    for _ in range(20):
        rate.refused(1.0)
    assert rate.rate_tps == pytest.approx(8.0), "nothing was granted: the most that is cut"
    rate.refused(1.0 + RULES.hold_s)
    assert rate.cuts == 2


def test_it_falls_to_what_was_granted_in_the_last_second() -> None:
    rate = LearnedRate(LearningRules(start_tps=100.0), 0.0)
    for step in range(1, 71):
        rate.succeeded(step / 100)
    grown_tps = rate.rate_tps
    rate.refused(0.71)
    assert grown_tps > 140.0
    assert rate.rate_tps == pytest.approx(max(70.0, grown_tps / 2))
    for step in range(60):
        rate.succeeded(1.0 + step / 100)
    rate.refused(1.61)
    assert 55.0 <= rate.rate_tps <= 70.0


def test_idle_time_is_no_evidence_for_a_higher_rate() -> None:
    rate = LearnedRate(RULES, 0.0)
    rate.succeeded(3600.0)
    assert rate.rate_tps < 20.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 5.0)), max_size=200))
def test_it_stays_within_its_bounds(events: list[tuple[bool, float]]) -> None:
    rate, now_s = LearnedRate(RULES, 0.0), 0.0
    for good, gap_s in events:
        now_s += gap_s
        (rate.succeeded if good else rate.refused)(now_s)
        assert RULES.least_tps <= rate.rate_tps <= RULES.most_tps


def test_it_settles_near_a_quota_that_it_is_not_told() -> None:
    """A simulated service that takes 100 a second with a burst of 100."""
    rate, quota = LearnedRate(RULES, 0.0), Bucket(100.0, 100.0, 0.0)
    sent, now_s = [], 0.0
    while now_s < 60.0:
        now_s += 1.0 / rate.rate_tps
        sent.append(now_s)
        (rate.succeeded if quota.take(1.0, now_s) else rate.refused)(now_s)
    later = sum(at_s >= 10.0 for at_s in sent) / 50.0
    assert 85.0 <= later <= 112.0


def test_impossible_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="start_tps"):
        LearningRules(start_tps=10.0, most_tps=5.0)
    with pytest.raises(ValueError, match="rate"):
        Bucket(0.0, 1.0, 0.0)
