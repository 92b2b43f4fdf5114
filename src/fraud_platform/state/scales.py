"""What a typical amount is, by currency and country.

Amounts are compared as multiples of the typical one, learned from the history. No exchange rates or
price levels are needed, and none can be out of date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fraud_platform.wire.transaction import Transaction

_FEWEST = 50
"""A place with fewer observations takes its currency's typical amount, and so on."""


@dataclass(frozen=True, slots=True)
class AmountScales:
    """Typical amounts in minor units, and the currencies' numbers of decimals."""

    by_place: Mapping[str, float]
    """By currency and country, for instance ``EUR DE``."""
    by_currency: Mapping[str, float]
    typical_major: float
    """In major units, for currencies the history hardly had."""
    exponents: Mapping[str, int]
    """Decimals by currency, for those that do not have two."""

    def of(self, currency: str, country: str) -> float:
        """Minor units of one typical amount."""
        known = self.by_place.get(f"{currency} {country}") or self.by_currency.get(currency)
        if known is not None:
            return known
        scale: float = self.typical_major * 10.0 ** self.exponent(currency)
        return scale

    def exponent(self, currency: str) -> int:
        """Decimals of a currency."""
        return self.exponents.get(currency, 2)


def learn_scales(transactions: Sequence[Transaction], exponents: Mapping[str, int]) -> AmountScales:
    """Scales from a history: medians."""
    places: dict[str, list[int]] = {}
    currencies: dict[str, list[int]] = {}
    for t in transactions:
        places.setdefault(f"{t.currency} {t.country}", []).append(t.amount)
        currencies.setdefault(t.currency, []).append(t.amount)
    by_currency = _medians(currencies)
    major = [value / 10.0 ** exponents.get(code, 2) for code, value in by_currency.items()]
    return AmountScales(
        by_place=_medians(places),
        by_currency=by_currency,
        typical_major=float(np.median(major)) if major else 30.0,
        exponents=dict(exponents),
    )


def _medians(amounts: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {
        key: float(np.median(seen)) for key, seen in sorted(amounts.items()) if len(seen) >= _FEWEST
    }
