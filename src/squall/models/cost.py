"""What a run used of its target's services, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Usage:
    """Billable units of one resource: ``kinesis``, ``put_payload_units``, ``transactions``."""

    service: str
    unit: str
    resource: str
    quantity: float


@dataclass(frozen=True, slots=True)
class CostItem:
    """One line of the bill. ``usd`` is quantity ÷ ``per`` x ``price_usd``."""

    service: str
    unit: str
    resource: str
    quantity: float
    price_usd: float
    per: float
    usd: float
    source: str
    """Where the price is from, and when it was seen."""


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """The bill of one run, dearest line first."""

    items: tuple[CostItem, ...]
    total_usd: float
    per_transaction_usd: float | None
    """Per accepted transaction; None where there was none, or not all of their usage is known."""
    basis: str
    """Where the usage is from: ``the twin's meter`` or ``CloudWatch``."""
    prices: str
    """Name, region and date of the price book."""
    unpriced: tuple[Usage, ...] = ()
    """Used, but without a price in the book: not in the total."""
    notes: tuple[str, ...] = ()
    """What the bill lacks or has too much."""
    currency: str = "USD"
