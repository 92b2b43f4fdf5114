"""Who asks for decisions, and who makes them, as the routes see them."""

from __future__ import annotations

from typing import Any, Protocol

from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import Problem


class Asker(Protocol):
    """Whoever waits for the answer to one transaction."""

    def answered(self, status: int, replay: bool, body: bytes) -> None:
        """Take the answer."""
        ...


class FiguresSource(Protocol):
    """Where the platform's figures come from."""

    async def figures(self) -> dict[str, Any]:
        """The whole platform's figures; raises ``LinkError`` or ``StoreError``."""
        ...


class Decider(FiguresSource, Protocol):
    """Where transactions are sent to be decided."""

    @property
    def connected(self) -> bool:
        """Whether it can be reached."""
        ...

    @property
    def latest(self) -> dict[str, Any]:
        """The figures as last heard."""
        ...

    def submit(self, transaction: Transaction, asker: Asker) -> Problem | None:
        """Send a transaction to be decided; the reason where it is not taken in."""
        ...


class DecisionReads(Protocol):
    """Where recorded decisions are read. Methods raise ``StoreError``."""

    def is_cursor(self, text: str) -> bool:
        """Whether a run can be read on from here."""
        ...

    async def page(self, run: str, cursor: str, limit: int, details: bool = False) -> bytes:
        """One page of a run's decision log, as JSON; ``details``: with explanations."""
        ...

    async def detail(self, transaction_id: str) -> tuple[bytes, bytes, str | None] | None:
        """Answer, votes and explanation of one decision."""
        ...

    async def customer(self, user: str) -> bytes | None:
        """What is remembered of a customer, as JSON; None where nothing is."""
        ...
