"""A series of samples that covers a run of any length in a bounded number of points."""

from __future__ import annotations

from dataclasses import replace

from squall.models import SystemMetrics

SAMPLES_MAX = 1200
"""Samples kept per source; past it neighbours are averaged in pairs."""


class SampleSeries:
    """Samples of one source: an exact mean over all, and at most ``SAMPLES_MAX`` points.

    When full, neighbours are averaged in pairs and each later point is the mean of twice as many
    samples. A mean of memory or CPU hides peaks shorter than a point, never a trend; the highest
    share of memory is kept.
    """

    def __init__(self, limit: int = SAMPLES_MAX) -> None:
        self._limit = limit
        self._points: list[SystemMetrics] = []
        self._pending: list[SystemMetrics] = []
        self._per_point = 1
        self._count = 0
        self._cpu_cores = 0.0
        self._stolen_cores = 0.0
        self._rss_bytes = 0
        self._memory_share = 0.0
        self._memory_max_share = 0.0

    def add(self, sample: SystemMetrics) -> None:
        """Add a sample taken after all earlier ones."""
        self._count += 1
        self._cpu_cores += sample.cpu_cores
        self._stolen_cores += sample.stolen_cores
        self._rss_bytes += sample.rss_bytes
        self._memory_share += sample.memory_share
        self._memory_max_share = max(self._memory_max_share, sample.memory_max_share)
        self._pending.append(sample)
        if len(self._pending) < self._per_point:
            return
        self._points.append(_mean(self._pending))
        self._pending.clear()
        if len(self._points) >= self._limit:
            points = self._points
            self._points = [_mean(points[i : i + 2]) for i in range(0, len(points), 2)]
            self._per_point *= 2

    @property
    def points(self) -> tuple[SystemMetrics, ...]:
        """The series in order of time."""
        return (*self._points, *([_mean(self._pending)] if self._pending else ()))

    @property
    def mean(self) -> SystemMetrics | None:
        """The mean over every sample, stamped with the last one's time; None without samples."""
        if self._count == 0:
            return None
        return replace(
            self.points[-1],
            cpu_cores=round(self._cpu_cores / self._count, 3),
            rss_bytes=self._rss_bytes // self._count,
            stolen_cores=round(self._stolen_cores / self._count, 4),
            memory_share=round(self._memory_share / self._count, 4),
            memory_max_share=self._memory_max_share,
        )


def _mean(samples: list[SystemMetrics]) -> SystemMetrics:
    n = len(samples)
    return replace(
        samples[-1],
        cpu_cores=round(sum(s.cpu_cores for s in samples) / n, 3),
        rss_bytes=sum(s.rss_bytes for s in samples) // n,
        stolen_cores=round(sum(s.stolen_cores for s in samples) / n, 4),
        memory_share=round(sum(s.memory_share for s in samples) / n, 4),
        memory_max_share=max(s.memory_max_share for s in samples),
    )
