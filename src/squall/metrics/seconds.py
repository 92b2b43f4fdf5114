"""One row per second of a run, kept for the whole run at a cost that does not grow with it.

The histograms of a second are kept only until it closes; then they become five percentiles and
are used again. What an interval saw belongs to the second that holds the interval's middle.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from squall.models import (
    Decision,
    DecisionInterval,
    Interval,
    LatencyHistogram,
    Second,
    Truth,
    Typology,
)
from squall.models.interval import FRAUD_ROWS

OPEN_SECONDS = 3
"""Seconds that stay open for late intervals: workers report within a few tenths of a second."""

_LEGITIMATE = int(Typology.NONE)


@dataclass(slots=True)
class _Row:
    planned: int = 0
    accepted: int = 0
    rejected: int = 0
    errors: int = 0
    fraud: int = 0
    fraud_detected: int = 0
    legitimate: int = 0
    legitimate_flagged: int = 0
    response_ms: tuple[float | None, float | None, float | None] = (None, None, None)
    service_p99: float | None = None
    lateness_p99: float | None = None
    decision_p95: float | None = None
    in_flight: int = 0
    queue_depth: int = 0


@dataclass(slots=True)
class _Open:
    """What a second needs while intervals still arrive for it."""

    response: LatencyHistogram = field(default_factory=LatencyHistogram)
    service: LatencyHistogram = field(default_factory=LatencyHistogram)
    lateness: LatencyHistogram = field(default_factory=LatencyHistogram)
    decision: LatencyHistogram = field(default_factory=LatencyHistogram)
    in_flight: dict[int, int] = field(default_factory=dict)
    queue_depth: dict[int, int] = field(default_factory=dict)

    def clear(self) -> None:
        for histogram in (self.response, self.service, self.lateness, self.decision):
            histogram.clear()
        self.in_flight.clear()
        self.queue_depth.clear()


def second_of(interval: Interval) -> int:
    """The second of the run to which an interval belongs."""
    return max(0, int((interval.start_s + interval.end_s) / 2))


class SecondRows:
    """Rows by second, from 0 to the last second in which anything was reported."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._open: dict[int, _Open] = {}
        self._spare: list[_Open] = []
        self._closed_before = 0
        self.late_intervals = 0
        """Intervals that came after their second closed: counted, not in its percentiles."""

    def add(self, interval: Interval) -> None:
        """Add one interval to its second, and close the seconds that are old enough."""
        second = second_of(interval)
        while len(self._rows) <= second:
            self._rows.append(_Row())
        _count(self._rows[second], interval)
        if second < self._closed_before:
            self.late_intervals += 1
            return
        opened = self._open.get(second)
        if opened is None:
            opened = self._open[second] = self._spare.pop() if self._spare else _Open()
        _measure(opened, interval)
        self._close_before(len(self._rows) - OPEN_SECONDS)

    def add_decisions(self, interval: DecisionInterval) -> None:
        """Count decisions in the second in which they were seen; later ones in the last."""
        if self._rows:
            second = max(0, int((interval.start_s + interval.end_s) / 2))
            second = min(second, len(self._rows) - 1)
            _count_truth(self._rows[second], interval.truth)
            if (opened := self._open.get(second)) is not None:
                opened.decision.merge(interval.decision)

    def rows(self) -> tuple[Second, ...]:
        """All rows; seconds still open are read as they stand."""
        for second, opened in self._open.items():
            _summarise(self._rows[second], opened)
        return tuple(
            Second(
                at_s=at_s,
                planned=row.planned,
                accepted=row.accepted,
                rejected=row.rejected,
                errors=row.errors,
                response_p50=row.response_ms[0],
                response_p95=row.response_ms[1],
                response_p99=row.response_ms[2],
                service_p99=row.service_p99,
                lateness_p99=row.lateness_p99,
                decision_p95=row.decision_p95,
                in_flight=row.in_flight,
                queue_depth=row.queue_depth,
                fraud=row.fraud,
                fraud_detected=row.fraud_detected,
                legitimate=row.legitimate,
                legitimate_flagged=row.legitimate_flagged,
            )
            for at_s, row in enumerate(self._rows)
        )

    @property
    def peak_accepted_tps(self) -> float:
        """The most that was accepted in one second."""
        return float(max((row.accepted for row in self._rows), default=0))

    def _close_before(self, second: int) -> None:
        for old in [s for s in self._open if s < second]:
            opened = self._open.pop(old)
            _summarise(self._rows[old], opened)
            opened.clear()
            self._spare.append(opened)
        self._closed_before = max(self._closed_before, second)


def _count(row: _Row, interval: Interval) -> None:
    counts = interval.counts
    row.planned += counts.planned
    row.accepted += counts.accepted
    row.rejected += counts.rejected
    row.errors += counts.errors
    _count_truth(row, interval.truth)


def _count_truth(row: _Row, truth: Truth) -> None:
    decisions = truth.decisions
    decided = decisions[:, Decision.APPROVE :].sum(axis=1)
    flagged = decisions[:, Decision.REVIEW :].sum(axis=1)
    row.legitimate += int(decided[_LEGITIMATE])
    row.legitimate_flagged += int(flagged[_LEGITIMATE])
    row.fraud += int(decided[FRAUD_ROWS].sum())
    row.fraud_detected += int(flagged[FRAUD_ROWS].sum())


def _measure(opened: _Open, interval: Interval) -> None:
    opened.response.merge(interval.response)
    opened.service.merge(interval.service)
    opened.lateness.merge(interval.lateness)
    worker, health = interval.worker, interval.health
    # The largest value of each worker in the second, so that a short queue is not missed.
    opened.in_flight[worker] = max(health.in_flight, opened.in_flight.get(worker, 0))
    opened.queue_depth[worker] = max(health.queue_depth, opened.queue_depth.get(worker, 0))


def _summarise(row: _Row, opened: _Open) -> None:
    response = opened.response
    row.response_ms = (_at_ms(response, 50), _at_ms(response, 95), _at_ms(response, 99))
    row.service_p99 = _at_ms(opened.service, 99)
    row.lateness_p99 = _at_ms(opened.lateness, 99)
    row.decision_p95 = _at_ms(opened.decision, 95)
    row.in_flight = sum(opened.in_flight.values())
    row.queue_depth = sum(opened.queue_depth.values())


def _at_ms(histogram: LatencyHistogram, percent: float) -> float | None:
    value_us = histogram.percentile_us(percent)
    return None if value_us is None else value_us / 1000
