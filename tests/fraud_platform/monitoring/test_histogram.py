from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.monitoring.histogram import Latencies, merged

_TIMES = st.lists(st.floats(2e-6, 100.0), min_size=1, max_size=40)


@settings(deadline=None)
@given(_TIMES, st.sampled_from([50, 95, 99]))
def test_percentiles_are_right_to_two_percent(times: list[float], percent: int) -> None:
    latencies = Latencies()
    for elapsed in times:
        latencies.record(elapsed)
    exact = sorted(times)[max(0, -(-len(times) * percent // 100) - 1)] * 1000
    assert latencies.percentile_ms(percent) == pytest.approx(exact, rel=0.021, abs=0.002)


@settings(deadline=None)
@given(_TIMES, _TIMES)
def test_merging_is_recording_all(one: list[float], other: list[float]) -> None:
    parts = [Latencies(), Latencies()]
    everything = Latencies()
    for part, times in zip(parts, (one, other), strict=True):
        for elapsed in times:
            part.record(elapsed)
            everything.record(elapsed)
    assert merged(part.counts for part in parts).counts == everything.counts


def test_nothing_recorded_is_none() -> None:
    assert Latencies().summary_ms() == {"p50": None, "p95": None, "p99": None}


def test_weights_count() -> None:
    latencies = Latencies()
    latencies.record(0.001, 99)
    latencies.record(1.0, 1)
    assert latencies.percentile_ms(99) == pytest.approx(1.0, rel=0.02)
    assert latencies.percentile_ms(100) == pytest.approx(1000.0, rel=0.02)
