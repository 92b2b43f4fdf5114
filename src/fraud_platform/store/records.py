"""One decision as it is stored."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """The columns of one decision, in the order of the table."""

    id: str
    run: str
    digest: bytes
    type: int
    decision: str
    amount: int
    currency: str
    user: str
    original: str | None
    answer: bytes
    votes: bytes
    explanation: str | None
    event_s: float


class Stored(NamedTuple):
    """What a repeated id is compared with and answered by."""

    digest: bytes
    answer: bytes


class Original(NamedTuple):
    """What a refund is checked against."""

    type: int
    user: str
    amount: int
    currency: str
