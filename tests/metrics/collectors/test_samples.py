from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.metrics.collectors.samples import SampleSeries
from squall.models import SystemMetrics


def sample(at_s: int, cpu_cores: float, rss_bytes: int) -> SystemMetrics:
    return SystemMetrics(source="host", at_s=at_s, cpu_cores=cpu_cores, rss_bytes=rss_bytes)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=500))
def test_any_number_of_samples_stays_bounded_and_keeps_its_mean(memory: list[int]) -> None:
    series = SampleSeries(limit=16)
    for at_s, rss_bytes in enumerate(memory):
        series.add(sample(at_s, rss_bytes / 100, rss_bytes))
    assert len(series.points) <= 17
    times = [p.at_s for p in series.points]
    assert times == sorted(set(times))
    assert times[-1] == len(memory) - 1
    assert series.mean is not None
    assert series.mean.rss_bytes == sum(memory) // len(memory)
    assert series.mean.cpu_cores == pytest.approx(sum(memory) / len(memory) / 100, abs=0.001)


def test_a_trend_survives() -> None:
    series = SampleSeries(limit=16)
    for at_s in range(1000):
        series.add(sample(at_s, 0.5, 1_000 + at_s))
    memory = [p.rss_bytes for p in series.points]
    assert memory == sorted(memory)
    assert memory[-1] - memory[0] > 800


def test_no_samples_no_mean() -> None:
    assert SampleSeries().mean is None
