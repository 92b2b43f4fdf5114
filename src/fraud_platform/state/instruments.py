"""What is remembered of cards, devices, addresses and networks."""

from __future__ import annotations

from fraud_platform.state.decay import Fading


class Instrument(Fading):
    """A card, a device, an IP address or a network of addresses.

    ``others_*`` count first meetings with the things it should not meet many of: users of a
    device, cards of an address, merchants of a card.
    """

    __slots__ = (
        "first",
        "last",
        "mismatch_day",
        "n",
        "others",
        "others_day",
        "others_fast",
        "small_fast",
        "users",
        "users_day",
    )

    def __init__(self, at: float) -> None:
        super().__init__(at)
        self.first = at
        self.last = at
        self.n = 0
        self.others = 0
        self.others_fast = 0.0
        self.others_day = 0.0
        self.users = 0
        self.users_day = 0.0
        self.mismatch_day = 0.0
        self.small_fast = 0.0

    def use(
        self, event_s: float, new_other: bool, new_user: bool, mismatch: bool, small: bool
    ) -> None:
        """Count one use."""
        fade_fast, fade_day, _, fast, day, _ = self.tick(event_s)
        self.others_fast = self.others_fast * fade_fast + new_other * fast
        self.others_day = self.others_day * fade_day + new_other * day
        self.users_day = self.users_day * fade_day + new_user * day
        self.mismatch_day = self.mismatch_day * fade_day + mismatch * day
        self.small_fast = self.small_fast * fade_fast + small * fast
        self.others += new_other
        self.users += new_user
        self.n += 1
        self.last = max(self.last, event_s)
