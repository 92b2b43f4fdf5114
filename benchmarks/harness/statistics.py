"""The arithmetic of repeated measurements."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and extremes of repeats, in the unit of the values."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        if not values:
            raise ValueError("a spread needs at least one value")
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int) -> str:
        """``median [low … high]``; the median alone where the three are the same."""
        if self.low == self.high:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} [{self.low:.{digits}f} … {self.high:.{digits}f}]"


def paired_ratios(
    numerators: Sequence[float | None], denominators: Sequence[float | None]
) -> list[float]:
    """Ratios of the two values of each round; rounds that lack one are left out.

    Pairing within a round takes out whatever changed between rounds: the clock frequency, the
    neighbours on a shared machine.
    """
    if len(numerators) != len(denominators):
        raise ValueError(f"{len(numerators)} rounds against {len(denominators)}")
    return [
        a / b
        for a, b in zip(numerators, denominators, strict=True)
        if a is not None and b is not None and b > 0
    ]


def median_or_none(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def nearest_rank(ordered: Sequence[float], quantile: float) -> float:
    """The ⌈q·n⌉-th smallest of values in ascending order: a value that was really seen."""
    if not ordered:
        raise ValueError("no values")
    rank = -int(-quantile * len(ordered) // 1)  # ⌈q·n⌉
    return ordered[min(max(rank, 1), len(ordered)) - 1]


def rotated(names: Sequence[str], round_number: int) -> list[str]:
    """The order of one round: every round starts one further, so no place is favoured."""
    if not names:
        return []
    start = round_number % len(names)
    return [*names[start:], *names[:start]]
