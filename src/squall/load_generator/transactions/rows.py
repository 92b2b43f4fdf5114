"""A batch of transactions as numbers, before it is written as JSON.

Every attribute is one integer per row: a person's number, a city's number, a code. The steps of the
factory fill these arrays one after the other, and fraud campaigns and edge cases change some rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.hashing import F64, I64, U64


class Type(IntEnum):
    """``type`` on the wire."""

    PURCHASE = 0
    REFUND = 1
    TRANSFER = 2
    WITHDRAWAL = 3


class Check(IntEnum):
    """``cvv`` and ``avs`` on the wire."""

    MATCH = 0
    MISMATCH = 1
    ABSENT = 2


class Authentication(IntEnum):
    """``authentication`` on the wire."""

    NONE = 0
    PIN = 1
    THREE_DS = 2


NOTHING = -1
"""Stands for null in number columns."""


@dataclass(slots=True)
class Rows:
    """n rows; all arrays have shape (n,)."""

    index: I64
    """Arrival whose people and goods the row has."""
    wire: I64
    """Arrival whose id it carries."""
    draws: U64
    """Hashes of the arrival, shape (streams, n)."""
    time_ms: I64
    user: I64
    traits: U64
    """Hash of the user."""
    household: U64
    """Hash of the user's household."""
    trip: U64
    """Hash of the user's trip, where there is one."""
    home: I64
    """City of the user."""
    city: I64
    """City where it happens."""
    away: NDArray[np.bool_]
    kind: I64
    type: I64
    merchant: I64
    """``NOTHING`` where there is none."""
    payee: I64
    category: I64
    log_usd: F64
    endings: I64
    currency: I64
    amount: I64
    """Minor units."""
    spot: I64
    card: I64
    """Which of the user's cards."""
    device: I64
    ip_block: I64
    ip_host: I64
    account_age: I64
    card_age: I64
    device_age: I64
    cvv: I64
    avs: I64
    authentication: I64
    original: I64
    """Arrival that a refund returns."""
    user_digits: U64 | None = None
    """Digits of the users' ids, once written."""

    def keep(self, name: str, at: I64, mask: NDArray[np.bool_], values: I64 | F64) -> None:
        """Write ``values`` into rows ``at`` where ``mask``; all three have one shape."""
        target: I64 | F64 = getattr(self, name)
        target[at[mask]] = values[mask]


def blank_rows(index: I64) -> Rows:
    """Rows with nothing filled in yet; every array is replaced or written before it is read."""
    none = np.empty(0, np.int64)
    bits = np.empty(0, np.uint64)
    return Rows(
        index, index, bits, none, none, bits, bits, bits, none, none, np.empty(0, np.bool_), none,
        none, none, none, none, np.empty(0), none, none, none, none, none, none, none, none, none,
        none, none, none, none, none, np.full(len(index), NOTHING),
    )  # fmt: skip
