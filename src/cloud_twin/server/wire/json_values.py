"""JSON as AWS writes it: times as Unix seconds, bytes as base64."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from cloud_twin.errors import AwsError
from cloud_twin.server.refusals import malformed
from cloud_twin.service import Protocols


def read_object(body: bytes, protocol: Protocols) -> dict[str, Any]:
    """A JSON object; empty for an empty body. Raises ``SerializationException``."""
    if not body:
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"not JSON: {error}", protocol) from error
    if not isinstance(value, dict):
        raise malformed(
            "Start of structure or map found where not expected."
            if isinstance(value, list)
            else "Unexpected value where a structure was expected.",
            protocol,
        )
    return value


def write(value: Mapping[str, Any]) -> bytes:
    """Bytes of a JSON object."""
    return orjson.dumps(value, default=_special, option=orjson.OPT_PASSTHROUGH_DATETIME)


def error_members(error: AwsError, message_key: str) -> dict[str, Any]:
    """The further members of an error and its message, unless it is among them already."""
    members = dict(error.fields)
    if not any(name.lower() == "message" for name in members):
        members[message_key] = error.message
    return members


def _special(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
