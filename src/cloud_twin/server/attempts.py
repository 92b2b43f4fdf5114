"""Every SDK call seen on the wire, attempt by attempt: the proof of retries and backoff."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from cloud_twin.clock import Clock

KEPT = 100_000
"""Attempts that are remembered; the oldest go first."""


class Attempt(NamedTuple):
    """One request. ``status`` 0: the connection was closed instead of an answer."""

    service: str
    operation: str
    invocation_id: str
    number: int
    at_s: float
    duration_ms: float
    status: int
    error: str


class Attempts:
    """A ring of attempts, grouped by SDK call when it is read.

    Times are Unix seconds counted on from one reading of the wall clock by the monotonic one, so
    that differences between them are true.
    """

    def __init__(self, clock: Clock, kept: int = KEPT) -> None:
        self._clock = clock
        self._base_s = clock.wall_s() - clock.monotonic_s()
        self._ring: deque[Attempt] = deque(maxlen=kept)
        self.seen = 0

    def add(
        self,
        service: str,
        operation: str,
        invocation_id: str,
        number: int,
        started_s: float,
        status: int,
        error: str,
    ) -> None:
        """One attempt that is over now; ``started_s`` is monotonic."""
        duration_ms = (self._clock.monotonic_s() - started_s) * 1e3
        self.seen += 1
        self._ring.append(
            Attempt(
                service, operation, invocation_id, number,
                self._base_s + started_s, duration_ms, status, error,
            )
        )  # fmt: skip

    def clear(self) -> None:
        """Forget all."""
        self._ring.clear()
        self.seen = 0

    def calls(
        self,
        service: str | None = None,
        operation: str | None = None,
        *,
        retried: bool = False,
        since_s: float = 0.0,
        limit: int = 1000,
    ) -> dict[str, Any]:
        """The newest ``limit`` calls, oldest first, and how many there were in all.

        A call whose SDK sends no invocation id stands alone. ``retried``: only calls with more
        than one attempt.
        """
        grouped: dict[str, list[Attempt]] = {}
        for position, attempt in enumerate(self._ring):
            if service is not None and attempt.service != service:
                continue
            if operation is not None and attempt.operation != operation:
                continue
            if attempt.at_s < since_s:
                continue
            grouped.setdefault(attempt.invocation_id or f"-{position}", []).append(attempt)
        chosen = [group for group in grouped.values() if not retried or len(group) > 1]
        return {
            "attempts_seen": self.seen,
            "attempts_kept": len(self._ring),
            "calls_found": len(chosen),
            "calls": [_call(group) for group in chosen[-limit:]],
        }


def _call(attempts: list[Attempt]) -> dict[str, Any]:
    first = attempts[0]
    return {
        "invocation_id": first.invocation_id or None,
        "service": first.service,
        "operation": first.operation,
        "attempts": [
            {
                "attempt": attempt.number,
                "at_s": round(attempt.at_s, 6),
                "duration_ms": round(attempt.duration_ms, 3),
                "status": attempt.status or None,
                "error": attempt.error or None,
            }
            for attempt in sorted(attempts, key=lambda attempt: attempt.at_s)
        ],
    }
