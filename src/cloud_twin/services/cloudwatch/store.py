"""The metrics themselves: every value in its bucket of one or sixty seconds, in bounded memory.

One-second buckets are kept for three hours and then added to their minute, as AWS does; minutes are
kept for fifteen days. A bucket counts for the period that holds its start.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cloud_twin.service import Dimensions
from cloud_twin.services.cloudwatch.distribution import Distribution

MINUTE_S = 60
FINE_RETENTION_S = 3 * 3600
RETENTION_S = 15 * 24 * 3600
BUCKETS_LIMIT = RETENTION_S // MINUTE_S + FINE_RETENTION_S
"""Most buckets of one metric and unit; the oldest go first."""
METRICS_LIMIT = 50_000
"""Most different metrics; the one that was written to least recently goes first."""
VALUES_LIMIT = 6_000_000
"""Most different values kept for percentiles, about 16 bytes each; then the oldest buckets of the
largest metric keep their statistics only."""


@dataclass(frozen=True, slots=True)
class MetricName:
    """What a metric is known by; dimensions sorted by name."""

    namespace: str
    name: str
    dimensions: Dimensions


class Series:
    """One metric in one unit: buckets by their start in Unix seconds."""

    __slots__ = ("_buckets", "_starts", "open", "open_start_s", "unit", "values")

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.values = 0
        """Different values in sealed buckets."""
        self.open = Distribution()
        self.open_start_s = -1
        """Start of the bucket that was written to last."""
        self._starts: list[int] = []
        self._buckets: dict[int, Distribution] = {}

    def turn_to(self, start_s: int) -> Distribution:
        """The bucket from ``start_s`` on, to be written to; the one before it is sealed."""
        if self.open_start_s >= 0:
            self.open.seal()
            self.values += self.open.size()
        bucket = self._buckets.get(start_s)
        if bucket is None:
            bucket = self._buckets[start_s] = Distribution()
            insort(self._starts, start_s)
            if len(self._starts) > BUCKETS_LIMIT:
                self._drop(1)
        else:
            self.values -= bucket.size()
        self.open = bucket
        self.open_start_s = start_s
        return bucket

    def between(self, start_s: float, end_s: float) -> Iterator[tuple[int, Distribution]]:
        """Buckets that start in ``[start_s, end_s)``, in order."""
        first = bisect_left(self._starts, start_s)
        last = bisect_left(self._starts, end_s)
        for start in self._starts[first:last]:
            yield start, self._buckets[start]

    def age(self, now_s: float) -> None:
        """Add seconds to their minutes after three hours; forget minutes after fifteen days."""
        self._drop(bisect_left(self._starts, now_s - RETENTION_S))
        fine = bisect_left(self._starts, now_s - FINE_RETENTION_S)
        minutes: dict[int, list[int]] = {}
        for start_s in self._starts[:fine]:
            if start_s % MINUTE_S and start_s != self.open_start_s:
                minutes.setdefault(start_s - start_s % MINUTE_S, []).append(start_s)
        if minutes:
            for minute_s, starts_s in minutes.items():
                self._join(minute_s, starts_s)
            self._starts = sorted(self._buckets)

    def _join(self, minute_s: int, starts_s: Sequence[int]) -> None:
        """Add seconds to their minute."""
        minute = self._buckets.setdefault(minute_s, Distribution())
        if minute_s != self.open_start_s:
            self.values -= minute.size()
        for start_s in starts_s:
            seconds = self._buckets.pop(start_s)
            self.values -= seconds.size()
            minute.merge(seconds)
        if minute_s != self.open_start_s:
            minute.seal()
            self.values += minute.size()

    def forget_older_values(self) -> None:
        """The older half of the buckets that have values keep their statistics only."""
        valued = [start for start in self._starts if self._buckets[start].size()]
        for start_s in valued[: (len(valued) + 1) // 2]:
            if start_s != self.open_start_s:
                bucket = self._buckets[start_s]
                self.values -= bucket.size()
                bucket.forget_values()

    def _drop(self, buckets: int) -> None:
        for start_s in self._starts[:buckets]:
            dropped = self._buckets.pop(start_s)
            if start_s == self.open_start_s:
                self.open_start_s = -1
                self.open = Distribution()
            else:
                self.values -= dropped.size()
        del self._starts[:buckets]


@dataclass(slots=True)
class Metric:
    """A metric with all its units."""

    name: MetricName
    series: dict[str, Series] = field(default_factory=dict)
    written_s: float = 0.0
    """Wall time of the last new bucket, at most a minute behind the last value."""


class MetricStore:
    """All metrics."""

    def __init__(self) -> None:
        self._metrics: dict[MetricName, Metric] = {}
        self._series: dict[tuple[str, str, Dimensions, str], tuple[Metric, Series]] = {}
        self._swept_s = 0.0

    def add(
        self,
        key: tuple[str, str, Dimensions, str],
        bucket_s: int,
        now_s: float,
        value: float,
        count: float = 1.0,
    ) -> None:
        """Count one value; ``key`` is namespace, name, dimensions in any order, and unit."""
        found = self._series.get(key)
        if found is None:
            found = self._open(key)
        series = found[1]
        if series.open_start_s == bucket_s:
            series.open.add(value, count)
        else:
            self._turn(found, bucket_s, now_s).add(value, count)

    def bucket(
        self, key: tuple[str, str, Dimensions, str], bucket_s: int, now_s: float
    ) -> Distribution:
        """The bucket that starts at ``bucket_s``, to be written to now."""
        found = self._series.get(key) or self._open(key)
        series = found[1]
        return (
            series.open if series.open_start_s == bucket_s else self._turn(found, bucket_s, now_s)
        )

    def find(self, name: MetricName) -> Metric | None:
        """One metric, if anything was ever put into it."""
        return self._metrics.get(name)

    def metrics(self) -> Iterator[Metric]:
        """All metrics, by the time of their first value."""
        return iter(self._metrics.values())

    def values(self) -> int:
        """Different values that are kept for percentiles."""
        return sum(s.values for metric in self._metrics.values() for s in metric.series.values())

    def clear(self) -> None:
        """Forget everything."""
        self._metrics.clear()
        self._series.clear()

    def _open(self, key: tuple[str, str, Dimensions, str]) -> tuple[Metric, Series]:
        namespace, name, dimensions, unit = key
        full = MetricName(namespace, name, tuple(sorted(dimensions)))
        metric = self._metrics.get(full)
        if metric is None:
            if len(self._metrics) >= METRICS_LIMIT:
                self._forget_stalest()
            metric = self._metrics[full] = Metric(full)
        found = (metric, metric.series.setdefault(unit, Series(unit)))
        if len(self._series) >= 4 * METRICS_LIMIT:
            self._series.clear()  # other orders of dimensions; they are found again
        self._series[key] = found
        return found

    def _turn(self, found: tuple[Metric, Series], bucket_s: int, now_s: float) -> Distribution:
        metric, series = found
        metric.written_s = now_s
        series.turn_to(bucket_s)
        if now_s - self._swept_s >= MINUTE_S or now_s < self._swept_s:
            self._sweep(now_s)
        if series.open_start_s != bucket_s:  # the sweep found it too old to keep
            return Distribution()
        return series.open

    def _sweep(self, now_s: float) -> None:
        """Once a minute: age all buckets and hold the bound on values."""
        self._swept_s = now_s
        everything = [s for metric in self._metrics.values() for s in metric.series.values()]
        for series in everything:
            series.age(now_s)
        total = sum(series.values for series in everything)
        while total > VALUES_LIMIT:
            largest = max(everything, key=lambda series: series.values)
            before = largest.values
            largest.forget_older_values()
            if largest.values == before:
                return
            total -= before - largest.values

    def _forget_stalest(self) -> None:
        stalest = min(self._metrics.values(), key=lambda metric: metric.written_s)
        del self._metrics[stalest.name]
        self._series = {
            key: found for key, found in self._series.items() if found[0] is not stalest
        }
