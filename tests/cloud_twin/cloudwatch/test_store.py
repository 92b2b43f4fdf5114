"""Retention: seconds become minutes, old minutes go, memory stays bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.cloudwatch import store as store_module
from cloud_twin.services.cloudwatch.store import (
    BUCKETS_LIMIT,
    FINE_RETENTION_S,
    MINUTE_S,
    RETENTION_S,
    MetricName,
    MetricStore,
    Series,
)

KEY = ("N", "m", (("D", "x"),), "Count")
NAME = MetricName("N", "m", (("D", "x"),))


def series_of(store: MetricStore) -> Series:
    metric = store.find(NAME)
    assert metric is not None
    return metric.series["Count"]


def total(series: Series) -> float:
    return sum(bucket.total for _, bucket in series.between(0, 1e12))


@settings(deadline=None)
@given(st.lists(st.integers(0, 4 * 3600), min_size=1, max_size=60), st.integers(0, 7200))
def test_ageing_loses_nothing(seconds: list[int], later_s: int) -> None:
    series = Series("Count")
    begin_s = 600_000 * MINUTE_S
    for second in seconds:
        series.turn_to(begin_s + second).add(float(second))
    series.age(begin_s + 4 * 3600 + later_s)
    fine_from_s = begin_s + 4 * 3600 + later_s - FINE_RETENTION_S

    starts = [start for start, _ in series.between(0, 1e12)]
    assert starts == sorted(starts)
    assert total(series) == sum(seconds)
    assert all(
        start % MINUTE_S == 0 or start >= fine_from_s or start == series.open_start_s
        for start in starts
    )


def test_minutes_are_forgotten_after_fifteen_days() -> None:
    store = MetricStore()
    begin_s = 60 * 10**7
    store.add(KEY, begin_s, begin_s, 1.0)
    store.add(KEY, begin_s + MINUTE_S, begin_s + MINUTE_S, 2.0)
    end_s = begin_s + RETENTION_S + MINUTE_S

    store.add(KEY, end_s, end_s, 4.0)

    assert total(series_of(store)) == 6.0


def test_dimensions_are_the_same_metric_in_any_order() -> None:
    store = MetricStore()
    store.add(("N", "m", (("A", "1"), ("B", "2")), "Count"), 0, 0.0, 1.0)
    store.add(("N", "m", (("B", "2"), ("A", "1")), "Count"), 0, 0.0, 2.0)

    (metric,) = store.metrics()

    assert metric.name.dimensions == (("A", "1"), ("B", "2"))
    assert total(metric.series["Count"]) == 3.0


def test_the_oldest_buckets_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUCKETS_LIMIT", 10)
    series = Series("Count")
    for second in range(25):
        series.turn_to(second).add(1.0)

    assert [start for start, _ in series.between(0, 100)] == list(range(15, 25))
    assert BUCKETS_LIMIT > 10_000


def test_the_bound_on_values_costs_percentiles_and_no_sums(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_module, "VALUES_LIMIT", 500)
    store = MetricStore()
    for second in range(150):
        for value in range(20):
            store.add(KEY, second, float(second), value + second / 1000.0)
    series = series_of(store)
    sealed = sum(
        bucket.size() for start, bucket in series.between(0, 1e6) if start != series.open_start_s
    )

    assert series.values == sealed
    assert store.values() < 150 * 20
    assert sum(bucket.count for _, bucket in series.between(0, 1e6)) == 150 * 20


def test_the_stalest_metric_goes_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "METRICS_LIMIT", 3)
    store = MetricStore()
    for second, name in enumerate("abcad"):
        store.add(("N", name, (), "Count"), second, float(second), 1.0)

    assert sorted(metric.name.name for metric in store.metrics()) == ["a", "c", "d"]
