"""Quotas hold in every window, whatever the calls."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.clock import ManualClock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.services.bedrock.quotas import Admission, Quotas

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
OTHER = "amazon.nova-lite-v1:0"


def made(**limits: float) -> tuple[Quotas, ManualClock]:
    clock = ManualClock()
    quotas = Quotas(clock)
    quotas.set(limits)
    return quotas, clock


def attempt(quotas: Quotas, tokens: float = 1.0, model: str = MODEL) -> Admission | str:
    try:
        return quotas.admit(model, tokens)
    except AwsError as error:
        return f"{error.status} {error.code}: {error.message}"


@settings(deadline=None)
@given(
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=80),
    st.integers(30, 300),
    st.integers(1, 5),
)
def test_no_window_lets_in_more_requests_than_its_quota_and_one_burst(
    gaps_s: list[float], per_minute: int, burst_s: int
) -> None:
    quotas, clock = made(requests_per_minute=per_minute, burst_s=burst_s)
    times: list[float] = []
    for gap_s in gaps_s:
        clock.advance(gap_s)
        while not isinstance(attempt(quotas), str):
            times.append(clock.monotonic_s())
    burst = max(1.0, per_minute / 60 * burst_s)
    for first in range(len(times)):
        for last in range(first, len(times)):
            allowed = burst + per_minute / 60 * (times[last] - times[first])
            assert last - first + 1 <= allowed + 1e-6


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 20.0), st.integers(1, 400), st.floats(0.0, 1.0)),
        min_size=1,
        max_size=60,
    )
)
def test_no_window_uses_more_tokens_than_its_quota_and_one_minutes_worth(
    calls: list[tuple[float, int, float]],
) -> None:
    quotas, clock = made(requests_per_minute=1e9, tokens_per_minute=600)
    used: list[tuple[float, float]] = []
    for gap_s, reserved, share in calls:
        clock.advance(gap_s)
        admission = attempt(quotas, reserved)
        if not isinstance(admission, str):
            admission.release(reserved * share)
            used.append((clock.monotonic_s(), reserved * share))
    for first in range(len(used)):
        total = 0.0
        for last in range(first, len(used)):
            total += used[last][1]
            assert total <= 600 + 10 * (used[last][0] - used[first][0]) + 1e-6


def test_messages_say_which_quota_it_was() -> None:
    quotas, _ = made(requests_per_minute=60, tokens_per_minute=100)

    refusal = "429 ThrottlingException: Too many {}, please wait before trying again."
    assert attempt(quotas, 101) == refusal.format("tokens")
    assert not isinstance(attempt(quotas, 1), str)
    assert attempt(quotas, 1) == refusal.format("requests")


def test_calls_at_once_are_counted_until_they_end() -> None:
    quotas, _ = made(requests_per_minute=6000, concurrent_requests=2)
    first, second = attempt(quotas), attempt(quotas)
    assert isinstance(first, Admission)
    assert isinstance(attempt(quotas), str)

    first.release(1)
    first.release(1)

    third = attempt(quotas)
    assert isinstance(third, Admission)
    assert isinstance(attempt(quotas), str)
    del second
    assert not isinstance(attempt(quotas), str)


def test_what_was_reserved_and_not_used_comes_back() -> None:
    quotas, _ = made(tokens_per_minute=1000)
    admission = attempt(quotas, 900)
    assert isinstance(admission, Admission)
    assert isinstance(attempt(quotas, 200), str)

    admission.release(100)

    assert not isinstance(attempt(quotas, 800), str)


def test_models_have_quotas_of_their_own() -> None:
    quotas, _ = made(**{"requests_per_minute": 60, f"requests_per_minute@{OTHER}": 0})

    assert not isinstance(attempt(quotas), str)
    assert isinstance(attempt(quotas, model=OTHER), str)
    assert quotas.knows(f"tokens_per_minute@{MODEL}")
    assert not quotas.knows("tokens_per_minute@nope")


def test_negative_quotas_are_refused() -> None:
    with pytest.raises(TwinError, match="tokens_per_minute cannot be -1"):
        made(tokens_per_minute=-1)
