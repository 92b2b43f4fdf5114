"""RFC 3339 timestamps to seconds."""

from __future__ import annotations

import re
from datetime import datetime

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def event_seconds(text: str) -> float:
    """Seconds since 1970 UTC; raises ``ValueError`` unless ``text`` is an RFC 3339 instant.

    An offset is required: a local time without one is not an instant. ``datetime`` checks the
    calendar (29 February, hour 24) but takes other ISO 8601 forms too, so the form is checked
    here: quickly for the usual ``2026-05-01T12:34:56.789Z``, else by pattern.
    """
    if not (
        len(text) == 24
        and text[23] == "Z"
        and text[10] == "T"
        and text[19] == "."
        and text[4] == text[7] == "-"
        and text[13] == text[16] == ":"
        and text.isascii()
    ) and not _RFC_3339.fullmatch(text):
        raise ValueError("not an RFC 3339 timestamp with an offset")
    return datetime.fromisoformat(text.upper()).timestamp()
