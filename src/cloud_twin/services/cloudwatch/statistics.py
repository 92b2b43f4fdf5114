"""Statistics by their names on AWS: ``Sum``, ``p99.9``, ``tm95``, ``TM(5%:95%)``, ``PR(0:300)``.

A percentile is the smallest value that so many of the values do not exceed (nearest rank). Those
that look at values have none where a statistic set came in.
Source: CloudWatch user guide, "CloudWatch statistics definitions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import ceil, inf

import numpy as np

from cloud_twin.services.cloudwatch.distribution import Distribution, Floats

Statistic = Callable[[Sequence[Distribution]], float | None]
"""From the buckets of one period to its figure; None where there is none."""

_RANK = r"(100(?:\.0{1,10})?|\d{1,2}(?:\.\d{1,10})?)"
_PERCENTILE = re.compile(rf"p{_RANK}")
_TRIMMED = re.compile(rf"(tm|tc|ts|wm){_RANK}", re.IGNORECASE)
_BOUND = r"(\d+(?:\.\d{1,10})?)?(%?)"
_RANGE = re.compile(rf"(TM|TC|TS|WM|PR)\({_BOUND}:{_BOUND}\)")
_TOLERANCE = 1e-9
"""Of the count: 99.9 % of 1,000 is 999 values, whatever binary fractions make of it."""


def _sum(buckets: Sequence[Distribution]) -> float:
    return sum(bucket.total for bucket in buckets)


def _count(buckets: Sequence[Distribution]) -> float:
    return sum(bucket.count for bucket in buckets)


def _average(buckets: Sequence[Distribution]) -> float:
    return _sum(buckets) / _count(buckets)


def _minimum(buckets: Sequence[Distribution]) -> float:
    return min(bucket.minimum for bucket in buckets)


def _maximum(buckets: Sequence[Distribution]) -> float:
    return max(bucket.maximum for bucket in buckets)


BASIC: dict[str, Statistic] = {
    "SampleCount": _count,
    "Average": _average,
    "Sum": _sum,
    "Minimum": _minimum,
    "Maximum": _maximum,
}


def statistic(text: str) -> Statistic | None:
    """The statistic of that name; None when AWS has none such."""
    if text in BASIC:
        return BASIC[text]
    if text == "IQM":
        return _trimmed("TM", 0.25, 0.75)
    if found := _PERCENTILE.fullmatch(text):
        return _percentile(float(found[1]))
    if found := _TRIMMED.fullmatch(text):
        return _trimmed(found[1].upper(), 0.0, float(found[2]) / 100.0)
    if found := _RANGE.fullmatch(text):
        return _range(*found.groups())
    return None


def _range(kind: str, low: str | None, low_sign: str, high: str | None, high_sign: str) -> (
    Statistic | None
):  # fmt: skip
    shares = {sign for bound, sign in ((low, low_sign), (high, high_sign)) if bound}
    if len(shares) != 1 or (kind == "PR" and shares == {"%"}):
        return None
    if shares == {"%"}:
        first, last = float(low or 0.0) / 100.0, float(high or 100.0) / 100.0
        return _trimmed(kind, first, last) if 0.0 <= first < last <= 1.0 else None
    return _between(kind, float(low) if low else -inf, float(high) if high else inf)


def _values(buckets: Sequence[Distribution]) -> tuple[Floats, Floats] | None:
    """All values in rising order with their counts; None where some are unknown."""
    if not all(bucket.whole for bucket in buckets):
        return None
    parts = [bucket.arrays() for bucket in buckets]
    values = np.concatenate([part[0] for part in parts])
    counts = np.concatenate([part[1] for part in parts])
    if not len(values):
        return None
    order = np.argsort(values, kind="stable")
    # Rounding may have moved a value past the true minimum or maximum.
    return np.clip(values[order], _minimum(buckets), _maximum(buckets)), counts[order]


def _percentile(percent: float) -> Statistic:
    def figure(buckets: Sequence[Distribution]) -> float | None:
        found = _values(buckets)
        if found is None:
            return None
        values, counts = found
        passed = np.cumsum(counts)
        total = float(passed[-1])
        rank = ceil(total * percent / 100.0 - total * _TOLERANCE)
        return float(values[min(int(np.searchsorted(passed, rank)), len(values) - 1)])

    return figure


def _trimmed(kind: str, first: float, last: float) -> Statistic:
    """Of the values between two shares of all; a value across a boundary counts in part."""

    def figure(buckets: Sequence[Distribution]) -> float | None:
        found = _values(buckets)
        if found is None:
            return None
        values, counts = found
        passed = np.cumsum(counts)
        total = float(passed[-1])
        parts = np.minimum(passed, last * total) - np.maximum(passed - counts, first * total)
        inside = parts > 0.0
        if kind == "WM":
            low, high = values[inside][0], values[inside][-1]
            return _of(kind, np.clip(values, low, high), counts, total)
        return _of(kind, values[inside], parts[inside], total)

    return figure


def _between(kind: str, low: float, high: float) -> Statistic:
    """Of the values in ``(low, high]``."""

    def figure(buckets: Sequence[Distribution]) -> float | None:
        found = _values(buckets)
        if found is None:
            return None
        values, counts = found
        total = float(counts.sum())
        if kind == "WM":
            return _of(kind, np.clip(values, low, high), counts, total)
        inside = (values > low) & (values <= high)
        return _of(kind, values[inside], counts[inside], total)

    return figure


def _of(kind: str, values: Floats, counts: Floats, total: float) -> float | None:
    count = float(counts.sum())
    if kind == "TC":
        return count
    if kind == "PR":
        return 100.0 * count / total
    added = float((values * counts).sum())
    if kind == "TS":
        return added
    return added / count if count else None
