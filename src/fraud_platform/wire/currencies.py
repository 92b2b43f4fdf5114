"""Currencies the platform accepts."""

from __future__ import annotations

from babel.core import get_global


def current_currencies() -> frozenset[str]:
    """ISO 4217 codes that are legal tender somewhere today, by Unicode CLDR (through babel)."""
    return frozenset(
        code
        for entries in get_global("territory_currencies").values()
        for code, _, end, tender in entries
        if tender and end is None
    )


def currency_exponents() -> dict[str, int]:
    """Decimals of the currencies that do not have two, by Unicode CLDR."""
    return {code: entry[0] for code, entry in get_global("currency_fractions").items()}
