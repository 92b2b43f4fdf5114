"""What is remembered of merchants and of accounts that receive transfers."""

from __future__ import annotations

from fraud_platform.state.decay import Fading, factors

_STEADY = 50
"""Events over which a merchant's habits are averaged once it is known."""


class Merchant(Fading):
    """A merchant's pace and habits; the shares are running averages over about 50 events."""

    __slots__ = (
        "abroad",
        "cards",
        "cards_fast",
        "first",
        "mean",
        "mismatch",
        "n",
        "refunds",
        "round",
        "spread",
    )

    def __init__(self, at: float) -> None:
        super().__init__(at)
        self.first = at
        self.n = 0
        self.cards = 0
        self.cards_fast = 0.0
        self.mean = 0.0
        self.spread = 1.0
        self.round = 0.0
        self.refunds = 0.0
        self.mismatch = 0.0
        self.abroad = 0.0

    def deviation(self, log_amount: float) -> float:
        """Standard deviations from the merchant's usual amount; 0 while it is hardly known."""
        if self.n < 5:
            return 0.0
        deviation: float = (log_amount - self.mean) / (self.spread + 0.05) ** 0.5
        return deviation

    def sell(
        self,
        event_s: float,
        log_amount: float,
        new_card: bool,
        rounded: bool,
        refund: bool,
        mismatch: bool,
        abroad: bool,
    ) -> None:
        """Count one payment or refund."""
        fade_fast, _, _, fast, _, _ = self.tick(event_s)
        self.cards_fast = self.cards_fast * fade_fast + new_card * fast
        self.cards += new_card
        self.n += 1
        weight = 1.0 / min(self.n, _STEADY)
        self.round += weight * (rounded - self.round)
        self.refunds += weight * (refund - self.refunds)
        self.mismatch += weight * (mismatch - self.mismatch)
        self.abroad += weight * (abroad - self.abroad)
        difference = log_amount - self.mean
        self.mean += weight * difference
        if self.n > 1:
            self.spread = (1.0 - weight) * (self.spread + weight * difference * difference)


class Account(Fading):
    """An account that receives transfers: how much, and from how many."""

    __slots__ = ("first", "n", "payers", "payers_day", "received_day", "received_month")

    def __init__(self, at: float) -> None:
        super().__init__(at)
        self.first = at
        self.n = 0
        self.payers = 0
        self.payers_day = 0.0
        self.received_day = 0.0
        self.received_month = 0.0

    def receive(self, event_s: float, scaled: float, new_payer: bool) -> None:
        """Count one transfer of ``scaled`` typical amounts."""
        _, fade_day, fade_month, _, day, month = self.tick(event_s)
        self.payers_day = self.payers_day * fade_day + new_payer * day
        self.received_day = self.received_day * fade_day + scaled * day
        self.received_month = self.received_month * fade_month + scaled * month
        self.payers += new_payer
        self.n += 1

    def received_by(self, event_s: float) -> float:
        """What is left today of the amounts received, in typical amounts."""
        return self.received_day * factors(max(0.0, event_s - self.at))[1]
