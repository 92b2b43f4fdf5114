"""The binary frames of ``application/vnd.amazon.eventstream``.

A message: total length, length of headers, CRC-32 of these two; headers; payload; CRC-32 of all
before it. Source: AWS SDK documentation, "Event stream encoding" (and what botocore reads).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message; header values are strings."""
    written = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    head = prelude + struct.pack(">I", zlib.crc32(prelude))
    body = head + written + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(kind: str, members: Mapping[str, Any]) -> bytes:
    """One event of a modelled stream, its members as JSON."""
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return message(headers, orjson.dumps(members))


def _header(name: str, value: str) -> bytes:
    raw, text = name.encode(), value.encode()
    return struct.pack(">B", len(raw)) + raw + struct.pack(">BH", _STRING, len(text)) + text
