"""What the engine needs of a target: how a request is written and how an answer is read.

``squall.targets`` implements these; the engine knows no target by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from squall.models import Column, Decision, Outcome, TransactionBatch


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect. ``ca_file`` and ``verify_tls`` matter only with ``tls``."""

    host: str
    port: int
    tls: bool = False
    verify_tls: bool = True
    ca_file: str | None = None

    def __str__(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer, read. ``kind`` names an end other than accepted, for instance ``http_503``."""

    outcome: Outcome
    decision: Decision = Decision.NONE
    score: float | None = None
    kind: str = ""
    wire_id: str | None = None


class RequestWriter(Protocol):
    """Writes whole requests, head and body, for a batch."""

    def write(self, batch: TransactionBatch) -> list[bytes | memoryview]:
        """One ready request per transaction, in order."""
        ...


class AnswerReader(Protocol):
    """Reads a complete answer exactly; the reference that every shortcut is held to."""

    def read(self, status: int, body: bytes) -> Reading:
        """What this answer says."""
        ...

    @property
    def decision_marker(self) -> bytes | None:
        """Bytes directly before the decision word in the usual accepted answer, if any."""
        ...

    @property
    def decision_words(self) -> Mapping[bytes, Decision]:
        """Decision by its word, quotes and all (``b'APPROVE"'``)."""
        ...

    @property
    def score_marker(self) -> bytes | None:
        """Bytes directly before the score in the usual accepted answer, if any."""
        ...


class TargetSpec(Protocol):
    """A picklable description of a target, from which every worker builds its own parts."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to connect."""
        ...

    @property
    def fields(self) -> frozenset[str]:
        """Transaction fields that its requests use."""
        ...

    def writer(self) -> RequestWriter:
        """A request writer."""
        ...

    def reader(self) -> AnswerReader:
        """An answer reader."""
        ...


__all__ = [
    "AnswerReader",
    "Column",
    "Endpoint",
    "Reading",
    "RequestWriter",
    "TargetSpec",
]
