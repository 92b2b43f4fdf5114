from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.remote.cache import StaleCache

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["get", "put", "short"]),
        st.integers(0, 12),
        st.floats(0.0, 8.0),
    ),
    max_size=200,
)


@settings(deadline=None)
@given(STEPS, st.integers(1, 8))
def test_nothing_is_served_beyond_its_time_and_never_more_is_held(
    steps: list[tuple[str, int, float]], limit: int
) -> None:
    cache = StaleCache[int, float](limit, 5.0, 10.0)
    put: dict[int, tuple[float, float]] = {}
    now_s = 0.0
    for what, key, gap_s in steps:
        now_s += gap_s
        if what == "get":
            found = cache.get(key, now_s)
            if found is not None:
                put_s, fresh_s = put[key]
                assert found.value == put_s, "the newest value"
                assert found.age_s == now_s - put_s < fresh_s + 10.0
                assert found.fresh == (now_s - put_s < fresh_s)
        else:
            fresh_s = 2.0 if what == "short" else 5.0
            cache.put(key, now_s, now_s, fresh_s)
            put[key] = (now_s, fresh_s)
            assert cache.get(key, now_s) is not None, "what was just put is there"
        assert len(cache) <= limit


def test_fresh_then_stale_then_gone() -> None:
    cache = StaleCache[str, int](10, 5.0, 10.0)
    cache.put("a", 1, 0.0)
    ages = {age_s: cache.get("a", age_s) for age_s in (4.9, 5.0, 14.9, 15.0)}
    assert [found and found.fresh for found in ages.values()] == [True, False, False, None]
    assert len(cache) == 0


def test_a_value_may_be_fresh_for_a_shorter_time_but_not_for_a_longer_one() -> None:
    cache = StaleCache[str, int](10, 5.0, 10.0)
    cache.put("short", 1, 0.0, 1.0)
    cache.put("long", 1, 0.0, 100.0)
    short, long = cache.get("short", 2.0), cache.get("long", 6.0)
    assert short is not None
    assert long is not None
    assert (short.fresh, long.fresh) == (False, False)


def test_what_is_unused_for_longest_goes_first() -> None:
    cache = StaleCache[str, int](2, 5.0, 0.0)
    cache.put("a", 1, 0.0)
    cache.put("b", 1, 0.0)
    cache.get("a", 1.0)
    cache.put("c", 1, 1.0)
    assert cache.get("b", 1.0) is None
    assert cache.get("a", 1.0) is not None
    assert cache.evicted == 1


def test_it_shrinks_at_once() -> None:
    cache = StaleCache[int, int](100, 5.0, 0.0)
    for key in range(100):
        cache.put(key, key, 0.0)
    cache.shrink(10)
    assert len(cache) == 10
    cache.put(1000, 1, 0.0)
    assert len(cache) == 10


def test_impossible_caches_are_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        StaleCache[int, int](0, 1.0, 1.0)
