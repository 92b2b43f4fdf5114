"""Plays fraud campaigns: overwrites rows with what the script of each one's campaign says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.acts import VARIANTS, Acts, Parts
from squall.load_generator.transactions.campaigns import Campaigns, Steps
from squall.load_generator.transactions.hashing import (
    F64,
    I64,
    U64,
    hashed,
    joined,
    key_of,
    sixteen,
    thirty_two,
    varied,
)
from squall.load_generator.transactions.legitimate import TYPE_OF_KIND, Legitimate
from squall.load_generator.transactions.means import ADDRESS_BLOCKS, BLOCKS, HOSTS, OCTETS
from squall.load_generator.transactions.movement import DESTINATIONS
from squall.load_generator.transactions.people import ID_SPACE, People
from squall.load_generator.transactions.places import Places
from squall.load_generator.transactions.rows import NOTHING, Authentication, Check, Rows, Type
from squall.load_generator.transactions.scripts import Payee, Shop, Tool, Where, Who
from squall.load_generator.transactions.trade import (
    CASH_CATEGORY,
    TRANSFER_CATEGORY,
    Kind,
    Trade,
)

# Plain integers: reading a member from its enum class takes longer than most array operations here.
_ANYONE, _CROWD, _INVENTED = int(Who.ANYONE), int(Who.CROWD), int(Who.INVENTED)
_FAR = int(Where.FAR)
_ANY, _FEW_SHOPS, _OWN_SHOP, _AS_IS = map(int, (Shop.ANY, Shop.FEW, Shop.OWN, Shop.AS_IS))
_MANY, _FEW_PAYEES, _HUB = map(int, (Payee.MANY, Payee.FEW, Payee.HUB))
_OWN_TOOL, _SOME = int(Tool.OWN), int(Tool.SOME)
_ONLINE, _CASH, _TRANSFER = int(Kind.ONLINE), int(Kind.CASH), int(Kind.TRANSFER)
_MISMATCH, _THREE_DS, _REFUND = int(Check.MISMATCH), int(Authentication.THREE_DS), int(Type.REFUND)


_15 = np.array([15], np.uint64)
_THREE = np.arange(16) % 3 + 32
_FIRST_MEMBER = 1
_MEMBER = np.concatenate(
    [
        np.arange(16) % 6 + _FIRST_MEMBER
        if who is Who.CIRCLE
        else np.arange(16) % 5 + _FIRST_MEMBER + 1
        if who is Who.RING
        else np.full(16, _FIRST_MEMBER)
        for who in Who
    ]
)
"""Which of a campaign's people acts, by ``Who`` * 16 + four random bits."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The fraudulent rows of a batch and what each is to do; arrays have shape (n,)."""

    at: I64
    """Row numbers."""
    steps: Steps
    step: U64
    """A hash of campaign and step."""
    few: U64
    """One of three hashes of the campaign, in turns."""
    parts: Parts
    typology: I64
    refund: NDArray[np.bool_]
    """Whether it is to be a refund."""


class Fraud:
    """Fraud of one seed."""

    def __init__(
        self,
        seed: int,
        campaigns: Campaigns,
        legitimate: Legitimate,
        people: People,
        places: Places,
        trade: Trade,
        hosting_from: int,
    ) -> None:
        self._campaigns = campaigns
        self._people = people
        self._trade = trade
        self._destination = legitimate.movement.destination
        self._households = legitimate.movement.households
        self._acts = Acts()
        self._country = places.country
        self._log_level = np.log(places.price_level)[places.country]
        share = np.cumsum(places.weight)
        cities = np.searchsorted(share, (np.arange(4096) + 0.5) / 4096).clip(max=len(share) - 1)
        self._cities = people.occupied.take(cities).astype(np.int64)
        self._step_key = key_of(seed, "step")
        self._person_key = key_of(seed, "fraudster")
        self._hosting_from = hosting_from

    def cast(self, at: I64, ordinals: I64) -> Cast:
        """Give each fraudulent row its act."""
        steps = self._campaigns.locate(ordinals)
        campaign = steps.campaign
        variant = steps.script * VARIANTS + sixteen(campaign, 0) % VARIANTS
        act = variant * 2
        act += steps.step >= self._acts.turn.take(variant) * steps.length
        step = joined(campaign, steps.step, self._step_key)
        return Cast(
            at=at,
            steps=steps,
            step=step,
            few=varied(campaign, _THREE.take(step & _15)),
            parts=self._acts.parts(act),
            typology=self._acts.typology.take(steps.script),
            refund=self._acts.refund.take(act),
        )

    def people(self, rows: Rows, cast: Cast) -> None:
        """Who pays, and in which city."""
        at, parts = cast.at, cast.parts
        user, home, own = self._users(rows, cast)
        rows.user[at], rows.home[at] = user, home
        rows.traits[at] = self._people.traits(user)
        rows.household[at] = self._households(user)
        rows.away[at] &= own
        slot = (sixteen(cast.steps.campaign, 1) & (DESTINATIONS - 1)) + DESTINATIONS
        far = self._destination.take(home * (2 * DESTINATIONS) + slot)
        city = np.where(parts.where == _FAR, far, home)
        rows.city[at] = np.where(own, rows.city[at], city)

    def deeds(self, rows: Rows, cast: Cast) -> None:
        """What for, to whom and how much."""
        at, parts, step = cast.at, cast.parts, cast.step
        turn = (step & np.uint64(3)).view(np.int64)
        every = np.arange(len(at))
        city = rows.city[at]
        self._shopping(rows, cast, parts.kinds[turn, every], city)
        progress = cast.steps.step / np.maximum(cast.steps.length - 1, 1)
        amount = parts.log_median + parts.growth * progress + parts.sigma * _normal(step)
        amount += self._log_level.take(city)
        changed = parts.own_amount == 0
        rows.keep("log_usd", at, changed, amount)
        rows.keep("endings", at, changed, parts.endings[turn, every])

    def _users(self, rows: Rows, cast: Cast) -> tuple[I64, I64, NDArray[np.bool_]]:
        who, campaign, step = cast.parts.who, cast.steps.campaign, cast.step
        person = varied(campaign, _MEMBER.take(who * 16 + (step & _15).view(np.int64)))
        draw = np.where(who == _CROWD, step, person)
        home = self._cities.take(thirty_two(draw, 0) >> np.uint32(20))
        user = self._people.pick(home, draw)
        made = (who >= _INVENTED).nonzero()[0]
        user[made] = self.invented(person[made])
        home[made] = self._cities.take((campaign[made] >> np.uint64(52)).view(np.int64))
        own = who == _ANYONE
        return np.where(own, rows.user[cast.at], user), np.where(own, rows.home[cast.at], home), own

    def invented(self, person: U64) -> I64:
        """Numbers of made-up people."""
        room = np.uint64(ID_SPACE - self._people.made_from)
        return (person % room).view(np.int64) + self._people.made_from

    def _shopping(self, rows: Rows, cast: Cast, kind: I64, city: I64) -> None:
        at, parts, campaign = cast.at, cast.parts, cast.steps.campaign
        shop, category = parts.shop, parts.category
        online = kind == _ONLINE
        draw = np.where(shop == _ANY, cast.step, campaign)
        draw = np.where(shop == _FEW_SHOPS, cast.few, draw)
        place = np.where(online, self._trade.online_city, city)
        merchant = self._trade.pick_merchant(place, draw)
        special = (category >= 0).nonzero()[0]
        merchant[special] = self._trade.of_category(merchant[special], category[special])
        made = (shop == _OWN_SHOP).nonzero()[0]
        room = np.uint64(ID_SPACE - self._trade.merchants)
        merchant[made] = (campaign[made] % room).view(np.int64) + self._trade.merchants
        category = self._trade.category(merchant, online.view(np.int8))
        payee = np.full(len(at), NOTHING)
        other = (kind >= _CASH).nonzero()[0]
        if len(other):
            merchant[other] = NOTHING
            transfer = kind[other] == _TRANSFER
            category[other] = np.where(transfer, TRANSFER_CATEGORY, CASH_CATEGORY)
            other = other[transfer]
            payee[other] = self._payees(cast, city, other)
        changed = shop != _AS_IS
        rows.keep("merchant", at, changed, merchant)
        rows.keep("category", at, changed, category)
        rows.keep("payee", at, changed, payee)
        rows.keep("kind", at, changed, kind)
        rows.type[at] = TYPE_OF_KIND.take(rows.kind[at])
        rows.type[at[rows.original[at] != NOTHING]] = _REFUND

    def _payees(self, cast: Cast, city: I64, some: I64) -> I64:
        payee, campaign = cast.parts.payee[some], cast.steps.campaign[some]
        first = varied(campaign, np.full(len(some), _FIRST_MEMBER))
        person = np.where(payee == _FEW_PAYEES, cast.few[some], campaign)
        person = np.where(payee == _HUB, first, person)
        anyone = self._people.pick(city[some], cast.step[some])
        return np.where(payee == _MANY, anyone, self.invented(person))

    def claims(self, rows: Rows, cast: Cast) -> None:
        """Refund claims are made online, in the currency and amount of the purchase.

        Where there is no purchase to refund yet, the ring buys online with what it has stolen.
        """
        at = cast.at[cast.refund]
        if len(at):
            rows.kind[at[rows.kind[at] < _CASH]] = _ONLINE

    def signs(self, rows: Rows, cast: Cast) -> None:
        """Devices, addresses, ages and checks that the campaign leaves behind."""
        at, parts = cast.at, cast.parts
        draw = varied(cast.step, cast.steps.step)  # amounts have used the step's own bits
        remote = rows.device[at] != NOTHING
        self._devices(rows, cast, remote)
        self._addresses(rows, cast, remote)
        self._ages(rows, cast)
        online = rows.kind[at] == _ONLINE
        online &= ~cast.refund
        rows.keep("cvv", at, online, (sixteen(draw, 1) < parts.cvv) * _MISMATCH)
        rows.keep("avs", at, online, (sixteen(draw, 2) < parts.avs) * _MISMATCH)
        rows.keep("authentication", at, online, (sixteen(draw, 3) < parts.secure) * _THREE_DS)

    def _ages(self, rows: Rows, cast: Cast) -> None:
        made = (cast.parts.age_high > 0).nonzero()[0]
        if not len(made):
            return
        at, low, high = cast.at[made], cast.parts.age_low[made], cast.parts.age_high[made]
        person = hashed(rows.user[at], self._person_key)
        age = low + (sixteen(person, 0) * (high - low) >> 16)
        rows.account_age[at] = age
        rows.card_age[at] = age * (sixteen(person, 1) >> 8) >> 8

    def _devices(self, rows: Rows, cast: Cast, remote: NDArray[np.bool_]) -> None:
        tool = cast.parts.device
        bits = np.where(tool == _SOME, cast.few, cast.steps.campaign)
        theirs = (tool != _OWN_TOOL) & remote
        rows.keep("device", cast.at, theirs, -(bits >> np.uint64(30)).view(np.int64) - 2)
        age = sixteen(bits, 1) * (cast.parts.device_age + 1) >> 16
        rows.keep("device_age", cast.at, theirs, age)

    def _addresses(self, rows: Rows, cast: Cast, remote: NDArray[np.bool_]) -> None:
        at, campaign, tool = cast.at, cast.steps.campaign, cast.parts.address
        choice = sixteen(campaign, 3)
        outside = self._hosting_from + choice % (BLOCKS - self._hosting_from)
        inside = self._country.take(rows.home[at]) * ADDRESS_BLOCKS + (choice & 31)
        hosting = sixteen(campaign, 2) < cast.parts.foreign
        host = ((campaign >> np.uint64(8)) % np.uint64(HOSTS)).view(np.int64)
        spread = host - host % OCTETS + sixteen(cast.step, 0) % OCTETS
        theirs = (tool != _OWN_TOOL) & remote
        rows.keep("ip_block", at, theirs, np.where(hosting, outside, inside))
        rows.keep("ip_host", at, theirs, np.where(tool == _SOME, spread, host))


def _normal(draw: U64) -> F64:
    """Roughly standard normal numbers: the sum of three uniform ones, centred and scaled."""
    total = sixteen(draw, 1).astype(np.float64)
    total += sixteen(draw, 2)
    total += sixteen(draw, 3)
    total -= 98_304.0
    total /= 32_768.0
    return total
