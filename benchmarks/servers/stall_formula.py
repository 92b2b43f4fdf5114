r"""What an honest tool must report of a server that stalls.

A server answers at once but for a stall of S seconds in every period of P. Requests arrive evenly
at λ per second; after a stall the backlog drains in order at μ per second.

The request that arrives u seconds into a stall finds λu before it. It is answered at S + λu/μ and
has waited

    w(u) = S + λu/μ − u = S − u(1 − λ/μ)

which falls to the baseline b at u* = (S − b)/(1 − λ/μ). Of all requests, the share u/P waits longer
than w(u), for 0 ≤ u ≤ u*. With 1 − p = u/P the quantile p of the response time is

    q(p) = S − P(1 − p)(1 − λ/μ)     where that is above b, else b

    response
      S │\
        │ \
        │  \           the tail of the sorted responses is a straight line
      b │───\________
        0   u*/P      1 − p
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stall:
    """A stall of ``stall_s`` in every ``period_s``; rates per second."""

    stall_s: float
    period_s: float
    arrival_tps: float
    drain_tps: float
    baseline_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.stall_s < self.period_s:
            raise ValueError("a stall must be shorter than its period")
        if not 0 < self.arrival_tps < self.drain_tps:
            raise ValueError("the backlog only drains when the drain rate exceeds the arrival rate")
        if self.disturbed_s > self.period_s:
            raise ValueError("the backlog of one stall must be gone before the next")

    @property
    def slack(self) -> float:
        """1 − λ/μ."""
        return 1 - self.arrival_tps / self.drain_tps

    @property
    def disturbed_s(self) -> float:
        """u*: how long after the start of a stall an arrival still waits."""
        return (self.stall_s - self.baseline_s) / self.slack

    def wait_s(self, into_stall_s: float) -> float:
        """w(u) of an arrival u ≥ 0 seconds after the start of a stall."""
        return max(self.stall_s - into_stall_s * self.slack, self.baseline_s)

    def quantile_s(self, p: float) -> float:
        """q(p) for 0 ≤ p ≤ 1."""
        return max(self.stall_s - self.period_s * (1 - p) * self.slack, self.baseline_s)


def error_percent(measured_s: float, true_s: float) -> float:
    """Size of the error in percent of the true value."""
    return 100 * abs(measured_s - true_s) / true_s
