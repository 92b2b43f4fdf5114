"""What is remembered of one customer."""

from __future__ import annotations

from fraud_platform.state.decay import Fading
from fraud_platform.state.geography import distance_km

_UNKNOWN = -1.0
_FLIGHT_FLOOR_H = 0.05
"""Shortest gap, in hours, that a speed is computed from: three minutes."""
_NEAR_KM = 50.0


class Customer(Fading):
    """A customer's counters, habits and whereabouts.

    ``mean`` and ``spread`` follow the logarithm of the scaled amount with a weight of at least
    1/20 for the newest; places are kept for card-present and remote payments apart.
    """

    __slots__ = (
        "devices",
        "first",
        "home",
        "last",
        "mean",
        "merchants_day",
        "mismatch_day",
        "n",
        "new_device_day",
        "payees_day",
        "place",
        "place_at",
        "refunds_month",
        "spend_day",
        "spend_fast",
        "spend_month",
        "spread",
        "top",
        "transfers_day",
        "withdrawals_day",
    )

    def __init__(self, at: float) -> None:
        super().__init__(at)
        self.first = at
        self.last = _UNKNOWN
        self.n = 0
        self.mean = 0.0
        self.spread = 1.0
        self.top = 0.0
        self.spend_fast = 0.0
        self.spend_day = 0.0
        self.spend_month = 0.0
        self.merchants_day = 0.0
        self.payees_day = 0.0
        self.new_device_day = 0.0
        self.mismatch_day = 0.0
        self.refunds_month = 0.0
        self.transfers_day = 0.0
        self.withdrawals_day = 0.0
        self.devices = 0
        self.place: tuple[float, float] | None = None
        self.place_at = 0.0
        self.home: tuple[float, float] | None = None

    def gap_s(self, event_s: float) -> float:
        """Seconds since the last event; −1 for the first, 0 for a late one."""
        return _UNKNOWN if self.n == 0 else max(0.0, event_s - self.last)

    def deviation(self, log_amount: float) -> float:
        """How many standard deviations an amount is from this customer's mean; 0 at first."""
        if self.n < 2:
            return 0.0
        deviation: float = (log_amount - self.mean) / (self.spread + 0.05) ** 0.5
        return deviation

    def travel(self, latitude: float, longitude: float, event_s: float) -> tuple[float, float]:
        """Speed (km/h) from the last known place and distance (km) from home; −1 if unknown.

        Distances under 50 km give speed 0: coordinates are a neighbourhood's.
        """
        if self.place is None or self.home is None:
            return _UNKNOWN, _UNKNOWN
        from_home = distance_km(*self.home, latitude, longitude)
        moved = distance_km(*self.place, latitude, longitude)
        if moved < _NEAR_KM:
            return 0.0, from_home
        hours = max(abs(event_s - self.place_at) / 3600.0, _FLIGHT_FLOOR_H)
        return moved / hours, from_home

    def stay(self, latitude: float, longitude: float, event_s: float) -> None:
        """Remember a place; the first one is taken for home."""
        if self.home is None:
            self.home = (latitude, longitude)
        if self.place is None or event_s >= self.place_at:
            self.place = (latitude, longitude)
            self.place_at = event_s

    def pay(self, scaled: float, log_amount: float, event_s: float) -> tuple[float, float]:
        """Count an event of ``scaled`` typical amounts; returns what it adds per day and month."""
        fade_fast, fade_day, fade_month, fast, day, month = self.tick(event_s)
        self.spend_fast = self.spend_fast * fade_fast + scaled * fast
        self.spend_day = self.spend_day * fade_day + scaled * day
        self.spend_month = self.spend_month * fade_month + scaled * month
        self.merchants_day *= fade_day
        self.payees_day *= fade_day
        self.new_device_day *= fade_day
        self.mismatch_day *= fade_day
        self.transfers_day *= fade_day
        self.withdrawals_day *= fade_day
        self.refunds_month *= fade_month
        self.last = max(self.last, event_s)
        self.n += 1
        self.top = max(self.top, scaled)
        self._learn(log_amount)
        return day, month

    def _learn(self, log_amount: float) -> None:
        weight = 1.0 / min(self.n, 20)
        difference = log_amount - self.mean
        self.mean += weight * difference
        if self.n > 1:
            self.spread = (1.0 - weight) * (self.spread + weight * difference * difference)
            self.spread = max(self.spread, 0.01)
