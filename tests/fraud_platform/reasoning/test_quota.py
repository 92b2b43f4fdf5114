from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.reasoning.quota import Permits, Quota
from fraud_platform.remote.pace import LearningRules


@settings(deadline=None)
@given(
    st.floats(6.0, 60_000.0),
    st.lists(st.tuples(st.floats(0.0, 0.3), st.sampled_from(["good", "throttled", "failed"]))),
)
def test_no_window_holds_more_than_the_quota_and_its_burst(
    per_min: float, events: list[tuple[float, str]]
) -> None:
    quota = Quota(requests_per_min=per_min)
    permits, now_s, sent_s = Permits(quota, 0.0), 0.0, []
    for gap_s, ending in events:
        now_s += gap_s
        while permits.wait_s(100, now_s) == 0.0:
            sent_s.append(now_s)
            if ending == "good":
                permits.used(100, 80, now_s)
            elif ending == "throttled":
                permits.refused(100, now_s)
            else:
                permits.returned(100, now_s)
    rate_tps = per_min / 60.0
    burst = max(1.0, rate_tps * quota.burst_s)
    for first, start_s in enumerate(sent_s):
        for last in range(first, len(sent_s)):
            assert last - first + 1 <= burst + rate_tps * (sent_s[last] - start_s) + 1e-6


def test_tokens_are_reserved_and_what_was_not_used_is_given_back() -> None:
    permits = Permits(Quota(tokens_per_min=60_000.0), 0.0)  # 1,000 a second
    assert permits.wait_s(1_500, 0.0) == 0.0
    assert permits.wait_s(1_500, 0.0) == pytest.approx(0.501)
    permits.used(1_500, 600, 0.0)
    assert permits.wait_s(1_500, 0.0) == 0.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(1, 3000)), max_size=100))
def test_tokens_stay_within_their_quota_but_for_the_last_call(
    steps: list[tuple[float, int]],
) -> None:
    permits = Permits(Quota(tokens_per_min=60_000.0, learning=LearningRules(1e3, 1, 1e4)), 0.0)
    now_s, used = 0.0, 0
    for gap_s, tokens in steps:
        now_s += gap_s
        if permits.wait_s(tokens, now_s) == 0.0:
            assert used <= 1_000 + 1_000 * now_s
            used += tokens


def test_a_refusal_slows_down_and_a_known_quota_is_never_exceeded() -> None:
    permits = Permits(Quota(requests_per_min=6_000.0), 0.0)
    assert permits.rate_tps == 100.0
    permits.refused(10, 0.0)
    assert permits.rate_tps == pytest.approx(50.0)
    for step in range(10_000):
        permits.used(10, 10, step / 100)
    assert permits.rate_tps == 100.0


def test_impossible_quotas_are_refused() -> None:
    with pytest.raises(ValueError, match="quota"):
        Quota(requests_per_min=0.0)
