"""How the generator itself did, from its workers' own health reports.

A load tool that cannot keep up makes its target look slow. Each worker therefore measures its
own part of every delay: a send is *own-late* when it went out more than 10 ms after its intended
time although a connection was idle. A send that waited for a connection is not: there the target
(or the size of the pool) was the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from squall.metrics.seconds import second_of
from squall.models import GeneratorReport, Interval, LatencySummary

OWN_LATE_SHARE_MAX = 0.01
"""Above this share of own-late sends the schedule was not kept."""
PEGGED_CPU = 0.95
"""A worker above this share of a core in a second has no room left in it."""
PEGGED_SECONDS_MAX = 0.10
"""Share of its seconds that a worker may be pegged …"""
PEGGED_OWN_LATE_SHARE = 0.001
"""… before this share of own-late sends counts as the worker's lack of CPU."""
WARM_UP_S = 5
"""Seconds at the start in which caches and pools fill; not part of memory growth."""
MEMORY_WINDOW_S = 60


@dataclass(slots=True)
class _Worker:
    """Sums over one worker's intervals; one integer per second for its memory."""

    cpu_s: float = 0.0
    covered_s: float = 0.0
    connections: int = 0
    second: int = -1
    second_cpu_s: float = 0.0
    second_covered_s: float = 0.0
    seconds: int = 0
    pegged_seconds: int = 0
    rss_bytes: list[int] = field(default_factory=list)
    """By second; 0 where nothing was reported."""

    def add(self, interval: Interval) -> None:
        second, health = second_of(interval), interval.health
        if second != self.second:
            self.close_second()
            self.second, self.second_cpu_s, self.second_covered_s = second, 0.0, 0.0
        length_s = max(interval.end_s - interval.start_s, 0.0)
        self.second_cpu_s += health.cpu_s
        self.second_covered_s += length_s
        self.cpu_s += health.cpu_s
        self.covered_s += length_s
        self.connections = max(self.connections, health.connections)
        self.rss_bytes.extend([0] * (second + 1 - len(self.rss_bytes)))
        self.rss_bytes[second] = health.rss_bytes

    def close_second(self) -> None:
        # Under half a second says little about the CPU: clocks tick in hundredths.
        if self.second_covered_s >= 0.5:
            self.seconds += 1
            self.pegged_seconds += self.second_cpu_s / self.second_covered_s > PEGGED_CPU
            self.second_covered_s = 0.0


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    """What the limit rule looks at; shares are 0 … 1."""

    own_late_share: float
    pegged_share: float
    """Largest share of one worker's seconds spent pegged."""
    calibrated_tps: float | None
    planned_peak_tps: float
    workers: int
    workers_lost: int


def limit_reason(facts: GeneratorFacts) -> str:
    """Why the generator was the limit of the run; empty where it was not.

    It was when one of these holds: a worker was lost; more than 1 % of sends were own-late; one
    worker was pegged (over 95 % of a core) in more than 10 % of its seconds while more than 0.1 %
    of sends were own-late; the calibration found less than the planned peak. A busy worker that
    still keeps its schedule is not a limit.
    """
    if facts.workers_lost:
        return f"{facts.workers_lost} of {facts.workers} load workers died during the run"
    if facts.own_late_share > OWN_LATE_SHARE_MAX:
        return (
            f"{facts.own_late_share:.1%} of sends were more than 10 ms late although a connection "
            f"was idle (limit {OWN_LATE_SHARE_MAX:.0%})"
        )
    pegged = facts.pegged_share > PEGGED_SECONDS_MAX
    if pegged and facts.own_late_share > PEGGED_OWN_LATE_SHARE:
        return (
            f"a worker used over {PEGGED_CPU:.0%} of its core in {facts.pegged_share:.0%} of its "
            f"seconds, and {facts.own_late_share:.2%} of sends were late by its own fault"
        )
    if facts.calibrated_tps is not None and facts.calibrated_tps < facts.planned_peak_tps:
        return (
            f"the workers can make and send {facts.calibrated_tps:,.0f} TPS, less than the planned "
            f"peak of {facts.planned_peak_tps:,.0f}"
        )
    return ""


class GeneratorTrack:
    """Sums of the health reports of all workers."""

    def __init__(self) -> None:
        self._workers: dict[int, _Worker] = {}
        self._own_late = 0
        self._own_lateness_us_max = 0
        self._pool_waits = 0
        self._attempts = 0
        self._planned = 0

    def add(self, interval: Interval) -> None:
        """Add one interval's health report."""
        self._workers.setdefault(interval.worker, _Worker()).add(interval)
        health = interval.health
        self._own_late += health.own_late
        self._own_lateness_us_max = max(self._own_lateness_us_max, health.own_lateness_us_max)
        self._pool_waits += health.pool_waits
        self._attempts += interval.counts.attempts
        self._planned += interval.counts.planned

    def report(
        self,
        *,
        workers: int,
        workers_lost: int,
        lateness: LatencySummary,
        calibrated_tps: float | None,
        planned_peak_tps: float,
        notes: tuple[str, ...] = (),
    ) -> GeneratorReport:
        """The report over everything added so far, with ``limit_reason``'s answer."""
        for worker in self._workers.values():
            worker.close_second()
        own_late_share = self._own_late / self._attempts if self._attempts else 0.0
        cpu_s = sum(w.cpu_s for w in self._workers.values())
        reason = limit_reason(
            GeneratorFacts(
                own_late_share=own_late_share,
                pegged_share=max(
                    (w.pegged_seconds / w.seconds for w in self._workers.values() if w.seconds),
                    default=0.0,
                ),
                calibrated_tps=calibrated_tps,
                planned_peak_tps=planned_peak_tps,
                workers=workers,
                workers_lost=workers_lost,
            )
        )
        return GeneratorReport(
            workers=workers,
            connections=sum(w.connections for w in self._workers.values()),
            cpu_us_per_request=round(cpu_s / self._attempts * 1e6, 2) if self._attempts else None,
            lateness_p99_ms=lateness.p99,
            own_lateness_max_ms=self._own_lateness_us_max / 1000 if self._attempts else None,
            own_late_share=own_late_share,
            pool_wait_share=self._pool_waits / self._planned if self._planned else 0.0,
            busiest_worker_cpu=max(
                (w.cpu_s / w.covered_s for w in self._workers.values() if w.covered_s > 0),
                default=None,
            ),
            calibrated_tps=calibrated_tps,
            memory_growth_bytes=memory_growth_bytes(
                {number: w.rss_bytes for number, w in self._workers.items()}
            ),
            limited=bool(reason),
            limit_reason=reason,
            workers_lost=workers_lost,
            notes=notes,
        )


def memory_growth_bytes(rss_by_worker: Mapping[int, list[int]]) -> int | None:
    """Growth of the workers' memory: median of the last window minus median of the first, summed.

    ``rss_by_worker`` has one value per second, 0 where nothing was reported. After a warm-up of
    5 s the windows are a minute each, or a fifth of what is left where that is shorter. None
    where no worker has three reports in both windows.
    """
    length = max((len(rss) for rss in rss_by_worker.values()), default=0)
    window = min(MEMORY_WINDOW_S, (length - WARM_UP_S) // 5)
    if window < 3:
        return None
    growths = []
    for rss in rss_by_worker.values():
        first = [b for b in rss[WARM_UP_S : WARM_UP_S + window] if b]
        last = [b for b in rss[length - window : length] if b]
        if len(first) >= 3 and len(last) >= 3:
            growths.append(median(last) - median(first))
    return int(sum(growths)) if growths else None
