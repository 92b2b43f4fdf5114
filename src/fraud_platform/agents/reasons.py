"""The reason codes: what a decision can be explained by.

A code's sentence is filled in with the transaction's own features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MANY = 64
"""Reasons fit the bits of one unsigned 64-bit number."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason code; ``sentence`` is a format string over feature names."""

    code: str
    title: str
    sentence: str


_CATALOGUE = (
    Reason("R00", "nothing unusual", "Nothing unusual was found"),
    Reason("R01", "card check failed", "The card's security code or address did not match"),
    Reason("R02", "no card check", "A remote card payment without any card or address check"),
    Reason(
        "R03",
        "unusual amount",
        "The amount is {user_deviation:.1f} standard deviations above this customer's usual",
    ),
    Reason("R04", "large amount", "The amount is {amount_scaled:.0f} times a typical one"),
    Reason("R05", "new device", "The device is new: known for {device_age:.0f} days"),
    Reason("R06", "abroad", "Outside the customer's billing country"),
    Reason("R07", "weak authentication", "A large remote payment without strong authentication"),
    Reason("R08", "young account", "The account is {account_age:.0f} days old"),
    Reason("R09", "young card", "The card is {card_age:.0f} days old"),
    Reason("R10", "liquid goods", "A round amount for goods that are as good as cash"),
    Reason("R11", "far from home", "{home_km:.0f} km from where the customer usually is"),
    Reason("R12", "small try", "A very small remote payment, {amount_scaled:.2f} of a typical one"),
    Reason("R13", "large transfer", "A transfer of {amount_scaled:.0f} times a typical amount"),
    Reason("R14", "odd hour", "At {hour:.0f} o'clock local time, with an unusual amount"),
    Reason("R20", "impossible travel", "It implies travel at {speed_kmh:.0f} km/h"),
    Reason("R21", "customer in a rush", "About {user_fast:.0f} payments in a quarter of an hour"),
    Reason("R22", "busy card", "The card was used about {card_fast:.0f} times in quick succession"),
    Reason("R23", "device with many cards", "The device has paid with {device_cards:.0f} cards"),
    Reason("R24", "device with many customers", "{device_users:.0f} customers share the device"),
    Reason("R25", "address with many cards", "About {ip_cards_fast:.0f} new cards at one address"),
    Reason("R26", "network with many cards", "About {net_cards_fast:.0f} new cards in one network"),
    Reason("R27", "run on a merchant", "About {merchant_cards_fast:.0f} new cards at the merchant"),
    Reason("R28", "closed circle of cards", "The same few cards pay this merchant again and again"),
    Reason("R29", "merchant takes round amounts", "Most of the merchant's amounts are round"),
    Reason("R30", "merchant refunds much", "An unusual share of the merchant's sales is refunded"),
    Reason("R31", "many new payees", "About {user_payees_day:.0f} new payees in a day"),
    Reason("R32", "collecting account", "{payee_payers:.0f} people have paid the receiver"),
    Reason("R33", "money passing through", "The customer sends on what it has just received"),
    Reason("R34", "many refunds", "About {user_refunds_month:.0f} refunds in a month"),
    Reason("R35", "failed checks in a row", "Several failed checks on card, device or address"),
    Reason("R36", "spending spree", "The day's spending is far above the month's"),
    Reason("R37", "small tries", "A series of very small payments"),
    Reason("R38", "first payment to payee", "A large first transfer to this payee"),
    Reason("R40", "model", "The learned model finds it unlike this customer's legitimate payments"),
    Reason("R50", "just under a limit", "The amount is just under a round limit"),
    Reason("R51", "repeatedly under a limit", "Several amounts just under a limit in a day"),
    Reason("R52", "fan-in", "About {payee_payers_day:.0f} payers of one account in a day"),
    Reason("R53", "daily limit", "The day's outgoings are {user_spend_day:.0f} typical amounts"),
    Reason("R54", "blocked party", "A party to the payment is on the block list"),
    Reason("R55", "shared identity", "A young account on a device that others use"),
    Reason("R56", "cash and transfers", "Several withdrawals and transfers in a day"),
    Reason("R57", "large young account", "A large payment from a young account"),
    Reason("R90", "agent missing", "At least one agent could not be heard"),
    Reason("R91", "no quorum", "Too few agents could be heard to decide without a person"),
    Reason("R60", "identity not confirmed", "The identity provider does not know this customer"),
    Reason("R61", "identity in part", "Some of the customer's details could not be confirmed"),
    Reason("R62", "device known for fraud", "The device is listed in the fraud database"),
    Reason("R63", "payee known for fraud", "The receiving account is listed in the fraud database"),
    Reason("R64", "address known for fraud", "The address is listed in the fraud database"),
    Reason("R65", "hidden origin", "It comes through a proxy or a hosting provider"),
    Reason("R66", "check missing", "An external check could not be made"),
    Reason("R67", "address elsewhere", "The address is in another country than the payment says"),
)
REASONS: Mapping[str, Reason] = {reason.code: reason for reason in _CATALOGUE}
"""Every reason by its code."""
BIT: Mapping[str, int] = {reason.code: 1 << place for place, reason in enumerate(_CATALOGUE)}
"""Each code's bit. Stored with the votes: within a format of the store, only append to the list."""


def reasons_in(bits: int) -> Iterator[Reason]:
    """The reasons of set bits, in the order of the catalogue."""
    for place, reason in enumerate(_CATALOGUE):
        if bits >> place & 1:
            yield reason
