"""A rate limit: so many units a second, with a burst."""

from __future__ import annotations

from cloud_twin.clock import Clock


class TokenBucket:
    """Refills at ``rate_per_s`` up to ``burst`` units; starts full.

    A rate of infinity never refuses.
    """

    __slots__ = ("_burst", "_clock", "_level", "_rate_per_s", "_seen_s")

    def __init__(self, rate_per_s: float, burst: float, clock: Clock) -> None:
        if rate_per_s < 0 or burst < 0:
            raise ValueError("a rate and its burst cannot be negative")
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._clock = clock
        self._level = burst
        self._seen_s = clock.monotonic_s()

    def available(self) -> float:
        """Units that can be taken now."""
        now_s = self._clock.monotonic_s()
        if self._rate_per_s == float("inf"):
            return self._rate_per_s
        self._level = min(self._burst, self._level + (now_s - self._seen_s) * self._rate_per_s)
        self._seen_s = now_s
        return self._level

    def positive_in_s(self) -> float:
        """Seconds until it holds anything; 0 where it does, infinite where it never will."""
        level = self.available()
        if level > 0:
            return 0.0
        return -level / self._rate_per_s if self._rate_per_s else float("inf")

    def take(self, units: float = 1.0) -> bool:
        """Take units if there are enough; False takes none."""
        if self.available() < units:
            return False
        if self._rate_per_s != float("inf"):
            self._level -= units
        return True

    def take_up_to(self, units: float) -> float:
        """Take what there is, at most ``units``; how much it was."""
        taken = min(self.available(), units)
        if self._rate_per_s != float("inf"):
            self._level -= taken
        return taken

    def owe(self, units: float) -> None:
        """Take units even below zero: what was used is known only afterwards."""
        self.available()
        if self._rate_per_s != float("inf"):
            self._level -= units
