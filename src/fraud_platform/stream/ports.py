"""What the deciding function needs of the outside world. Adapters for AWS are beside this file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

from fraud_platform.agents.coordinator import Settlement
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.runner import Absence
from fraud_platform.stream.decision import Decision, Outcome


class Claim(NamedTuple):
    """A refund's part of its purchase, in minor units: what was used up before, and is after."""

    original: str
    before: int
    after: int


class Entry(NamedTuple):
    """A decision to be inserted, with the claim that must hold."""

    decision: Decision
    claim: Claim | None = None


class Missed(Enum):
    """Why a decision was not inserted, other than that its id has one."""

    CONTENDED = "contended"
    """Another writer was there at the same moment, or the table was busy: try again."""
    CLAIM_LOST = "claim lost"
    """Another refund has used up part of the purchase meanwhile."""


Clash = Decision | Missed | None


class DecisionTable(Protocol):
    """The decisions. Methods raise ``StoreError`` when patience has run out."""

    def insert(self, entries: Sequence[Entry]) -> Sequence[Clash]:
        """Insert all of at most 100 entries in one step, or none.

        Empty when all are in. Else nothing was inserted, and there is one answer per entry: the
        decision that its id has already, why it missed, or None for an entry that was not at fault.
        """
        ...

    def read(self, transaction_ids: Collection[str]) -> dict[str, Decision]:
        """Those that are recorded, by id; every insertion that has been answered is seen."""
        ...


PROFILES_TOGETHER = 100
"""Most profiles that are written in one step."""


class ProfileRow(NamedTuple):
    """A profile to be written if its stored version is still ``version``."""

    user: str
    version: int
    content: bytes


class ProfileTable(Protocol):
    """Customers' profiles. Methods raise ``StoreError``."""

    def read(self, users: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """Versions and contents by user, of those who have a profile."""
        ...

    def write(self, rows: Sequence[ProfileRow]) -> list[str]:
        """Store the next version of each of at most ``PROFILES_TOGETHER``.

        Returns users whose version was another: only theirs are not stored.
        """
        ...


class Owner(NamedTuple):
    """Who decides in a territory."""

    name: str
    epoch: int


class OwnerTable(Protocol):
    """Leases on territories. Methods raise ``StoreError``."""

    def read(self, territories: Collection[str]) -> dict[str, Owner]:
        """Owners of those that have one."""
        ...

    def take(self, territory: str, name: str, before: Owner | None) -> bool:
        """Become the owner with the next epoch; False where ``before`` is no longer true."""
        ...


class DecisionStream(Protocol):
    """Where decisions go out."""

    def publish(self, outcomes: Sequence[Outcome]) -> None:
        """Put all of them; raises ``StoreError`` when patience has run out."""
        ...


class AuditBucket(Protocol):
    """Objects that are never overwritten. Methods raise ``StoreError``."""

    def put_new(self, key: str, content: bytes) -> bool:
        """Store an object; False where there is one under this key."""
        ...

    def get(self, key: str) -> bytes | None:
        """An object's content."""
        ...


class DeadLetters(Protocol):
    """The queue of what could not be decided."""

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Put messages; raises ``StoreError``."""
        ...


class FigureBoard(Protocol):
    """Where environments publish their figures."""

    def publish(self, environment: str, figures: Mapping[str, Any]) -> None:
        """Replace this environment's figures; raises ``StoreError``."""
        ...


@dataclass(frozen=True, slots=True)
class Panelled:
    """One micro-batch as the agents left it."""

    evidence: Evidence
    answers: Sequence[Votes | Absence]
    settled: Settlement


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A settlement after a review, with explanations of the rows that were reviewed."""

    settled: Settlement
    explanations: Mapping[int, str]


class CaseReview(Protocol):
    """A second look at borderline cases. Never raises for what its service does."""

    def review(self, batches: Sequence[Panelled], deadline_s: float) -> Sequence[Reviewed]:
        """One for each micro-batch, all of them within ``deadline_s`` seconds.

        What was settled stands where there is nothing.
        """
        ...

    def figures(self) -> Mapping[str, Any]:
        """Plain values that ``reasoning.merged_reasoning`` merges."""
        ...

    def close(self) -> None:
        """End its threads."""
        ...


class ExternalEvidence(Protocol):
    """What services outside say about transactions. Never raises for what a service does."""

    def consult(self, batches: Sequence[Panelled], deadline_s: float) -> Sequence[Panelled]:
        """Each micro-batch with outside evidence weighed in, all within ``deadline_s`` seconds.

        What was settled stands where there is nothing.
        """
        ...

    def figures(self) -> Mapping[str, Any]:
        """Plain values that ``external.merged_external`` merges."""
        ...

    def close(self) -> None:
        """End its threads and connections."""
        ...
