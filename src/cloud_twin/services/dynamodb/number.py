"""DynamoDB's numbers: up to 38 significant digits, kept exactly.

A number is stored as its canonical text: plain notation, no sign on zero, no zeros that mean
nothing. So two numbers are equal exactly where their texts are.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation

from cloud_twin.services.dynamodb.errors import validation

DIGITS_LIMIT = 38
EXPONENT_MAX = 125
"""Of the first significant digit."""
EXPONENT_MIN = -130

_FORM = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CANONICAL = re.compile(r"0|-?[1-9]\d*|-?(?:0|[1-9]\d*)\.\d*[1-9]", re.ASCII)
_EXACT = Context(prec=2 * DIGITS_LIMIT + EXPONENT_MAX - EXPONENT_MIN)
_NINES_COMPLEMENT = bytes(255 - value for value in range(256))


def canonical(text: str) -> str:
    """The canonical text of a number.

    Raises AwsError (ValidationException) for what is not a number, has more than 38 significant
    digits, or lies outside ±1E-130 … ±9.99E+125.
    """
    if len(text) <= DIGITS_LIMIT and _CANONICAL.fullmatch(text) is not None:
        return text
    if _FORM.fullmatch(text) is None:
        shown = f": {text}" if text else ""
        raise validation(f"The parameter cannot be converted to a numeric value{shown}")
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:  # the exponent itself is beyond what Decimal can hold
        raise _out_of_range("-" not in text.lower().partition("e")[2]) from None
    assert isinstance(exponent, int)
    plain = "".join(map(str, digits)).lstrip("0")
    significant = plain.rstrip("0")
    if not significant:
        return "0"
    exponent += len(plain) - len(significant)
    first = exponent + len(significant) - 1
    if first > EXPONENT_MAX or first < EXPONENT_MIN:
        raise _out_of_range(first > EXPONENT_MAX)
    if len(significant) > DIGITS_LIMIT:
        raise validation("Attempting to store more than 38 significant digits in a Number")
    return ("-" if sign else "") + _plain(significant, exponent)


def _out_of_range(too_large: bool) -> Exception:
    word, size = ("overflow", "larger") if too_large else ("underflow", "smaller")
    return validation(
        f"Number {word}. Attempting to store a number with magnitude {size} than supported range"
    )


def _plain(digits: str, exponent: int) -> str:
    if exponent >= 0:
        return digits + "0" * exponent
    point = len(digits) + exponent
    if point > 0:
        return f"{digits[:point]}.{digits[point:]}"
    return "0." + "0" * -point + digits


def size_bytes(text: str) -> int:
    """Size of a canonical number: one byte per two significant digits, and one.

    Source: "DynamoDB item sizes and formats" in the developer guide.
    """
    return (len(text.replace(".", "", 1).strip("-0")) + 1) // 2 + 1


def add(left: str, right: str) -> str:
    """The exact sum, canonical. Raises AwsError where it is no DynamoDB number."""
    return canonical(str(_EXACT.add(Decimal(left), Decimal(right))))


def subtract(left: str, right: str) -> str:
    """The exact difference, canonical. Raises AwsError where it is no DynamoDB number."""
    return canonical(str(_EXACT.subtract(Decimal(left), Decimal(right))))


def sort_key(text: str) -> bytes:
    """Bytes that sort as the canonical numbers do.

    A byte for the sign, one for the exponent (256 values fit exactly), then the digits; a negative
    number's are complemented and closed by 0xFF, so that fewer digits sort after more.
    """
    if text == "0":
        return b"\x80"
    negative = text[0] == "-"
    whole, _, fraction = text.lstrip("-").partition(".")
    significant = (whole + fraction).lstrip("0")
    first = (len(whole) if whole != "0" else len(significant) - len(fraction)) - 1
    body = bytes((first - EXPONENT_MIN,)) + significant.rstrip("0").encode()
    if negative:
        return b"\x7f" + body.translate(_NINES_COMPLEMENT) + b"\xff"
    return b"\x81" + body
