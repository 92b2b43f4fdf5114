"""Latency counts that can be merged across threads and processes.

Slots grow by 2 % from one microsecond on, so a percentile is right to within 2 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, exp, log

_GROWTH = log(1.02)


class Latencies:
    """How many events took how long. One thread writes; others may read a moment-old picture."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def record(self, elapsed_s: float, times: int = 1) -> None:
        """Count ``times`` events of ``elapsed_s`` seconds."""
        microseconds = elapsed_s * 1e6
        slot = int(log(microseconds) / _GROWTH) + 1 if microseconds > 1.0 else 0
        self.counts[slot] = self.counts.get(slot, 0) + times

    def percentile_ms(self, percent: float) -> float | None:
        """The smallest slot that ``percent`` of the events do not exceed; None when empty."""
        counts = dict(self.counts)
        rank = ceil(sum(counts.values()) * percent / 100)
        passed = 0
        for slot in sorted(counts):
            passed += counts[slot]
            if passed >= rank:
                return round(exp(slot * _GROWTH) / 1000, 3)
        return None

    def summary_ms(self) -> dict[str, float | None]:
        """P50, P95 and P99 in milliseconds."""
        return {f"p{percent}": self.percentile_ms(percent) for percent in (50, 95, 99)}

    def summary_with_max_ms(self) -> dict[str, float | None]:
        """The same, and the longest."""
        return {**self.summary_ms(), "max": self.percentile_ms(100)}


def merged(parts: Iterable[Mapping[int, int]]) -> Latencies:
    """The counts of several histograms as one."""
    total = Latencies()
    for part in parts:
        for slot, count in part.items():
            total.counts[slot] = total.counts.get(slot, 0) + count
    return total
