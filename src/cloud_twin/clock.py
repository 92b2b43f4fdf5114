"""Time as the twin sees it: one object, so that tests can hold it still."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Both clocks in seconds."""

    def wall_s(self) -> float:
        """Unix seconds: what is written into answers."""
        ...

    def monotonic_s(self) -> float:
        """Never goes back: what limits, windows and leases are measured with."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall_s(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic_s(self) -> float:
        """``time.monotonic``."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to; both sides move together."""

    def __init__(self, wall_s: float = 1_750_000_000.0) -> None:
        self._wall_s = wall_s
        self._elapsed_s = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._elapsed_s += seconds

    def wall_s(self) -> float:
        """Unix seconds."""
        return self._wall_s + self._elapsed_s

    def monotonic_s(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_s
