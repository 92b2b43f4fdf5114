from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.remote.backoff import Backoff


@settings(deadline=None)
@given(
    st.floats(0.001, 10.0),
    st.floats(1.0, 100.0),
    st.integers(1, 500),
    st.integers(0, 2**32),
)
def test_waits_are_within_full_jitters_bounds(
    base_s: float, times: float, failures: int, seed: int
) -> None:
    backoff = Backoff(base_s, base_s * times)
    wait_s = backoff.wait_s(failures, random.Random(seed))
    assert 0.0 <= wait_s <= backoff.ceiling_s(failures) <= backoff.cap_s
    assert backoff.ceiling_s(failures) <= backoff.ceiling_s(failures + 1)


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.ceiling_s(n) for n in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_seed_repeats_the_waits_and_they_fill_the_interval() -> None:
    backoff = Backoff(1.0, 1.0)
    one, two = random.Random(7), random.Random(7)
    waits = [backoff.wait_s(1, one) for _ in range(1000)]
    assert waits == [backoff.wait_s(1, two) for _ in range(1000)]
    assert min(waits) < 0.02
    assert max(waits) > 0.98


def test_an_impossible_backoff_is_refused() -> None:
    with pytest.raises(ValueError, match="base_s"):
        Backoff(2.0, 1.0)
