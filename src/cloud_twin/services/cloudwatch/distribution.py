"""All values of one metric in one bucket of time: statistics, and percentiles in bounded memory.

Values are kept with their counts, exactly, while a bucket has at most 256 different ones. Past that
they are rounded to eight binary places, which moves a percentile by at most 1/256 (0.4 %). Values
that spread over so many orders of magnitude that more than 4,096 remain are rounded to one place
less, until they fit; each place doubles the error. Sum, count, minimum and maximum are exact.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import frexp, ldexp

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXACT_VALUES = 256
"""Different values of one bucket that are kept as they are."""
ROUNDED_VALUES = 4096
"""Most different values of one bucket."""
PLACES = 8
"""Binary places kept of a value that is rounded: an error of at most 2**-8 of the value."""
_ALL_PLACES = 53


def rounded(value: float, places: int) -> float:
    """``value`` with so many binary places; off by at most ``2**-places`` of itself."""
    mantissa, exponent = frexp(value)
    return ldexp(round(mantissa * (1 << places)), exponent - places)


class Distribution:
    """What was put into one bucket; sealed ones take a sixth of the room and can still be added to.

    ``whole`` is False once a statistic set came in: its values are unknown, so there are no
    percentiles.
    """

    __slots__ = ("_counts", "_packed", "_places", "count", "maximum", "minimum", "total", "whole")

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.minimum = float("inf")
        self.maximum = float("-inf")
        self.whole = True
        self._counts: dict[float, float] | None = {}
        self._packed: tuple[array[float], array[float]] | None = None
        self._places = _ALL_PLACES

    def add(self, value: float, count: float = 1.0) -> None:
        """The same value ``count`` times."""
        self.count += count
        self.total += value * count
        if value < self.minimum:  # noqa: PLR1730 — three times as fast as min()
            self.minimum = value
        if value > self.maximum:  # noqa: PLR1730
            self.maximum = value
        counts = self._counts
        if counts is None:
            counts = self._unpack()
        if self._places != _ALL_PLACES:
            value = rounded(value, self._places)
        counts[value] = counts.get(value, 0.0) + count
        if len(counts) > EXACT_VALUES:
            self._fit(counts)

    def add_set(self, count: float, total: float, minimum: float, maximum: float) -> None:
        """A statistic set. One whose values are all the same is as good as the values."""
        if count == 1.0 or minimum == maximum:
            self.add(total / count, count)
            return
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        self.forget_values()

    def merge(self, other: Distribution) -> None:
        """Take in all of another bucket; ``other`` stays as it is."""
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        if not (self.whole and other.whole):
            self.forget_values()
            return
        counts = self._counts if self._counts is not None else self._unpack()
        if other._places < self._places:
            self._round(counts, other._places)
        counts = self._counts if self._counts is not None else {}
        if self._places == _ALL_PLACES:
            for value, count in other.values():
                counts[value] = counts.get(value, 0.0) + count
        else:
            for value, count in other.values():
                kept = rounded(value, self._places)
                counts[kept] = counts.get(kept, 0.0) + count
        if len(counts) > EXACT_VALUES:
            self._fit(counts)

    def values(self) -> Iterable[tuple[float, float]]:
        """Different values, each with its count, in no order."""
        if self._packed is not None:
            return zip(*self._packed, strict=True)
        return (self._counts or {}).items()

    def arrays(self) -> tuple[Floats, Floats]:
        """Different values and their counts, in no order."""
        if self._packed is not None:
            return np.frombuffer(self._packed[0]), np.frombuffer(self._packed[1])
        counts = self._counts or {}
        size = len(counts)
        return (
            np.fromiter(counts.keys(), np.float64, size),
            np.fromiter(counts.values(), np.float64, size),
        )

    def size(self) -> int:
        """Different values that are kept."""
        if self._packed is not None:
            return len(self._packed[0])
        return len(self._counts or ())

    def seal(self) -> None:
        """Pack it: nothing more is expected."""
        if self._counts is not None:
            kept = array("d", self._counts.keys())
            self._packed = (kept, array("d", self._counts.values()))
            self._counts = None

    def forget_values(self) -> None:
        """Keep count, sum, minimum and maximum only."""
        self.whole = False
        self._counts = {}
        self._packed = None

    def _unpack(self) -> dict[float, float]:
        counts = dict(self.values())
        self._packed = None
        self._counts = counts
        return counts

    def _fit(self, counts: dict[float, float]) -> None:
        if not self.whole:
            counts.clear()
            return
        if self._places == _ALL_PLACES:
            counts = self._round(counts, PLACES)
        while len(counts) > ROUNDED_VALUES and self._places > 1:
            counts = self._round(counts, self._places - 1)

    def _round(self, counts: dict[float, float], places: int) -> dict[float, float]:
        fewer: dict[float, float] = {}
        for value, count in counts.items():
            kept = rounded(value, places)
            fewer[kept] = fewer.get(kept, 0.0) + count
        self._places = places
        self._counts = fewer
        return fewer
