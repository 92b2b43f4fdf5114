"""Counters that fade in event time.

A counter with time constant τ holds Σ exp(−(T − tᵢ)/τ), where T is the latest event time it has
met. An event that arrives late (tᵢ < T) is added with the weight it would have by now, so the
value does not depend on the order of arrival.
"""

from __future__ import annotations

from math import exp

MINUTES_S = 900.0
"""Time constant of the fast counters: a quarter of an hour."""
DAY_S = 86_400.0
MONTH_S = 30 * 86_400.0

_GONE = 700.0  # exp(−700) is the smallest that is still a normal number


Step = tuple[float, float, float, float, float, float]
"""What to multiply counters by (quarter of an hour, day, month), then what one event adds."""


class Fading:
    """Event counts at three time constants: quarter of an hour, day, month.

    A subclass moves its own counters by the step that ``tick`` returns:
    ``counter = counter * fade + amount * add``.
    """

    __slots__ = ("at", "day", "fast", "month")

    def __init__(self, at: float) -> None:
        self.at = at
        self.fast = 0.0
        self.day = 0.0
        self.month = 0.0

    def tick(self, event_s: float) -> Step:
        """Count one event; returns the step by which a subclass moves its own counters."""
        elapsed = event_s - self.at
        fast, day, month = factors(abs(elapsed))
        if elapsed >= 0.0:
            self.at = event_s
            self.fast = self.fast * fast + 1.0
            self.day = self.day * day + 1.0
            self.month = self.month * month + 1.0
            return fast, day, month, 1.0, 1.0, 1.0
        self.fast += fast
        self.day += day
        self.month += month
        return 1.0, 1.0, 1.0, fast, day, month


def factors(elapsed_s: float) -> tuple[float, float, float]:
    """What is left of a count after ``elapsed_s`` ≥ 0, at the three time constants."""
    if elapsed_s > DAY_S * 600:
        return 0.0, 0.0, 0.0
    fast = elapsed_s / MINUTES_S
    return (
        exp(-fast) if fast < _GONE else 0.0,
        exp(-elapsed_s / DAY_S),
        exp(-elapsed_s / MONTH_S),
    )
