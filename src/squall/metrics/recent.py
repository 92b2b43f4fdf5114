"""The last second of a run, for live rates and percentiles."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from squall.models import Counts, Interval, LatencyHistogram, LatencySummary

WINDOW_S = 1.0
STALE_S = 2.5
"""A worker that has not reported for this long counts for nothing in the window."""


@dataclass(frozen=True, slots=True)
class Recent:
    """What the last second was like. Rates per second."""

    offered_tps: float
    accepted_tps: float
    response: LatencySummary
    queue_depth: int
    in_flight: int
    connections: int
    cpu_cores: float


class RecentWindow:
    """The intervals of each worker's own last second.

    Workers report at slightly different moments; a window of its own for each of them keeps the
    rate steady, where one window for all would lose a tenth of the slower ones.
    """

    def __init__(self) -> None:
        self._by_worker: dict[int, deque[Interval]] = {}
        self._response = LatencyHistogram()

    def add(self, interval: Interval) -> None:
        """Add an interval; those that ended a second before it fall out."""
        window = self._by_worker.setdefault(interval.worker, deque())
        window.append(interval)
        while window[0].end_s <= interval.end_s - WINDOW_S + 1e-6:
            window.popleft()

    def read(self, at_s: float) -> Recent:
        """The window as it stands ``at_s`` seconds into the run."""
        offered = accepted = cpu = 0.0
        queue_depth = in_flight = connections = 0
        self._response.clear()
        for window in self._by_worker.values():
            last = window[-1]
            if last.end_s < at_s - STALE_S:
                continue
            counts = sum((i.counts for i in window), Counts())
            span_s = max(last.end_s - window[0].start_s, 1e-3)
            offered += counts.attempts / span_s
            accepted += counts.accepted / span_s
            cpu += sum(i.health.cpu_s for i in window) / span_s
            queue_depth += last.health.queue_depth
            in_flight += last.health.in_flight
            connections += last.health.connections
            for interval in window:
                self._response.merge(interval.response)
        return Recent(
            offered_tps=offered,
            accepted_tps=accepted,
            response=self._response.percentiles_ms(),
            queue_depth=queue_depth,
            in_flight=in_flight,
            connections=connections,
            cpu_cores=cpu,
        )
