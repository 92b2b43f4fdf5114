"""Decisions that come by another channel than the answer: a stream, a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from squall.models.enums import Decision


class DecisionEvent(NamedTuple):
    """What one record of the channel says of one transaction."""

    wire_id: str
    decision: Decision
    """NONE for a refusal, and for a word that nobody explained."""
    refused: bool
    """It was taken in, and will not be decided."""
    score: float | None
    """On 0 … 1."""
    replay: bool
    """An earlier decision, told again to somebody who sent the same id again."""
    digest: int
    """The same for the same event delivered twice; another for another event. Not 0."""
    amount_minor: int | None = None
    """What was decided on, in minor units, where the event says so."""


class DecisionBatch(NamedTuple):
    """Events that became visible together."""

    seen_at_s: float
    """On ``time.monotonic``."""
    events: Sequence[DecisionEvent]
