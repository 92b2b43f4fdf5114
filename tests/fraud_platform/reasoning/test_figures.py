"""Figures of several reviewers as one: what adds up is added, and nothing else."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_platform.monitoring.histogram import Latencies
from fraud_platform.reasoning.figures import ReasoningCounters, merged_reasoning
from fraud_platform.reasoning.jobs import Fallback
from fraud_platform.remote.breaker import CircuitBreaker

Case = tuple[str, float]
CASES = st.lists(
    st.tuples(st.sampled_from(["model", "cache", "fallback"]), st.floats(0.001, 10.0)), max_size=30
)


def published(cases: list[Case], rate_tps: float = 10.0) -> dict[str, Any]:
    """One reviewer's figures after these cases, as they come out of the table."""
    counters = ReasoningCounters()
    for source, elapsed_s in cases:
        counters.took_in(1)
        reason = Fallback.DEADLINE.value if source == "fallback" else None
        counters.reviewed(source, reason, source == "model", elapsed_s)
        counters.confidence(0.5, 0.5 * (1.0 + min(elapsed_s, 1.0) / 20))
    counters.let_go(len(cases))
    counters.calls, counters.throttles, counters.requeued = len(cases), 2, 1
    document = {
        **counters.document(),
        "quota": {"rate_tps": rate_tps, "cuts": 1},
        "queue": {"depth": 0, "limit": 100},
        "cache": {"entries": 3, "evicted": 0},
        "breaker": CircuitBreaker(lambda: 0.0).figures(),
    }
    content = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
    read: dict[str, Any] = orjson.loads(content)
    return read


@given(st.lists(CASES, min_size=1, max_size=4))
def test_merging_is_counting_everything_in_one_place(groups: list[list[Case]]) -> None:
    parts = [published(cases) for cases in groups]
    merged = merged_reasoning(parts, parts)
    everything = [case for cases in groups for case in cases]
    assert merged["cases"] == len(everything) == sum(merged["by_source"].values())
    assert merged["throttles"] == 2 * len(groups)
    times = Latencies()
    for _, elapsed_s in everything:
        times.record(elapsed_s)
    expected_ms = times.summary_ms()
    assert {name: merged["case_latency_ms"][name] for name in expected_ms} == expected_ms
    by_model = [elapsed_s for source, elapsed_s in everything if source == "model"]
    mean_ms = merged["answered_latency_ms"]["mean"]
    if by_model:
        assert mean_ms == pytest.approx(sum(by_model) / len(by_model) * 1000, abs=1e-3)
    else:
        assert mean_ms is None
    if everything:
        fallen_back = sum(source == "fallback" for source, _ in everything)
        assert merged["answered_share"] == pytest.approx(
            1 - fallen_back / len(everything), abs=1e-5
        )
        low, mean, high = (merged["confidence"][f"ratio_{name}"] for name in ("min", "mean", "max"))
        assert low - 1e-5 <= mean <= high + 1e-5


def test_what_is_now_is_of_those_that_run() -> None:
    gone, here = published([("model", 1.0)], 5.0), published([("model", 2.0)], 7.0)
    merged = merged_reasoning([gone, here], [here])
    assert merged["cases"] == 2
    assert merged["quota"] == {"rate_tps": 7.0, "cuts": 2}
    assert merged["queue"]["limit"] == 100
    assert merged["cache"]["entries"] == 3
    assert merged["breaker"]["states"] == {"open": 0, "half-open": 0, "closed": 1}


def test_at_once_is_of_one_reviewer_and_never_added_up() -> None:
    many, few = published([("model", 1.0)] * 9), published([("cache", 0.0)] * 4)
    assert merged_reasoning([many, few], [])["cases_at_once_max"] == 9


def test_a_criterion_finds_every_name_before_anything_has_happened() -> None:
    merged = merged_reasoning([published([])], [])
    assert merged["by_source"] == {"model": 0, "cache": 0, "fallback": 0}
    assert set(merged["fallbacks"]) == {reason.value for reason in Fallback}
    assert merged["breaker"]["openings_slow"] == 0
    assert "slots" not in merged
    assert "sums" not in merged
