"""The edge cases a transaction stream contains, and what a correct system does with each."""

from __future__ import annotations

from enum import IntEnum

from squall.models.enums import Expected


class EdgeCase(IntEnum):
    """Edge cases by number; 0 is none. ``EXPECTED`` has the documented outcome of each."""

    NONE = 0
    ZERO_AMOUNT = 1
    MAXIMUM_AMOUNT = 2
    """2^63 − 1 minor units."""
    NAN_AMOUNT = 3
    """The bare word NaN, which is not JSON."""
    INFINITE_AMOUNT = 4
    NEGATIVE_REFUND = 5
    ORPHAN_REFUND = 6
    """Refunds an id that was never sent."""
    DOUBLE_REFUND = 7
    """Refunds in full a purchase that was refunded in full before."""
    LIMIT_MINUS_ONE = 8
    LIMIT_EXACT = 9
    LIMIT_PLUS_ONE = 10
    """One minor unit above ``AMOUNT_LIMIT``."""
    FRACTIONAL_AMOUNT = 11
    """A decimal fraction where integer minor units are due."""
    EXPONENT_ZERO = 12
    """A currency without minor units (JPY, KRW, CLP, VND)."""
    EXPONENT_THREE = 13
    """A currency with three decimals (BHD, JOD, KWD, OMR, TND)."""
    UNKNOWN_CURRENCY = 14
    DST_GAP = 15
    """An instant written with an offset inside a daylight-saving gap: valid RFC 3339."""
    DST_FOLD = 16
    LEAP_DAY_INVALID = 17
    """29 February of a year that has none."""
    FUTURE = 18
    """A day ahead of the clock."""
    STALE = 19
    """Years old."""
    OUT_OF_ORDER = 20
    """An hour behind its neighbours: late, but valid."""
    UNICODE_DECOMPOSED = 21
    """A city name in normal form D."""
    RIGHT_TO_LEFT = 22
    LOOK_ALIKE = 23
    """A city name with Cyrillic look-alikes of Latin letters."""
    NUL_CHARACTER = 24
    OVERSIZED = 25
    """A body of more than 16 KiB."""
    MISSING_FIELD = 26
    SAME_ID_SAME_BODY = 27
    SAME_ID_OTHER_BODY = 28
    REFUND = 29
    """A plain refund of an earlier purchase, in full: valid."""


AMOUNT_LIMIT = 100_000_000
"""Largest accepted amount, in minor units of any currency (limit −1 and the limit pass)."""

_REJECTED = {
    EdgeCase.ZERO_AMOUNT,
    EdgeCase.MAXIMUM_AMOUNT,
    EdgeCase.NAN_AMOUNT,
    EdgeCase.INFINITE_AMOUNT,
    EdgeCase.NEGATIVE_REFUND,
    EdgeCase.ORPHAN_REFUND,
    EdgeCase.DOUBLE_REFUND,
    EdgeCase.LIMIT_PLUS_ONE,
    EdgeCase.FRACTIONAL_AMOUNT,
    EdgeCase.UNKNOWN_CURRENCY,
    EdgeCase.LEAP_DAY_INVALID,
    EdgeCase.FUTURE,
    EdgeCase.STALE,
    EdgeCase.NUL_CHARACTER,
    EdgeCase.OVERSIZED,
    EdgeCase.MISSING_FIELD,
}

EXPECTED: dict[EdgeCase, Expected] = {
    case: (
        Expected.REJECTED
        if case in _REJECTED
        else Expected.REPLAYED
        if case is EdgeCase.SAME_ID_SAME_BODY
        else Expected.CONFLICT
        if case is EdgeCase.SAME_ID_OTHER_BODY
        else Expected.DECIDED
    )
    for case in EdgeCase
}
"""The documented outcome of each edge case."""
