"""Figures of several processes' lookups as one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_platform.external.figures import (
    REASONS,
    SERVICES,
    LookupCounters,
    merged_external,
    merged_lookups,
)
from fraud_platform.remote.breaker import CircuitBreaker

COUNTS = ("hits", "coalesced", "held_back", "stale", "neighbours", "defaults", "calls", "slow")


def published(latencies_s: list[float], entries: int = 5, **counts: int) -> dict[str, Any]:
    """One process's figures of one service, as they come out of the table."""
    counters = LookupCounters()
    for name, count in counts.items():
        setattr(counters, name, count)
    for elapsed_s in latencies_s:
        counters.latency.record(elapsed_s)
    document = {
        **counters.document(),
        "cache": {"entries": entries, "evicted": 0},
        "on_their_way": 1,
        "breaker": CircuitBreaker(lambda: 0.0).figures(),
    }
    read: dict[str, Any] = orjson.loads(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
    return read


@given(
    st.lists(
        st.tuples(
            st.lists(st.floats(0.001, 5.0), max_size=10),
            st.fixed_dictionaries({name: st.integers(0, 50) for name in COUNTS}),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_shares_are_of_sums_and_percentiles_of_all(
    groups: list[tuple[list[float], dict[str, int]]],
) -> None:
    parts = [published(times, wanted=500, **counts) for times, counts in groups]
    merged = merged_lookups(parts, parts)
    everything = published(
        [one for times, _ in groups for one in times],
        wanted=500 * len(groups),
        **{name: sum(counts[name] for _, counts in groups) for name in COUNTS},
    )
    for name in (*COUNTS, "fallbacks", "cache_hit_share", "saved_share", "default_share"):
        assert merged[name] == everything[name]
    assert merged["latency_ms"] == everything["latency_ms"]


def test_saved_is_what_cache_and_rate_made_needless() -> None:
    """Of 100 lookups 40 were in the cache, 10 on their way already, 20 held back; 2 retries cost
    a call each; what an open breaker kept from being asked is no saving."""
    counters = LookupCounters(
        wanted=100, hits=40, coalesced=10, held_back=20, calls=22, retries=2, defaults=30
    )
    counters.without.update({"rate_limited": 20, "breaker_open": 10})
    document = counters.document()
    assert document["saved_share"] == pytest.approx(0.68)
    assert document["cache_hit_share"] == pytest.approx(0.4)
    assert document["fallbacks"] == 30


def test_what_is_now_is_of_those_that_run() -> None:
    merged = merged_lookups([published([], 7, wanted=3), published([], 5)], [published([], 5)])
    assert (merged["wanted"], merged["cache"]["entries"], merged["on_their_way"]) == (3, 5, 1)


def test_all_services_have_every_name_from_the_start() -> None:
    empty = {"transactions": 2, **{service: published([]) for service in SERVICES}}
    merged = merged_external([empty, empty], [empty])
    assert merged["transactions"] == 4
    for service in SERVICES:
        assert merged[service]["without_service"] == dict.fromkeys(REASONS, 0)
        assert merged[service]["saved_share"] is None
        assert merged[service]["breaker"]["openings"] == 0
        assert "slots" not in merged[service]
