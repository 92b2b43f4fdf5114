"""Fault plans on calls that services make inside the twin, where there is no connection to close.

A mapping reads its stream and runs its function like any caller, but not over the wire. What a
plan does to such a call is what the caller would see: a delay, a refusal, a fault in the answer, or
no answer at all, which is a refusal whose call may have been carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cloud_twin.errors import AwsError
from cloud_twin.faults.book import FaultBook
from cloud_twin.ports import Answered, Subject
from cloud_twin.service import PartialFailure


class PlannedCalls:
    """Implements ``cloud_twin.ports.InnerCalls``."""

    def __init__(self, book: FaultBook) -> None:
        self._book = book

    async def make(
        self,
        subject: Subject,
        carry_out: Callable[[PartialFailure | None], Awaitable[Answered]],
        count: Callable[[AwsError], None],
    ) -> Answered:
        """Carry the call out as plans have it. Raises ``AwsError``."""
        effect = self._book.effect(subject) if self._book.active else None
        if effect is None:
            return await carry_out(None)
        if effect.latency_ms > 0:
            await asyncio.sleep(effect.latency_ms / 1e3)
        if effect.drop:
            raise _unanswered()
        if effect.refusal is not None:
            count(effect.refusal)
            raise effect.refusal
        answer = await carry_out(effect.partial)
        if effect.lost_as is not None:
            raise effect.lost_as
        if effect.lost:
            raise _unanswered()
        return answer


def _unanswered() -> AwsError:
    message = "The connection was closed before there was an answer."
    return AwsError("ServiceUnavailable", message, 503, sender=False)
