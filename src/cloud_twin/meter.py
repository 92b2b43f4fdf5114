"""Counts billable units: the twin's bill, without prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class UsageKey:
    """What is billed: ``kinesis``, ``put_payload_units``, ``transactions``."""

    service: str
    unit: str
    resource: str


class Meter:
    """Running totals since the start or the last reset.

    A run's usage is the difference of two readings. Units are those of the AWS bill: see
    docs/twin.md for the list by service.
    """

    def __init__(self) -> None:
        self._totals: defaultdict[UsageKey, float] = defaultdict(float)
        self._accruals: list[Callable[[], None]] = []

    def before_reading(self, accrue: Callable[[], None]) -> None:
        """Have ``accrue`` called before every reading and reset: for what is billed by time."""
        self._accruals.append(accrue)

    def add(self, service: str, unit: str, resource: str, quantity: float) -> None:
        """Count ``quantity`` more units."""
        self._totals[UsageKey(service, unit, resource)] += quantity

    def read(self) -> dict[UsageKey, float]:
        """A copy of all totals."""
        for accrue in self._accruals:
            accrue()
        return dict(self._totals)

    def reset(self) -> None:
        """Forget everything."""
        for accrue in self._accruals:
            accrue()
        self._totals.clear()
