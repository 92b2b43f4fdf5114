"""What may be sent now: requests and tokens within what is configured and what was learned.

Bedrock counts requests and tokens per minute, and says only "too much" when either is passed. The
configured quotas are upper bounds: they are shared with everybody else who calls the model from the
same account and region, so the rate is learned below them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fraud_platform.remote.pace import Bucket, LearnedRate, LearningRules


@dataclass(frozen=True, slots=True)
class Quota:
    """The account's quotas as far as they are known; None: to be learned."""

    requests_per_min: float | None = None
    tokens_per_min: float | None = None
    burst_s: float = 0.25
    """Seconds' worth of requests that may go out at once."""
    learning: LearningRules = field(default_factory=LearningRules)

    def __post_init__(self) -> None:
        for value in (self.requests_per_min, self.tokens_per_min):
            if value is not None and value <= 0:
                raise ValueError("a quota is above 0, or None where it is not known")

    def rules(self) -> LearningRules:
        """Where the quota is known, the rate starts there and never exceeds it."""
        if self.requests_per_min is None:
            return self.learning
        most_tps = self.requests_per_min / 60.0
        return LearningRules(
            start_tps=most_tps,
            least_tps=min(self.learning.least_tps, most_tps),
            most_tps=most_tps,
            cut=self.learning.cut,
            hold_s=self.learning.hold_s,
            growth_per_s=self.learning.growth_per_s,
        )


class Permits:
    """Gives out permission to send; one thread at a time."""

    def __init__(self, quota: Quota, now_s: float) -> None:
        self._quota = quota
        self._rate = LearnedRate(quota.rules(), now_s)
        self._requests = Bucket(self._rate.rate_tps, self._burst(), now_s)
        per_min = quota.tokens_per_min
        # Tokens are known only afterwards: one may go below zero, and the next waits for it.
        self._tokens = None if per_min is None else Bucket(per_min / 60.0, per_min / 60.0, now_s)

    @property
    def rate_tps(self) -> float:
        """Requests a second as learned so far."""
        return self._rate.rate_tps

    @property
    def cuts(self) -> int:
        """How often the rate was cut."""
        return self._rate.cuts

    def wait_s(self, tokens: int, now_s: float) -> float:
        """0: taken, send it now. Else the seconds after which to ask again; nothing is taken."""
        wait_s = self._requests.wait_s(1.0, now_s)
        if self._tokens is not None:
            wait_s = max(wait_s, self._tokens.wait_s(1.0, now_s))
        if wait_s > 0:
            return wait_s
        self._requests.take(1.0, now_s)
        if self._tokens is not None:
            self._tokens.owe(tokens, now_s)
        return 0.0

    def used(self, reserved: int, tokens: int, now_s: float) -> None:
        """A call succeeded and used ``tokens`` where ``reserved`` were taken."""
        self._rate.succeeded(now_s)
        self._requests.change(self._rate.rate_tps, self._burst(), now_s)
        if self._tokens is not None:
            self._tokens.owe(tokens - reserved, now_s)

    def refused(self, reserved: int, now_s: float) -> None:
        """A call was throttled: it used no tokens, and the rate was too high."""
        self._rate.refused(now_s)
        self._requests.change(self._rate.rate_tps, self._burst(), now_s)
        if self._tokens is not None:
            self._tokens.owe(-reserved, now_s)

    def returned(self, reserved: int, now_s: float) -> None:
        """A call ended in some other way without using tokens."""
        if self._tokens is not None:
            self._tokens.owe(-reserved, now_s)

    def _burst(self) -> float:
        return max(1.0, self._rate.rate_tps * self._quota.burst_s)
