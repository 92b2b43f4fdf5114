"""The pace of the stalling server: when a waiting request may be answered. Knows no sockets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StallPlan:
    """A stall of ``stall_s`` in the middle of every ``period_s``, an answer rate, a count to start.

    The first period starts with request ``start_after``: a tool's trial request starts nothing.
    """

    stall_s: float
    period_s: float
    drain_tps: float
    start_after: int = 50

    def stall_end_s(self, at_s: float) -> float | None:
        """End of the stall that is on, ``at_s`` after the first period's start; else None."""
        period, into = divmod(at_s, self.period_s)
        start = self.period_s / 2
        end = start + self.stall_s
        return period * self.period_s + end if start <= into < end else None


class Pace:
    """Answers at most at the drain rate, in the order of arrival.

    A virtual queue: answer k may leave at dₖ = max(now − b/μ, dₖ₋₁ + 1/μ). The allowance of b
    answers at once covers the grain of timers and of batched arrivals; over a backlog the rate
    is exactly μ as long as somebody asks every b/μ seconds.
    """

    def __init__(self, drain_tps: float, allowance: int = 20) -> None:
        self._gap_s = 1 / drain_tps
        self._slack_s = allowance / drain_tps
        self._last_s = float("-inf")

    def hold_until(self, at_s: float) -> None:
        """Let nothing leave before ``at_s`` and save up no allowance until then."""
        self._last_s = max(self._last_s, at_s)

    def allows(self, now_s: float) -> bool:
        """Whether one more may leave now; if so it is taken as having left."""
        due = max(now_s - self._slack_s, self._last_s + self._gap_s)
        if due > now_s:
            return False
        self._last_s = due
        return True
