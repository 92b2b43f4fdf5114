"""Plain mappings as XML text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(text: str) -> str:
    """Text as the content of an element; characters XML cannot hold are replaced."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _UNWRITABLE.sub("\ufffd", text.replace("\r", "&#xD;"))


def element(name: str, value: object, attributes: str = "") -> str:
    """One element; a mapping's entries are its children, a sequence repeats it."""
    if isinstance(value, Mapping):
        inner = "".join(element(str(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        return "".join(element(name, item) for item in value)
    else:
        inner = escape(scalar(value))
    return f"<{name}{attributes}>{inner}</{name}>"


def scalar(value: object) -> str:
    """A value as AWS writes it in XML: times in ISO 8601, booleans in lower case."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso(value)
    return str(value)


def iso(moment: datetime) -> str:
    """``2026-01-02T03:04:05.678Z``."""
    in_utc = moment.astimezone(UTC)
    return f"{in_utc:%Y-%m-%dT%H:%M:%S}.{in_utc.microsecond // 1000:03d}Z"
