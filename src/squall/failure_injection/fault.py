"""What a fault is: a lease on something being wrong."""

from __future__ import annotations

from typing import Protocol

LEASE_S = 15.0
"""How long a fault outlives whoever put it in force."""


class Fault(Protocol):
    """One fault on one target. Methods raise a ``SquallError`` where they do not succeed."""

    @property
    def what(self) -> str:
        """What goes wrong, in a sentence."""
        ...

    async def begin(self, lease_s: float) -> None:
        """Put it in force; it ends by itself after ``lease_s`` unless renewed."""
        ...

    async def renew(self, lease_s: float) -> None:
        """Let it last so long from now."""
        ...

    async def end(self) -> None:
        """End it now. Harmless when it has ended."""
        ...

    async def close(self) -> None:
        """Close what was opened to control it."""
        ...
