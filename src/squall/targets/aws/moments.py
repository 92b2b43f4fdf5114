"""Moments as attributes of a table hold them.

A number is Unix time in seconds, milliseconds, microseconds or nanoseconds, whichever puts it
between 1973 and 5138: seconds are below 10¹¹, milliseconds below 10¹⁴, microseconds below 10¹⁷. A
text is such a number or ISO 8601; without an offset from UTC it is taken to be UTC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_LARGEST = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Below which value a number counts which parts of a second."""


def moment_of(attribute: Mapping[str, Any]) -> float | None:
    """Unix seconds from an attribute in DynamoDB's form; None for what is no moment."""
    text = attribute.get("N", attribute.get("S"))
    if not isinstance(text, str):
        return None
    try:
        return _unix_s(float(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _unix_s(number: float) -> float | None:
    if not math.isfinite(number) or number <= 0:
        return None
    return next((number / parts for below, parts in _LARGEST if number < below), None)
