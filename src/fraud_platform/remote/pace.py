"""Staying below a rate: a bucket of permits, and a rate that is learned from refusals."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


class Bucket:
    """Permits that refill at ``rate_per_s`` up to ``burst``; starts full.

    In any window of w seconds it gives out at most burst + rate · w (with ``take``).
    """

    __slots__ = ("_burst", "_level", "_rate_per_s", "_seen_s")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        if rate_per_s <= 0 or burst < 0:
            raise ValueError("a rate is above 0 and a burst not below it")
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._level = burst
        self._seen_s = now_s

    def change(self, rate_per_s: float, burst: float, now_s: float) -> None:
        """Refill at another rate from now on."""
        self._refill(now_s)
        self._rate_per_s, self._burst = rate_per_s, burst
        self._level = min(self._level, burst)

    def wait_s(self, units: float, now_s: float) -> float:
        """Seconds until ``units`` can be taken; 0 if now."""
        self._refill(now_s)
        # Filling up to "almost" must not make the caller spin on a rounding error.
        return max(0.0, (units - self._level - 1e-9) / self._rate_per_s)

    def take(self, units: float, now_s: float) -> bool:
        """Take units if they are there; else none."""
        if self.wait_s(units, now_s) > 0:
            return False
        self._level -= units
        return True

    def owe(self, units: float, now_s: float) -> None:
        """Take units even below zero (negative: give back what was taken too much)."""
        self._refill(now_s)
        self._level = min(self._burst, self._level - units)

    def _refill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._seen_s)
        self._level = min(self._burst, self._level + passed_s * self._rate_per_s)
        self._seen_s = max(self._seen_s, now_s)


@dataclass(frozen=True, slots=True)
class LearningRules:
    """How a rate is learned: up while calls succeed, down when one is refused (AIMD)."""

    start_tps: float = 20.0
    least_tps: float = 0.5
    most_tps: float = 10_000.0
    """The quota where it is known; else merely a bound."""
    cut: float = 0.8
    """What remains of the rate after a refusal at most; where less than that was granted in the
    last second, that much remains, but at least half …"""
    hold_s: float = 0.5
    """… and one refusal counts in so many seconds: they come in bunches."""
    growth_per_s: float = 0.05
    """Share of the rate gained in a second of successes once there was a refusal; it doubles
    before."""

    def __post_init__(self) -> None:
        if not 0 < self.least_tps <= self.start_tps <= self.most_tps or not 0 < self.cut < 1:
            raise ValueError("0 < least_tps <= start_tps <= most_tps and 0 < cut < 1")


_LONGEST_STEP_S = 0.25
_WINDOW_S = 1.0
_LEAST_CUT = 0.5


class LearnedRate:
    """A rate near the quota of somebody who only says "too much"."""

    __slots__ = ("_cut_s", "_granted_s", "_grown_s", "_rules", "cuts", "rate_tps")

    def __init__(self, rules: LearningRules, now_s: float) -> None:
        self._rules = rules
        self.rate_tps = rules.start_tps
        self.cuts = 0
        self._cut_s = float("-inf")
        self._grown_s = now_s
        self._granted_s: deque[float] = deque()

    def succeeded(self, now_s: float) -> None:
        """A call went through. The rate grows only by time in which calls were made."""
        self._granted_s.append(now_s)
        self._granted(now_s)
        passed_s = min(max(0.0, now_s - self._grown_s), _LONGEST_STEP_S)
        self._grown_s = max(self._grown_s, now_s)
        factor = 1.0 + self._rules.growth_per_s * passed_s if self.cuts else 2.0**passed_s
        self.rate_tps = min(self._rules.most_tps, self.rate_tps * factor)

    def refused(self, now_s: float) -> None:
        """A call was throttled."""
        if now_s - self._cut_s < self._rules.hold_s:
            return
        self._cut_s = self._grown_s = now_s
        self.cuts += 1
        granted_tps = max(self._granted(now_s) / _WINDOW_S, self.rate_tps * _LEAST_CUT)
        cut_tps = min(granted_tps, self.rate_tps * self._rules.cut)
        self.rate_tps = max(self._rules.least_tps, cut_tps)

    def _granted(self, now_s: float) -> int:
        """Calls that went through in the last second."""
        while self._granted_s and self._granted_s[0] <= now_s - _WINDOW_S:
            self._granted_s.popleft()
        return len(self._granted_s)
