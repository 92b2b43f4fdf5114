"""The bytes of the platform's answers; ``docs/platform-api.md`` is the contract."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from fraud_platform.wire.validation import Problem

REASONS = {
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    409: b"Conflict",
    413: b"Content Too Large",
    422: b"Unprocessable Content",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}
RETRY_AFTER_S = 1
"""What ``Retry-After`` says with a 503."""


def decision_body(
    transaction_id: str, decision: str, risk: float, confidence: float, codes: str
) -> bytes:
    """The answer to one decided transaction.

    ``risk`` has four decimals and ``confidence`` two; ``codes`` is a ready JSON array.
    """
    quoted = (
        orjson.dumps(transaction_id).decode()
        if _needs_escapes(transaction_id)
        else (f'"{transaction_id}"')
    )
    return (
        f'{{"transaction_id":{quoted},"decision":"{decision}","risk_score":{risk:.4f},'
        f'"confidence":{confidence:.2f},"reason_codes":{codes}}}'
    ).encode()


def error_body(problems: Sequence[Problem]) -> bytes:
    """The answer that refuses: the first problem as ``error``; with several, all of them."""
    first = problems[0]
    error: dict[str, object] = {"code": first.code, "message": first.message}
    if first.field:
        error["field"] = first.field
    if len(problems) > 1:
        error["problems"] = [problem._asdict() for problem in problems]
    return orjson.dumps({"error": error})


def response(
    status: int,
    body: bytes,
    *,
    replay: bool = False,
    keep_alive: bool = True,
    content_type: bytes = b"application/json",
    allow: bytes = b"",
) -> bytes:
    """A whole HTTP/1.1 response."""
    head = b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n" % (
        status,
        REASONS[status],
        content_type,
        len(body),
    )
    if replay:
        head += b"Idempotent-Replay: true\r\n"
    if status == 503:
        head += b"Retry-After: %d\r\n" % RETRY_AFTER_S
    if allow:
        head += b"Allow: %s\r\n" % allow
    if not keep_alive:
        head += b"Connection: close\r\n"
    return head + b"\r\n" + body


def _needs_escapes(text: str) -> bool:
    return '"' in text or "\\" in text or not text.isprintable()
