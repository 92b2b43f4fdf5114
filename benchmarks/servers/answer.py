"""The one request and the one answer of every comparison."""

from __future__ import annotations

import json

PATH = "/tx"

ANSWER = (
    b'{"transaction_id":"t-000000000001","decision":"APPROVE",'
    b'"risk_score":0.0312,"confidence":0.97}'
)
"""What the servers answer to every transaction."""

BODY_TEMPLATE = (
    '{{"transaction_id":"t-{number:012d}","user_id":"u-{user:08d}","merchant_id":"m-{merchant:06d}",'
    '"amount":{amount:09.2f},"currency":"EUR","country":"DE","city":"Berlin","lat":52.52,'
    '"lon":13.40,"mcc":"5411","channel":"card_present","device_id":"d-99812","ip":"91.12.33.4",'
    '"timestamp":"2026-11-23T12:00:00.000Z"}}'
)
"""A transaction of about 300 bytes; the Lua and JavaScript scripts hold the same text."""


def constant_body() -> str:
    """One transaction, for tools that repeat one body."""
    return body(1)


def body(number: int) -> str:
    """Transaction ``number``, different for every number."""
    return BODY_TEMPLATE.format(
        number=number,
        user=number * 7919 % 1_000_000,
        merchant=number * 104_729 % 1_000_000,
        amount=number * 31 % 100_000 / 100 + 1,
    )


def answer_is_right(content: bytes) -> bool:
    """Whether a body is the answer that the servers give."""
    return bool(json.loads(content).get("decision") == "APPROVE")
