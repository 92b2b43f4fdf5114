"""What a Retry-After field asks for: seconds, or a date (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

_DIGITS_MAX = 9


def wait_s(field: bytes, unix_s: float) -> float:
    """Seconds to wait from ``unix_s``, now; 0 for a date that has passed and for nonsense.

    A date is the target's clock against ours: where they differ, so does the wait.
    """
    text = field.strip()
    if not text:
        return 0.0
    if text.isdigit():
        return float(text) if len(text) <= _DIGITS_MAX else 0.0
    try:
        date = parsedate_to_datetime(text.decode("latin-1"))
        if date.tzinfo is None:  # the old form of C's asctime(), which is in GMT as well
            date = date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - unix_s)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
