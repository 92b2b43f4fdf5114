"""A latency histogram with three significant digits, recorded and merged in bulk.

The bucket layout is HdrHistogram's own (lowest value 1 µs, three significant digits), so a
histogram can be exported in its format without loss and two of them merge by addition.
Percentiles are read from merged counts and never averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIGHEST_US = 3_600_000_000
"""Largest value held, in microseconds (one hour); larger ones are counted as this."""

_HALF_MAGNITUDE = 10
_HALF_COUNT = 1 << _HALF_MAGNITUDE  # 1024: three significant digits
_SUB_COUNT = 2 * _HALF_COUNT
_BUCKETS = 22  # 2048 << 21 exceeds HIGHEST_US
SLOTS = (_BUCKETS + 1) * _HALF_COUNT
"""Length of the counts array."""


_EXPONENT_BIAS = (1023 + _HALF_MAGNITUDE - 1) << _HALF_MAGNITUDE


def slot_of(values_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Slots of values in microseconds (clipped to 0 … ``HIGHEST_US``).

    HdrHistogram's ``counts_index_for``: with sub-bucket half magnitude h = 10, bucket
    b = max(0, bit_length(v) − (h + 1)), the slot is (b << h) + (v >> b).
    """
    return slot_of_whole(values_us.astype(np.float64))


def slot_of_whole(values_us: NDArray[np.float64]) -> NDArray[np.int64]:
    """The same for whole numbers held as floats; the array is clipped in place.

    From 1024 on, a slot is exponent and first ten bits of the mantissa, which stand side by side
    in a float.
    """
    v = np.maximum(values_us, 0.0, out=values_us)
    np.minimum(v, HIGHEST_US, out=v)
    slots: NDArray[np.int64] = v.view(np.int64) >> (52 - _HALF_MAGNITUDE)
    slots -= _EXPONENT_BIAS
    np.copyto(slots, v, where=v < _HALF_COUNT, casting="unsafe")
    return slots


def _slot_bounds() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    slot = np.arange(SLOTS, dtype=np.int64)
    bucket = np.maximum((slot >> _HALF_MAGNITUDE) - 1, 0)
    low = (slot - (bucket << _HALF_MAGNITUDE)) << bucket
    return low, low + (np.int64(1) << bucket) - 1


_LOW, _HIGH = _slot_bounds()


@dataclass(frozen=True, slots=True)
class SparseCounts:
    """The occupied slots of a histogram: ``slots`` ascending, ``counts`` of the same shape."""

    slots: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def empty(cls) -> SparseCounts:
        """No counts."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int64))


class LatencyHistogram:
    """Counts of latencies in microseconds."""

    __slots__ = ("_top", "counts", "total")

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(SLOTS, dtype=np.int64)
        self.total = 0
        self._top = 0
        """All slots from here on are empty: what is mostly short is mostly scanned in part."""

    def record(self, values_us: NDArray[np.int64]) -> None:
        """Add values in microseconds, shape (n,)."""
        self.record_slots(slot_of(values_us))

    def record_slots(self, slots: NDArray[np.int64]) -> None:
        """Add one value for each slot, shape (n,)."""
        if len(slots):
            np.add.at(self.counts, slots, 1)
            self._top = max(self._top, int(slots.max()) + 1)
            self.total += len(slots)

    def merge(self, other: LatencyHistogram | SparseCounts) -> None:
        """Add another histogram's counts to this one."""
        if isinstance(other, SparseCounts):
            self.counts[other.slots] += other.counts
            self.total += int(other.counts.sum())
            if len(other.slots):
                self._top = max(self._top, int(other.slots[-1]) + 1)
        else:
            self.counts += other.counts
            self.total += other.total
            self._top = max(self._top, other._top)

    def sparse(self) -> SparseCounts:
        """The occupied slots, to send or store."""
        slots = np.flatnonzero(self.counts[: self._top])
        return SparseCounts(slots.astype(np.int32), self.counts[slots])

    @classmethod
    def of(cls, parts: LatencyHistogram | SparseCounts) -> LatencyHistogram:
        """A new histogram with the same counts."""
        histogram = cls()
        histogram.merge(parts)
        return histogram

    def clear(self) -> None:
        """Forget everything recorded."""
        self.counts[: self._top] = 0
        self.total = 0
        self._top = 0

    def percentile_us(self, percent: float) -> int | None:
        """The value at ``percent`` (0 … 100) in µs, HdrHistogram's rule; None when empty.

        The highest value equivalent to the slot that holds the ⌈percent·n/100⌉-th smallest.
        """
        if self.total == 0:
            return None
        rank = max(1, int(np.ceil(percent / 100 * self.total - 1e-9)))
        slot = int(np.searchsorted(np.cumsum(self.counts), rank))
        return int(_HIGH[slot])

    def count_above(self, value_us: int) -> int:
        """How many values are greater, as far as three digits tell them from ``value_us``."""
        slot = int(slot_of(np.array([value_us], dtype=np.int64))[0])
        return int(self.counts[slot + 1 :].sum())

    def percentiles_ms(self) -> LatencySummary:
        """The quoted percentiles in milliseconds."""
        if self.total == 0:
            return LatencySummary(count=0)
        cumulative = np.cumsum(self.counts)
        ranks = np.maximum(
            1, np.ceil(np.array([50, 90, 95, 99, 99.9]) / 100 * self.total - 1e-9)
        ).astype(np.int64)
        at = _HIGH[np.searchsorted(cumulative, ranks)] / 1000
        used = np.flatnonzero(self.counts)
        mean = float((self.counts[used] * (_LOW[used] + _HIGH[used])).sum()) / 2 / self.total / 1000
        return LatencySummary(
            count=self.total,
            mean=round(mean, 3),
            p50=float(at[0]),
            p90=float(at[1]),
            p95=float(at[2]),
            p99=float(at[3]),
            p999=float(at[4]),
            max=float(_HIGH[used[-1]] / 1000),
        )


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Quoted percentiles, in milliseconds; None where nothing was recorded."""

    count: int
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None
