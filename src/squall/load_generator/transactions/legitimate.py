"""Ordinary payments: who pays, where, to whom, how much, and with what."""

from __future__ import annotations

import numpy as np

from squall.load_generator.transactions.hashing import (
    I64,
    U64,
    hashed,
    hashed_streams,
    joined,
    key_of,
    sixteen,
    thirty_two,
)
from squall.load_generator.transactions.movement import Movement
from squall.load_generator.transactions.people import ORGANISATIONS, People
from squall.load_generator.transactions.places import SPOTS, Places
from squall.load_generator.transactions.rows import NOTHING, Rows, Type
from squall.load_generator.transactions.timeline import CITY_SLOTS, Timeline
from squall.load_generator.transactions.trade import (
    CASH_CATEGORY,
    TRANSFER_CATEGORY,
    Kind,
    Trade,
)

TIMING, WHO, WHAT, MEANS, CHECKS = range(5)
"""Streams of random bits per arrival."""

_KIND_SHARES = {
    Kind.CONTACTLESS: 0.36,
    Kind.CHIP: 0.17,
    Kind.ONLINE: 0.36,
    Kind.CASH: 0.04,
    Kind.TRANSFER: 0.07,
}
TYPE_OF_KIND = np.array(
    [Type.PURCHASE, Type.PURCHASE, Type.PURCHASE, Type.WITHDRAWAL, Type.TRANSFER], np.int64
)
_IS_REMOTE = np.array([False, False, True, False, True])
_AT_HOME_SPOT = np.array([False, False, True, True, True])

SPREE_SHARE = 0.20
"""Share of arrivals that belong to a shopping spree: several payments of one customer in a row."""
_SPREE_S = 2_700.0
_SPREE_LENGTH = 4
_FAVOURITE_SHARE = 0.72
_FAVOURITES = 8
_PAYDAY_LIFT = 0.25
_MEAN_LIFT = 1.12  # of customers, merchants and paydays together; fits the mean amount
_DAY_MS = 86_400_000
_ONLINE, _CASH, _TRANSFER = int(Kind.ONLINE), int(Kind.CASH), int(Kind.TRANSFER)


class Legitimate:
    """Fills rows with ordinary payments."""

    def __init__(
        self, seed: int, timeline: Timeline, people: People, places: Places, trade: Trade
    ) -> None:
        self._timeline = timeline
        self._people = people
        self._movement = Movement(seed, places)
        self._trade = trade
        self._country = places.country
        self._currency = places.country_currency
        self._log_level = np.log(places.price_level)[places.country]
        self._keys = np.concatenate([key_of(seed, "arrival", n) for n in range(5)])
        self._spree_key = key_of(seed, "spree")
        self._favourite_key = key_of(seed, "favourite")
        self._kinds = _slots(list(_KIND_SHARES.values()), 4096)
        self._favourite_slots = _slots([1 / (k + 1) for k in range(_FAVOURITES)], 256)
        self._block = max(8, round(_SPREE_S / timeline.spacing_s))
        self._sprees = max(1, round(self._block * SPREE_SHARE / _SPREE_LENGTH))
        self._city_map = people.occupied.take(timeline.city_slots).astype(np.int64)
        self._payday = np.where(np.arange(30) < 3, _PAYDAY_LIFT, 0.0)

    @property
    def movement(self) -> Movement:
        """Trips of the customers."""
        return self._movement

    def kind_of(self, indices: I64) -> I64:
        """Only the kinds of these arrivals (to look for a purchase to refund)."""
        draw = hashed(indices, self._keys[TIMING : TIMING + 1])
        return self._kinds.take(sixteen(draw, 1) >> 4)

    def when(self, rows: Rows) -> None:
        """Random bits and event times."""
        rows.draws = hashed_streams(rows.index, self._keys)
        rows.time_ms = self._timeline.times_ms(rows.index, sixteen(rows.draws[TIMING], 0))

    def times_ms(self, indices: I64) -> I64:
        """Only the event times of these arrivals."""
        draw = hashed(indices, self._keys[TIMING : TIMING + 1])
        return self._timeline.times_ms(indices, sixteen(draw, 0))

    def who(self, rows: Rows) -> None:
        """Customers and where they are."""
        draw = rows.draws[WHO]
        spree = sixteen(rows.draws[TIMING], 2)
        at = (spree < int(SPREE_SHARE * 65536)).nonzero()[0]
        if len(at):
            number = rows.index[at] // self._block * self._sprees
            number += spree[at].astype(np.int64) % self._sprees
            draw[at] = hashed(number, self._spree_key)
        hour = self._timeline.hour_of_week(rows.time_ms)
        hour *= CITY_SLOTS
        hour += thirty_two(draw, 0) >> np.uint32(20)
        home = self._city_map.take(hour)
        user = self._people.pick(home, draw)
        rows.household = self._movement.households(user)
        rows.user, rows.city, rows.trip, rows.away = self._movement.locate(
            user, rows.household, rows.time_ms, home
        )
        rows.home = home
        rows.traits = self._people.traits(rows.user)

    def what(self, rows: Rows) -> None:
        """Kind of payment, merchant or payee, and category."""
        timing, means = rows.draws[TIMING], rows.draws[CHECKS]
        rows.kind = kind = self._kinds.take(sixteen(timing, 1) >> 4)
        online = kind == _ONLINE
        number = self._favourite_slots.take(sixteen(means, 3) >> 8)
        number += online.view(np.int8) * np.int8(16)
        favourite = joined(rows.traits, number, self._favourite_key)
        usual = sixteen(timing, 3) < int(_FAVOURITE_SHARE * 65536)
        usual &= ~rows.away | online
        draw = np.where(usual, favourite, rows.draws[WHAT])
        place = np.where(online, self._trade.online_city, rows.city)
        rows.merchant = self._trade.pick_merchant(place, draw)
        rows.category = self._trade.category(rows.merchant, online.view(np.int8))
        rows.type = TYPE_OF_KIND.take(kind)
        rows.payee = np.full(len(kind), NOTHING)
        other = (kind >= _CASH).nonzero()[0]
        rows.merchant[other] = NOTHING
        transfer = kind[other] == _TRANSFER
        rows.category[other] = np.where(transfer, TRANSFER_CATEGORY, CASH_CATEGORY)
        transfers = other[transfer]
        rows.payee[transfers] = self._payees(
            rows.home[transfers],
            favourite[transfers],
            rows.draws[WHAT, transfers],
            usual[transfers],
        )

    def _payees(self, home: I64, favourite: U64, fresh: U64, usual: I64) -> I64:
        """Accounts paid by transfer: landlords and utilities, friends, now and then someone new."""
        draw = np.where(usual, favourite, fresh)
        rank = np.exp(sixteen(draw, 1) * (np.log(ORGANISATIONS + 1.0) / 65536.0)).astype(np.int64)
        friend = self._people.pick(home, draw)
        organisation = sixteen(draw, 0) < 30_000
        return np.where(organisation, self._people.population + rank - 1, friend)

    def how_much(self, rows: Rows) -> None:
        """Amounts in dollars, how their prices end, and currencies."""
        what = rows.draws[WHAT]
        rows.log_usd = amount = self._trade.log_usd(rows.category, what)
        traits = rows.traits
        amount += sixteen(traits, 0) * (1.4 / 65536.0)
        amount += self._log_level.take(rows.city)
        amount += (rows.merchant & 15) * 0.04
        amount -= _MEAN_LIFT
        day = rows.time_ms // _DAY_MS
        payday = day + (sixteen(traits, 1) & 31)
        amount += self._payday.take(payday % 30)
        day -= self._timeline.first_day
        amount += self._timeline.day_lift.take(day, mode="clip")
        rows.endings = self._trade.endings(rows.category, sixteen(rows.draws[MEANS], 0) & 3)

    def settle(self, rows: Rows) -> None:
        """Currency, amount in minor units, and the place, once the actors are final."""
        remote = _IS_REMOTE.take(rows.kind)
        country = self._country.take(np.where(remote, rows.home, rows.city))
        rows.currency = self._currency.take(country)
        rows.amount = self._trade.minor_units(rows.log_usd, rows.currency, rows.endings)

    def where(self, rows: Rows) -> None:
        """Spots: of the merchant, or of the customer's home or lodging."""
        lodging = np.where(rows.away, rows.trip, rows.household) >> np.uint64(20)
        near = np.where(_AT_HOME_SPOT.take(rows.kind), lodging.view(np.int64), rows.merchant * 11)
        near &= SPOTS - 1
        near += rows.city * SPOTS
        rows.spot = near


def _slots(shares: list[float], count: int) -> I64:
    """A table of ``count`` equally likely entries with these shares of 0, 1, 2 …"""
    total = np.cumsum(shares)
    return np.searchsorted(total / total[-1], (np.arange(count) + 0.5) / count).astype(np.int64)
