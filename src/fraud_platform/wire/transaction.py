"""A valid transaction, as the platform's processes pass it on.

``Transaction`` is a named tuple of plain values, so that it crosses a process boundary as a plain
tuple and is unpacked in one step. Closed sets of words travel as small numbers.
"""

from __future__ import annotations

from typing import NamedTuple

AMOUNT_LIMIT = 100_000_000
"""Largest accepted amount, in minor units of any currency."""

PURCHASE, REFUND, TRANSFER, WITHDRAWAL = range(4)
TYPES = {"purchase": PURCHASE, "refund": REFUND, "transfer": TRANSFER, "withdrawal": WITHDRAWAL}

CHIP, CONTACTLESS, ONLINE, CHANNEL_TRANSFER, ATM = range(5)
CHANNELS = {
    "chip": CHIP,
    "contactless": CONTACTLESS,
    "online": ONLINE,
    "transfer": CHANNEL_TRANSFER,
    "atm": ATM,
}

MATCH, MISMATCH, ABSENT = range(3)
CHECKS = {"match": MATCH, "mismatch": MISMATCH, "absent": ABSENT}

AUTH_NONE, AUTH_PIN, AUTH_THREE_DS = range(3)
AUTHENTICATIONS = {"none": AUTH_NONE, "pin": AUTH_PIN, "three_ds": AUTH_THREE_DS}


class Transaction(NamedTuple):
    """One valid transaction; None where the wire has null."""

    transaction_id: str
    digest: bytes
    """16 bytes that change with the content; white space and the order of keys do not count."""
    type: int
    amount: int
    """Minor units of ``currency``."""
    currency: str
    user: str
    card: str
    device: str | None
    merchant: str | None
    payee: str | None
    category: str | None
    channel: int
    country: str
    latitude: float
    longitude: float
    billing_country: str
    ip: str | None
    event_s: float
    """Event time, seconds since 1970 UTC."""
    account_age_days: int
    """−1 where unknown, as in the two below."""
    card_age_days: int
    device_age_days: int
    cvv: int
    avs: int
    authentication: int
    original: str | None


def run_of(transaction_id: str) -> str:
    """The run tag: what stands before the first dash of an id."""
    return transaction_id.partition("-")[0]
