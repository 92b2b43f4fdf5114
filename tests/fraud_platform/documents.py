"""Transactions for the platform's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import Validator

Document = dict[str, Any]


STARTED = datetime.now(UTC)
"""One reference for all tests, so that the same number is the same transaction."""


def timestamp(offset_s: float = 0.0) -> str:
    """An instant so many seconds from the start of the tests, as the contract writes it."""
    moment = STARTED + timedelta(seconds=offset_s)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def document(number: int = 0, run: str = "testrun1", **changes: Any) -> Document:
    """A plain online purchase."""
    made: Document = {
        "transaction_id": f"{run}-{number:012d}",
        "type": "purchase",
        "amount": 1250,
        "currency": "EUR",
        "user_id": f"u-{number % 50}",
        "card_id": f"c-{number % 50}",
        "device_id": f"d-{number % 50}",
        "merchant_id": f"m-{number % 20}",
        "payee_id": None,
        "merchant_category": "5411",
        "channel": "online",
        "country": "DE",
        "city": "Berlin",
        "latitude": 52.52,
        "longitude": 13.4,
        "billing_country": "DE",
        "ip": f"240.101.7.{number % 50}",
        "timestamp": timestamp(-3600.0 + number / 100),
        "account_age_days": 400,
        "card_age_days": 300,
        "device_age_days": 100,
        "cvv": "match",
        "avs": "match",
        "authentication": "three_ds",
        "original_transaction_id": None,
    }
    return {**made, **changes}


def transaction(number: int = 0, run: str = "testrun1", **changes: Any) -> Transaction:
    """The same, validated."""
    made = document(number, run, **changes)
    now_s = datetime.now(UTC).timestamp()
    read = Validator(current_currencies()).read(made, digest_of(made), now_s, escaped=True)
    assert isinstance(read, Transaction), read
    return read


def digest_of(made: Document) -> bytes:
    """Any 16 bytes that change with the content."""
    return (hash(orjson.dumps(made)) & (2**64 - 1)).to_bytes(16, "big")
