"""The formula against a simulation of the queue that it describes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.harness.statistics import nearest_rank
from benchmarks.servers.stall_formula import Stall, error_percent


def simulate(stall: Stall, periods: int) -> list[float]:
    """Response times of evenly spaced arrivals; answered in order, one every 1/μ at most."""
    times = []
    free_at = 0.0
    for k in range(round(periods * stall.period_s * stall.arrival_tps)):
        arrival = k / stall.arrival_tps
        answer = max(arrival, free_at)
        into = answer % stall.period_s
        begin = stall.period_s / 2
        if begin <= into < begin + stall.stall_s:
            answer += begin + stall.stall_s - into
        free_at = answer + 1 / stall.drain_tps
        times.append(max(answer - arrival, stall.baseline_s))
    return sorted(times)


@settings(max_examples=25, deadline=None)
@given(
    stall_s=st.floats(0.2, 1.5),
    slack=st.floats(0.3, 0.95),
    p=st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999]),
)
def test_formula_is_what_the_queue_does(stall_s: float, slack: float, p: float) -> None:
    arrival_tps = 1000.0
    stall = Stall(stall_s, 10.0, arrival_tps, arrival_tps / (1 - slack), 0.002)
    ordered = simulate(stall, periods=2)
    assert nearest_rank(ordered, p) == pytest.approx(stall.quantile_s(p), abs=0.006)


def test_the_values_of_the_benchmark() -> None:
    stall = Stall(1.0, 10.0, 5_000, 10_000)
    assert [round(stall.quantile_s(p), 6) for p in (0.9, 0.95, 0.99, 0.999)] == [
        0.5,
        0.75,
        0.95,
        0.995,
    ]
    assert stall.quantile_s(0.5) == 0.0
    assert stall.disturbed_s == 2.0


@given(st.floats(0, 2.5))
def test_waiting_falls_to_the_baseline(into_s: float) -> None:
    stall = Stall(1.0, 10.0, 5_000, 10_000, 0.001)
    assert stall.wait_s(0) == 1.0
    assert stall.wait_s(into_s) >= stall.baseline_s
    if into_s > stall.disturbed_s:
        assert stall.wait_s(into_s) == stall.baseline_s


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_quantiles_rise(p: float, q: float) -> None:
    stall = Stall(1.0, 10.0, 5_000, 8_000, 0.001)
    low, high = sorted((p, q))
    assert stall.quantile_s(low) <= stall.quantile_s(high)
    assert math.isclose(stall.quantile_s(1.0), 1.0)


@pytest.mark.parametrize(
    ("stall_s", "period_s", "arrival_tps", "drain_tps"),
    [(10, 10, 1, 2), (0, 10, 1, 2), (1, 10, 2, 2), (1, 10, 3, 2), (1, 10, 95, 100)],
)
def test_impossible_stalls_are_refused(
    stall_s: float, period_s: float, arrival_tps: float, drain_tps: float
) -> None:
    with pytest.raises(ValueError, match=r"stall|drain"):
        Stall(stall_s, period_s, arrival_tps, drain_tps)


def test_errors_are_sizes() -> None:
    assert error_percent(0.95, 1.0) == pytest.approx(5)
    assert error_percent(1.05, 1.0) == pytest.approx(5)
