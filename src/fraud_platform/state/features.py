"""From transactions to features, through the memory of all that came before.

The same code runs in training (over the history) and in serving. Each transaction is seen by
itself, in order of arrival, so that batch boundaries change nothing: features of a transaction are
what the memory said before it, and then it is remembered.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from fraud_platform.state.customer import Customer
from fraud_platform.state.instruments import Instrument
from fraud_platform.state.memory import BoundedMemory, PairMemory
from fraud_platform.state.parties import Account, Merchant
from fraud_platform.state.scales import AmountScales
from fraud_platform.wire.transaction import (
    ATM,
    CHIP,
    CONTACTLESS,
    MISMATCH,
    REFUND,
    TRANSFER,
    WITHDRAWAL,
    Transaction,
)

FloatMatrix = NDArray[np.float32]
Meetings = tuple[int, int, int, int, int]

FACTS = (
    "type", "channel", "category", "cvv", "avs", "authentication",
    "amount_scaled", "amount_major", "zeros", "below_round",
    "abroad", "hour", "account_age", "card_age", "device_age", "memory_n",
)  # fmt: skip
CUSTOMER = (
    "user_n", "user_gap_s", "user_fast", "user_day", "user_month",
    "user_spend_fast", "user_spend_day", "user_spend_month",
    "user_deviation", "user_top_ratio", "speed_kmh", "home_km",
    "user_devices", "user_merchants_day", "user_payees_day", "user_new_device_day",
    "user_mismatch_day", "user_refunds_month", "user_transfers_day", "user_withdrawals_day",
    "user_inflow", "user_known_s",
)  # fmt: skip
KNOWN = ("known_card", "known_device", "known_merchant", "known_payee", "known_country")
CARD = (
    "card_n", "card_gap_s", "card_fast", "card_day", "card_merchants_fast", "card_small_fast",
    "card_mismatch_day",
)  # fmt: skip
DEVICE = (
    "device_n", "device_fast", "device_day", "device_cards_fast", "device_cards_day",
    "device_cards", "device_users", "device_users_day", "device_mismatch_day",
    "device_small_fast", "device_known_s",
)  # fmt: skip
ADDRESS = (
    "ip_n", "ip_day", "ip_cards_fast", "ip_cards_day", "ip_mismatch_day", "ip_small_fast",
    "net_fast", "net_day", "net_cards_fast", "net_cards_day", "net_mismatch_day",
)  # fmt: skip
MERCHANT = (
    "merchant_n", "merchant_fast", "merchant_day", "merchant_cards_fast", "merchant_deviation",
    "merchant_round", "merchant_refunds", "merchant_mismatch", "merchant_abroad",
    "merchant_repeat", "merchant_known_s",
)  # fmt: skip
PAYEE = (
    "payee_n", "payee_fast", "payee_day", "payee_payers", "payee_payers_day",
    "payee_received_day", "payee_received_month", "payee_known_s",
)  # fmt: skip
NAMES = (*FACTS, *CUSTOMER, *KNOWN, *CARD, *DEVICE, *ADDRESS, *MERCHANT, *PAYEE)
"""Features in the order of a matrix's columns. −1 stands for what does not apply.

``known_*`` count earlier meetings: of the customer with the card, device, payee and country, and of
the card with the merchant. ``_fast``, ``_day`` and ``_month`` are counters that fade.
"""

_PACK = struct.Struct(f"{len(NAMES)}f").pack
_NO_DEVICE = (-1.0,) * len(DEVICE)
_NO_ADDRESS = (-1.0,) * len(ADDRESS)
_NO_MERCHANT = (-1.0,) * len(MERCHANT)
_NO_PAYEE = (-1.0,) * len(PAYEE)
_SMALL = 0.15
"""Below this multiple of the typical amount a payment is small (a card being tried)."""
_PRESENT = frozenset({CHIP, CONTACTLESS, ATM})
_SETTLED = 30_000
"""Transactions after which a memory counts as settled: ``memory_n`` grows no further."""
_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0)


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """How many of each are remembered at most."""

    customers: int = 400_000
    cards: int = 400_000
    devices: int = 400_000
    addresses: int = 400_000
    networks: int = 200_000
    merchants: int = 100_000
    accounts: int = 200_000
    pairs: int = 4_000_000


class FeatureExtractor:
    """The platform's memory and what it says about each new transaction."""

    def __init__(self, scales: AmountScales, limits: MemoryLimits | None = None) -> None:
        limits = limits or MemoryLimits()
        self._scales = scales
        self._customers = BoundedMemory[str, Customer](limits.customers, Customer)
        self._cards = BoundedMemory[str, Instrument](limits.cards, Instrument)
        self._devices = BoundedMemory[str, Instrument](limits.devices, Instrument)
        self._addresses = BoundedMemory[str, Instrument](limits.addresses, Instrument)
        self._networks = BoundedMemory[str, Instrument](limits.networks, Instrument)
        self._merchants = BoundedMemory[str, Merchant](limits.merchants, Merchant)
        self._accounts = BoundedMemory[str, Account](limits.accounts, Account)
        self._pairs = PairMemory(limits.pairs)
        self._observed = 0

    def observe(self, transactions: Sequence[Transaction]) -> FloatMatrix:
        """Features of transactions in order of arrival, shape (n, len(NAMES)); remembers them."""
        packed = b"".join([_PACK(*self._one(transaction)) for transaction in transactions])
        return np.frombuffer(packed, dtype=np.float32).reshape(len(transactions), len(NAMES))

    def sizes(self) -> dict[str, int]:
        """Entries held, by kind."""
        return {
            "customers": len(self._customers),
            "cards": len(self._cards),
            "devices": len(self._devices),
            "addresses": len(self._addresses),
            "networks": len(self._networks),
            "merchants": len(self._merchants),
            "accounts": len(self._accounts),
            "pairs": len(self._pairs),
        }

    def _one(self, t: Transaction) -> tuple[float, ...]:
        self._observed += 1
        scaled = t.amount / self._scales.of(t.currency, t.country)
        log_amount = log(scaled)
        mismatch = MISMATCH in (t.cvv, t.avs)
        small = scaled < _SMALL
        zeros, major, below = _roundness(t.amount, self._scales.exponent(t.currency))
        known = self._meetings(t)
        return (
            *_facts(t, scaled, major, zeros, below),
            min(self._observed, _SETTLED),
            *self._customer(t, scaled, log_amount, mismatch, known),
            *known,
            *self._card(t, mismatch, small, known),
            *self._device(t, mismatch, small, known),
            *self._address(t, mismatch, small),
            *self._merchant(t, log_amount, mismatch, zeros >= 2, known),
            *self._payee(t, scaled, known),
        )

    def _meetings(self, t: Transaction) -> Meetings:
        """The features of ``KNOWN``: 0 is a first meeting, −1 none."""
        meet = self._pairs.meet
        user, card = t.user, t.card
        return (
            meet(1, user, card),
            -1 if t.device is None else meet(2, user, t.device),
            -1 if t.merchant is None else meet(3, card, t.merchant),
            -1 if t.payee is None else meet(4, user, t.payee),
            meet(5, user, t.country),
        )

    def _customer(
        self,
        t: Transaction,
        scaled: float,
        log_amount: float,
        mismatch: bool,
        known: Meetings,
    ) -> tuple[float, ...]:
        event_s = t.event_s
        c = self._customers.of(t.user, event_s)
        _, device, merchant, payee, _ = known
        gap_s = c.gap_s(event_s)
        deviation = c.deviation(log_amount)
        top_ratio = scaled / c.top if c.n else -1.0
        speed, from_home = -1.0, -1.0
        if t.channel in _PRESENT:
            speed, from_home = c.travel(t.latitude, t.longitude, event_s)
            c.stay(t.latitude, t.longitude, event_s)
        day, month = c.pay(scaled, log_amount, event_s)
        if device == 0:
            c.devices += 1
            if c.n > 1:
                c.new_device_day += day
        if merchant == 0:
            c.merchants_day += day
        if payee == 0:
            c.payees_day += day
        if mismatch:
            c.mismatch_day += day
        if t.type == REFUND:
            c.refunds_month += month
        elif t.type == TRANSFER:
            c.transfers_day += day
        elif t.type == WITHDRAWAL:
            c.withdrawals_day += day
        account = self._accounts.get(t.user)
        return (
            c.n, gap_s, c.fast, c.day, c.month, c.spend_fast, c.spend_day, c.spend_month,
            deviation, top_ratio, speed, from_home, c.devices, c.merchants_day, c.payees_day,
            c.new_device_day, c.mismatch_day, c.refunds_month, c.transfers_day,
            c.withdrawals_day, -1.0 if account is None else account.received_by(event_s),
            event_s - c.first,
        )  # fmt: skip

    def _card(
        self, t: Transaction, mismatch: bool, small: bool, known: Meetings
    ) -> tuple[float, ...]:
        card = self._cards.of(t.card, t.event_s)
        gap_s = max(0.0, t.event_s - card.last) if card.n else -1.0
        card.use(t.event_s, known[2] == 0, known[0] == 0, mismatch, small)
        return (
            card.n, gap_s, card.fast, card.day, card.others_fast, card.small_fast,
            card.mismatch_day,
        )  # fmt: skip

    def _device(
        self, t: Transaction, mismatch: bool, small: bool, known: Meetings
    ) -> tuple[float, ...]:
        if t.device is None:
            return _NO_DEVICE
        device = self._devices.of(t.device, t.event_s)
        new_card = self._pairs.meet(6, t.device, t.card) == 0
        device.use(t.event_s, new_card, known[1] == 0, mismatch, small)
        return (
            device.n, device.fast, device.day, device.others_fast, device.others_day,
            device.others, device.users, device.users_day, device.mismatch_day,
            device.small_fast, t.event_s - device.first,
        )  # fmt: skip

    def _address(self, t: Transaction, mismatch: bool, small: bool) -> tuple[float, ...]:
        if t.ip is None:
            return _NO_ADDRESS
        network = t.ip.rpartition("." if "." in t.ip else ":")[0]
        ip = self._addresses.of(t.ip, t.event_s)
        net = self._networks.of(network, t.event_s)
        ip.use(t.event_s, self._pairs.meet(7, t.ip, t.card) == 0, False, mismatch, small)
        net.use(t.event_s, self._pairs.meet(8, network, t.card) == 0, False, mismatch, small)
        return (
            ip.n, ip.day, ip.others_fast, ip.others_day, ip.mismatch_day, ip.small_fast,
            net.fast, net.day, net.others_fast, net.others_day, net.mismatch_day,
        )  # fmt: skip

    def _merchant(
        self,
        t: Transaction,
        log_amount: float,
        mismatch: bool,
        rounded: bool,
        known: Meetings,
    ) -> tuple[float, ...]:
        if t.merchant is None:
            return _NO_MERCHANT
        m = self._merchants.of(t.merchant, t.event_s)
        deviation = m.deviation(log_amount)
        abroad = t.country != t.billing_country
        m.sell(t.event_s, log_amount, known[2] == 0, rounded, t.type == REFUND, mismatch, abroad)
        return (
            m.n, m.fast, m.day, m.cards_fast, deviation, m.round, m.refunds, m.mismatch,
            m.abroad, m.n / max(m.cards, 1), t.event_s - m.first,
        )  # fmt: skip

    def _payee(self, t: Transaction, scaled: float, known: Meetings) -> tuple[float, ...]:
        if t.payee is None:
            return _NO_PAYEE
        account = self._accounts.of(t.payee, t.event_s)
        account.receive(t.event_s, scaled, known[3] == 0)
        return (
            account.n, account.fast, account.day, account.payers, account.payers_day,
            account.received_day, account.received_month, t.event_s - account.first,
        )  # fmt: skip


def _facts(
    t: Transaction, scaled: float, major: float, zeros: int, below: float
) -> tuple[float, ...]:
    local_s = t.event_s + t.longitude * 240.0  # the sun moves a degree in 240 s
    category = t.category
    return (
        t.type, t.channel, int(category) if category and category.isdecimal() else -1.0,
        t.cvv, t.avs, t.authentication, scaled, major, zeros, below,
        t.country != t.billing_country, local_s / 3600.0 % 24.0,
        t.account_age_days, t.card_age_days, t.device_age_days,
    )  # fmt: skip


def _roundness(amount: int, exponent: int) -> tuple[int, float, float]:
    """How round an amount is.

    Zeros at its end beyond the decimals (negative: decimals in use), its value in major units, and
    how far below the next round figure it is, as a share of that figure (0.015 for 9,850).
    """
    zeros = 0
    rest = amount
    while rest % 10 == 0 and zeros < 9:
        rest //= 10
        zeros += 1
    major: float = amount / 10.0**exponent
    leading = major
    while leading >= 10.0:
        leading /= 10.0
    while leading < 1.0:
        leading *= 10.0
    for step in _STEPS:
        if leading <= step:
            return zeros - exponent, major, (step - leading) / step
    return zeros - exponent, major, 0.0
