"""A run's decisions as the reference platform has them on record, whole: with explanations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from squall.errors import TargetProtocolError
from squall.targets.cursor_reader import describe_refusal
from squall.targets.http_client import HttpClient

_PAGE = 2_000
_WORDS = frozenset({"APPROVE", "REVIEW", "DECLINE"})


@dataclass(frozen=True, slots=True)
class WholeDecision:
    """One decision. Times are Unix seconds, None where the platform does not tell them."""

    wire_id: str
    decision: str
    """APPROVE, REVIEW or DECLINE."""
    confidence: float
    """0 … 1."""
    reason_codes: tuple[str, ...]
    reasons: dict[str, str]
    """In words, by code."""
    explanation: str
    arrived_s: float | None


async def whole_decisions(client: HttpClient, run_tag: str) -> AsyncIterator[list[WholeDecision]]:
    """Everything that was decided in a run, page by page, in the order of the log.

    What was taken in and could not be decided (``REFUSED``) is left out.

    Raises:
        TargetUnreachable: the platform does not answer.
        TargetProtocolError: it answers as no such platform does.
    """
    cursor: object = 0
    while cursor is not None:
        path = f"/v1/decisions?run={quote(run_tag, safe='')}&details=1&limit={_PAGE}"
        path += f"&cursor={quote(str(cursor), safe='')}"
        answer = await client.get(path)
        if answer.status != 200:
            raise TargetProtocolError(describe_refusal(path, answer))
        try:
            page = orjson.loads(answer.body)
            yield [_decision(row) for row in page["items"] if row["decision"] in _WORDS]
            cursor = page["next_cursor"]
        except (ValueError, KeyError, TypeError) as error:
            raise TargetProtocolError(
                f"{path} does not list whole decisions (docs/platform-api.md): {error!r}"
            ) from error


def _decision(row: dict[str, Any]) -> WholeDecision:
    arrived_s = row.get("arrived_s")
    return WholeDecision(
        wire_id=row["transaction_id"],
        decision=row["decision"],
        confidence=float(row["confidence"]),
        reason_codes=tuple(row["reason_codes"]),
        reasons=row["reasons"],
        explanation=row["explanation"] or "",
        arrived_s=None if arrived_s is None else float(arrived_s),
    )
