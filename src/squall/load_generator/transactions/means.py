"""What a payment is made with: card, device, address, and the checks on them.

Devices and addresses stick to their people. A customer has a phone, mostly a computer, and some
share a tablet with their household; each device is replaced after 512 days. Home addresses belong
to households, mobile addresses come from small shared pools, travellers use their lodging's. Now
and then a payment comes from a device never seen before: one of the hard negatives.

Addresses lie in 240.0.0.0/4, which is reserved (RFC 1112): none of them can be anybody's.
"""

from __future__ import annotations

import numpy as np

from squall.load_generator.transactions.hashing import I64, sixteen
from squall.load_generator.transactions.legitimate import CHECKS, MEANS
from squall.load_generator.transactions.people import ID_SPACE
from squall.load_generator.transactions.places import Places
from squall.load_generator.transactions.rows import NOTHING, Authentication, Check, Rows
from squall.load_generator.transactions.timeline import Timeline
from squall.load_generator.transactions.trade import Kind

OCTETS = 156
"""Values of an address byte in use: 100 … 255, so that addresses have one width."""
HOSTS = OCTETS * OCTETS
BLOCKS = 15 * OCTETS
"""Address blocks 240.100 … 254.255."""
ADDRESS_BLOCKS = 40
"""Address blocks per country."""
_MOBILE = 4
_POOL = 2048  # mobile addresses per block
DEVICE_SPACE = 100 * ID_SPACE

_SECOND_CARD = 13_000
_LAPTOP, _SHARED = 48_500, 62_900
_ONE_OFF = 800
_ON_MOBILE = 24_000
_DAY_MS = 86_400_000
_LIFE_BITS = 9
_LIFE_DAYS = 1 << _LIFE_BITS
_IS_PHYSICAL = np.array([True, True, False, True, False])  # by kind


class Means:
    """Fills in cards, devices, addresses and checks from the people and places of the rows."""

    def __init__(self, timeline: Timeline, places: Places) -> None:
        self._first_day = timeline.first_day
        self._country = places.country
        self.hosting_from = len(places.countries) * ADDRESS_BLOCKS
        """First address block of no country: hosting providers."""
        assert self.hosting_from < BLOCKS
        self._ages = (3650 * (np.arange(4096) / 4096.0) ** 2).astype(np.int64)
        self._cvv, self._avs, self._authentication = _check_tables()

    def cards(self, rows: Rows) -> None:
        """Which card, and the ages of account and card in days."""
        draw, traits = rows.draws[MEANS], rows.traits
        second = sixteen(draw, 1) < _SECOND_CARD
        second &= (sixteen(traits, 2) & 1).astype(np.bool_)
        rows.card = second.astype(np.int64)
        elapsed = rows.time_ms // _DAY_MS - self._first_day
        rows.account_age = self._ages.take(sixteen(traits, 3) >> 4) + elapsed
        rows.card_age = self._ages.take((sixteen(traits, 2) >> 4) ^ (rows.card << 6)) >> 1
        rows.card_age += elapsed

    def devices(self, rows: Rows) -> None:
        """Devices of remote payments and their ages in days."""
        draw = rows.draws[MEANS]
        choice = sixteen(draw, 2)
        slot = (choice > _LAPTOP).astype(np.int64)
        owner, traits = rows.user, rows.traits
        shared = (choice > _SHARED).nonzero()[0]
        if len(shared):
            slot[shared] = 2
            owner, traits = owner.copy(), traits.copy()
            household = rows.household[shared]
            owner[shared] &= ~((sixteen(household, 1) & 3) != 0).astype(np.int64)
            traits[shared] = household
        lived = rows.time_ms // _DAY_MS
        lived += sixteen(traits, 1) >> 7
        lived += slot * 67
        number = owner * 100
        number += slot * 10
        number += lived >> _LIFE_BITS & 7
        age = lived & _LIFE_DAYS - 1
        once = (sixteen(draw, 3) < _ONE_OFF).nonzero()[0]
        number[once] = -(draw[once] >> np.uint64(34)).view(np.int64) - 2
        age[once] = 0
        physical = _IS_PHYSICAL.take(rows.kind)
        number[physical] = NOTHING
        age[physical] = NOTHING
        rows.device, rows.device_age = number, age

    def addresses(self, rows: Rows) -> None:
        """Addresses of remote payments, as block and host numbers."""
        draw = rows.draws[CHECKS]
        country = self._country.take(rows.city) * ADDRESS_BLOCKS
        household = rows.household
        home_bits = np.where(rows.away, rows.trip, household)
        block = sixteen(home_bits, 2) & 31
        host = sixteen(home_bits, 3).astype(np.int64)
        host *= HOSTS
        host >>= 16
        mobile = (sixteen(draw, 2) < _ON_MOBILE).nonzero()[0]
        traits = rows.traits[mobile]
        day = rows.time_ms[mobile] // _DAY_MS
        host[mobile] = (sixteen(traits, 2) + day * 7919) & (_POOL - 1)
        block[mobile] = (sixteen(traits, 1) & (_MOBILE - 1)) + (ADDRESS_BLOCKS - _MOBILE)
        block = block + country
        block[rows.device == NOTHING] = NOTHING
        rows.ip_block, rows.ip_host = block, host

    def checks(self, rows: Rows) -> None:
        """Card code, address check and authentication."""
        draw = rows.draws[CHECKS]
        kind = rows.kind * 256
        rows.cvv = self._cvv.take(kind + (sixteen(draw, 0) >> 8))
        rows.avs = self._avs.take(kind + (sixteen(draw, 0) & 255))
        rows.authentication = self._authentication.take(kind + (sixteen(draw, 1) >> 8))


def _check_tables() -> tuple[I64, I64, I64]:
    """By kind * 256 + random byte: card code check, address check, authentication."""
    cvv = np.full((5, 256), int(Check.ABSENT))
    avs = np.full((5, 256), int(Check.ABSENT))
    cvv[Kind.ONLINE] = np.repeat([Check.MATCH, Check.MISMATCH, Check.ABSENT], [244, 4, 8])
    avs[Kind.ONLINE] = np.repeat([Check.MATCH, Check.MISMATCH, Check.ABSENT], [226, 12, 18])
    none, pin, secure = Authentication.NONE, Authentication.PIN, Authentication.THREE_DS
    authentication = np.empty((5, 256), np.int64)
    authentication[Kind.CONTACTLESS] = np.repeat([none, pin], [216, 40])
    authentication[Kind.CHIP] = np.repeat([none, pin], [26, 230])
    authentication[Kind.ONLINE] = np.repeat([none, secure], [140, 116])
    authentication[Kind.CASH] = pin
    authentication[Kind.TRANSFER] = np.repeat([none, secure], [50, 206])
    return (
        cvv.ravel().astype(np.int64),
        avs.ravel().astype(np.int64),
        authentication.ravel(),
    )
