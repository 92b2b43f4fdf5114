"""A customer's profile as bytes: habits, cards, whom they have met, and what was decided.

About 500 to 950 bytes: an item of DynamoDB is billed by the kilobyte.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from math import isnan, nan
from operator import attrgetter
from typing import NamedTuple

import orjson

from fraud_platform.state.customer import Customer
from fraud_platform.state.instruments import Instrument

_FORMAT = 1
CUSTOMER_FIELDS = (
    "at", "fast", "day", "month", "first", "last", "n", "mean", "spread", "top", "spend_fast",
    "spend_day", "spend_month", "merchants_day", "payees_day", "new_device_day", "mismatch_day",
    "refunds_month", "transfers_day", "withdrawals_day", "devices", "place_at",
)  # fmt: skip
_CARD = (
    "at", "fast", "day", "month", "first", "last", "n", "others", "others_fast", "others_day",
    "users", "users_day", "mismatch_day", "small_fast",
)  # fmt: skip
_WHOLE = frozenset({"n", "devices", "others", "users"})
_customer_values = attrgetter(*CUSTOMER_FIELDS)
_card_values = attrgetter(*_CARD)
_HEAD = struct.Struct("<BH")
_CUSTOMER_STRUCT = struct.Struct(f"<{len(CUSTOMER_FIELDS) + 4}d")
_CARD_STRUCT = struct.Struct(f"<{len(_CARD)}d")
MET_LIMIT = 64
"""Most things a profile remembers having met; the first met goes first."""
CARD_LIMIT = 8
RECENT_LIMIT = 3
"""Newest decisions that a profile lists."""


class Made(NamedTuple):
    """One decision as a profile lists it. ``amount`` in minor units."""

    transaction_id: str
    decision: str
    amount: int
    currency: str


@dataclass(slots=True)
class Profile:
    """What an environment holds of one customer beside the memory's own entries."""

    met: dict[str, int] = field(default_factory=dict)
    """How often each thing was met: the kind's digit, then its name."""
    cards: list[str] = field(default_factory=list)
    version: int = 0
    """Of the stored item; 0: there is none."""
    applied: int = 0
    """Sequence number of the newest record that is in it."""
    territory: str = ""
    since_s: float = 0.0
    """When the first transaction in it arrived, Unix seconds; 0: it has none."""
    tally: dict[str, int] = field(default_factory=dict)
    """Decisions in it, by word."""
    recent: list[Made] = field(default_factory=list)
    """The newest of them, oldest first."""
    untold: set[str] = field(default_factory=set)
    """Ids that the habits have seen and whose decisions are not recorded yet; not stored."""

    def meet(self, thing: str) -> int:
        """Count a meeting; returns how often it was counted before."""
        before = self.met.get(thing, 0)
        if not before and len(self.met) >= MET_LIMIT:
            del self.met[next(iter(self.met))]
        self.met[thing] = before + 1
        return before

    def count(self, made: Made, arrived_s: float) -> None:
        """Remember a recorded decision."""
        self.since_s = self.since_s or arrived_s
        self.tally[made.decision] = self.tally.get(made.decision, 0) + 1
        self.recent = [*self.recent[1 - RECENT_LIMIT :], made]

    def hold(self, card: str) -> None:
        """Remember that the customer has this card."""
        if card not in self.cards:
            if len(self.cards) >= CARD_LIMIT:
                del self.cards[0]
            self.cards.append(card)


def profile_bytes(profile: Profile, customer: Customer, cards: dict[str, Instrument]) -> bytes:
    """Everything but the version. ``cards``: those of the profile's that are remembered."""
    head = orjson.dumps(
        {
            "cards": list(cards),
            "met": profile.met,
            "applied": str(profile.applied),
            "since": round(profile.since_s, 3),
            "tally": profile.tally,
            "recent": [tuple(made) for made in profile.recent],
        }
    )
    place = customer.place or (nan, nan)
    home = customer.home or (nan, nan)
    parts = [
        _HEAD.pack(_FORMAT, len(head)),
        head,
        _CUSTOMER_STRUCT.pack(*_customer_values(customer), *place, *home),
    ]
    parts += [_CARD_STRUCT.pack(*_card_values(card)) for card in cards.values()]
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A profile as read: how to bring the memory's entries to where they were."""

    profile: Profile
    customer: tuple[float, ...]
    cards: dict[str, tuple[float, ...]]

    def restore_customer(self, customer: Customer) -> None:
        """Set all of a customer's counters."""
        *values, place_lat, place_long, home_lat, home_long = self.customer
        _set(customer, CUSTOMER_FIELDS, tuple(values))
        customer.place = None if isnan(place_lat) else (place_lat, place_long)
        customer.home = None if isnan(home_lat) else (home_lat, home_long)

    def restore_card(self, name: str, card: Instrument) -> None:
        """Set all of a card's counters."""
        _set(card, _CARD, self.cards[name])


def read_profile(content: bytes, version: int) -> StoredProfile | None:
    """What ``profile_bytes`` wrote; None where it is damaged or of another version."""
    try:
        form, length = _HEAD.unpack_from(content)
        if form != _FORMAT:
            return None
        start = _HEAD.size + length
        head = orjson.loads(content[_HEAD.size : start])
        customer = _CUSTOMER_STRUCT.unpack_from(content, start)
        start += _CUSTOMER_STRUCT.size
        cards = {}
        for name in head["cards"]:
            cards[str(name)] = _CARD_STRUCT.unpack_from(content, start)
            start += _CARD_STRUCT.size
        profile = Profile(
            met=dict(head["met"]),
            cards=list(cards),
            version=version,
            applied=int(head["applied"]),
            since_s=float(head["since"]),
            tally=dict(head["tally"]),
            recent=[Made(*one) for one in head["recent"]],
        )
    except (struct.error, ValueError, KeyError, TypeError):
        return None
    return StoredProfile(profile, customer, cards)


def _set(entry: object, names: tuple[str, ...], values: tuple[float, ...]) -> None:
    for name, value in zip(names, values, strict=True):
        setattr(entry, name, int(value) if name in _WHOLE else value)
