"""What CloudWatch has said so far, period by period.

Figures arrive late: a period is closed once it is ``SETTLING_S`` old. Closed periods are kept and
never asked for again; younger ones are read anew each time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from squall.metrics.collectors.cloudwatch.catalogue import MetricQuery

SETTLING_S = 300.0
"""AWS's figures of a minute may still change for about this long."""


class PeriodCache:
    """Values by query and start of period (Unix seconds)."""

    def __init__(self, since_s: float, period_s: int) -> None:
        self.period_s = period_s
        self._first_s = math.floor(since_s / period_s) * period_s
        self._closed_to_s = self._first_s
        self._values: dict[MetricQuery, dict[int, float]] = {}

    def span(self, until_s: float) -> tuple[int, int]:
        """Start and end of all periods of the run up to ``until_s``."""
        return int(self._first_s), int(math.ceil(until_s / self.period_s) * self.period_s)

    def window(self, until_s: float) -> tuple[int, int] | None:
        """Start and end of what is to be read; None where all is closed."""
        _, end_s = self.span(until_s)
        return (int(self._closed_to_s), int(end_s)) if end_s > self._closed_to_s else None

    def take(
        self,
        found: Mapping[MetricQuery, Mapping[int, float]],
        window: tuple[int, int],
        now_s: float,
    ) -> None:
        """Replace what lies in a window by what was read for it."""
        for query, values in found.items():
            kept = {at: v for at, v in self._values.get(query, {}).items() if at < window[0]}
            self._values[query] = {**kept, **values}
        closed_s = math.floor((now_s - SETTLING_S) / self.period_s) * self.period_s
        self._closed_to_s = max(self._closed_to_s, min(closed_s, window[1]))

    def values(self, query: MetricQuery) -> Mapping[int, float]:
        """By start of period, from the run's first period on."""
        return self._values.get(query, {})
