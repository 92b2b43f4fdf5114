"""The facts that the reasoner weighs by itself, each with its weight in log-odds.

A weight of 0.7 doubles the odds of fraud, one of −0.7 halves them. The weights are half of what
the fact alone would say, because the agents have already looked at most of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloud_twin.services.bedrock.case import Case


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that holds in a case."""

    weight: float
    phrase: str
    """For the list of factors."""
    clause: str
    """To go on with after "because"."""


Rule = Callable[[Case], Fact | None]


def facts_of(case: Case) -> list[Fact]:
    """All that hold, the weightiest first."""
    found = [fact for rule in _RULES if (fact := rule(case)) is not None]
    return sorted(found, key=lambda fact: (-abs(fact.weight), fact.phrase))


def _above(
    names: tuple[str, ...], steps: tuple[tuple[float, float], ...], phrase: str, clause: str
) -> Rule:
    """A figure from some height on; ``steps``: from which value with which weight, rising."""

    def rule(case: Case) -> Fact | None:
        value = case.figure(*names)
        weights = [weight for least, weight in steps if value is not None and value >= least]
        if not weights:
            return None
        return Fact(weights[-1], phrase.format(value), clause.format(value))

    return rule


def _below(names: tuple[str, ...], limit: float, weight: float, phrase: str, clause: str) -> Rule:
    def rule(case: Case) -> Fact | None:
        value = case.figure(*names)
        if value is None or value >= limit:
            return None
        return Fact(weight, phrase.format(value), clause.format(value))

    return rule


def _word(names: tuple[str, ...], word: str, weight: float, phrase: str, clause: str) -> Rule:
    def rule(case: Case) -> Fact | None:
        return Fact(weight, phrase, clause) if case.word(*names) == word else None

    return rule


def _abroad(case: Case) -> Fact | None:
    here, home = case.word("country"), case.word("billing_country")
    if here is None or home is None or here == home:
        return None
    return Fact(
        0.25, f"paid in {here}, billed in {home}", f"it was paid in {here} and is billed in {home}"
    )


def _night(case: Case) -> Fact | None:
    hour = case.figure("local_hour", "hour")
    if hour is None or not 1 <= hour < 5:
        return None
    return Fact(0.15, f"at {hour:.0f} o'clock at night", f"it came at {hour:.0f} o'clock at night")


_AUTHENTICATION = ("authentication",)
_RULES: tuple[Rule, ...] = (
    _above(
        ("speed_kmh",),
        ((400.0, 0.4), (900.0, 0.9)),
        "travel at {:,.0f} km/h",
        "it implies travel at {:,.0f} km/h",
    ),
    _above(
        ("user_deviation",),
        ((2.0, 0.2), (3.5, 0.4), (6.0, 0.7)),
        "amount {:.1f} deviations above usual",
        "the amount is {:.1f} standard deviations above this customer's usual",
    ),
    _above(
        ("amount_scaled",),
        ((8.0, 0.2), (20.0, 0.4)),
        "{:.0f} times a typical amount",
        "the amount is {:.0f} times a typical one",
    ),
    _above(
        ("home_km",), ((1500.0, 0.2),), "{:,.0f} km from home", "it was made {:,.0f} km from home"
    ),
    _above(
        ("device_users",),
        ((3.0, 0.3), (6.0, 0.6)),
        "device shared by {:.0f} customers",
        "{:.0f} customers share the device",
    ),
    _above(
        ("device_cards",),
        ((4.0, 0.3), (8.0, 0.6)),
        "device has used {:.0f} cards",
        "the device has paid with {:.0f} cards",
    ),
    _above(
        ("ip_cards_fast", "net_cards_fast"),
        ((5.0, 0.4),),
        "{:.0f} new cards at one address",
        "about {:.0f} new cards appeared at one address",
    ),
    _above(
        ("merchant_cards_fast",),
        ((15.0, 0.3),),
        "{:.0f} new cards at the merchant",
        "about {:.0f} new cards appeared at the merchant",
    ),
    _above(
        ("user_payees_day",),
        ((4.0, 0.3),),
        "{:.0f} new payees in a day",
        "there were {:.0f} new payees in a day",
    ),
    _above(
        ("payee_payers",),
        ((25.0, 0.4),),
        "receiver paid by {:.0f} people",
        "{:.0f} people have paid the receiver",
    ),
    _below(
        ("device_age_days", "device_age"),
        1.0,
        0.3,
        "device first seen today",
        "the device was first seen today",
    ),
    _below(
        ("account_age_days", "account_age"),
        14.0,
        0.3,
        "account {:.0f} days old",
        "the account is only {:.0f} days old",
    ),
    _above(
        ("account_age_days", "account_age"),
        ((730.0, -0.2),),
        "account {:,.0f} days old",
        "the account is {:,.0f} days old",
    ),
    _above(
        ("user_n",),
        ((50.0, -0.2),),
        "{:,.0f} earlier payments",
        "the customer has {:,.0f} earlier payments",
    ),
    _word(
        ("card_code", "cvv"),
        "mismatch",
        0.6,
        "security code does not match",
        "the card's security code does not match",
    ),
    _word(
        ("address_check", "avs"),
        "mismatch",
        0.3,
        "billing address does not match",
        "the billing address does not match",
    ),
    _word(
        _AUTHENTICATION,
        "three_ds",
        -0.5,
        "3-D Secure passed",
        "the customer was authenticated by 3-D Secure",
    ),
    _word(_AUTHENTICATION, "pin", -0.5, "PIN entered", "the customer was authenticated by the PIN"),
    _abroad,
    _night,
)
