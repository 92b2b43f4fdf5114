"""Values between the wire and Python, led by the shapes of AWS's models.

Inside, timestamps are aware datetimes and blobs are bytes, whatever the wire makes of them.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from cloud_twin.errors import AwsError


def read(shape: Shape, value: Any, where: str = "") -> Any:
    """A decoded JSON or CBOR value as the shape wants it.

    Members that the shape does not have are left out, and so are nulls. Raises
    ``SerializationException`` for a value of another type.
    """
    if isinstance(shape, StructureShape):
        members = _typed(value, dict, where)
        return {
            name: read(member, members[name], f"{where}.{name}" if where else name)
            for name, member in shape.members.items()
            if members.get(name) is not None
        }
    if isinstance(shape, ListShape):
        items = _typed(value, list | tuple, where)
        return [read(shape.member, item, f"{where}[{i}]") for i, item in enumerate(items)]
    if isinstance(shape, MapShape):
        entries = _typed(value, dict, where)
        return {str(key): read(shape.value, item, where) for key, item in entries.items()}
    return _read_scalar(shape.type_name, value, where)


def write(shape: Shape | None, value: Any) -> Any:
    """A service's value as the shape wants it; times become aware datetimes."""
    if isinstance(shape, StructureShape):
        return {
            name: write(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [write(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {str(key): write(shape.value, item) for key, item in value.items()}
    if shape is None:
        return value
    if shape.type_name == "timestamp" and not isinstance(value, datetime):
        return datetime.fromtimestamp(float(value), UTC)
    if shape.type_name in ("double", "float"):
        return float(value)
    return value


def _read_scalar(kind: str, value: Any, where: str) -> Any:
    if kind == "timestamp":
        return _moment(value, where)
    if kind == "blob":
        return _blob(value, where)
    if kind in ("integer", "long"):
        number = _number(value, where)
        if not math.isfinite(number) or number != int(number):
            raise _wrong(where, "a whole number", value)
        return int(number)
    if kind in ("double", "float"):
        return float(_number(value, where))
    if kind == "boolean":
        if value in ("true", "false"):
            return value == "true"
        return _typed(value, bool, where)
    return _typed(value, str, where)


def _number(value: Any, where: str) -> int | float:
    if isinstance(value, str):
        try:
            return float(value) if not value.lstrip("-").isdigit() else int(value)
        except ValueError:
            raise _wrong(where, "a number", value) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(where, "a number", value)
    return value


def _moment(value: Any, where: str) -> datetime:
    try:
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, str) and not value.replace(".", "", 1).lstrip("-").isdigit():
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(float(_number(value, where)), UTC)
    except (ValueError, OverflowError, OSError):
        raise _wrong(where, "a time", value) from None


def _blob(value: Any, where: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return b64decode(_typed(value, str, where), validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(where, "base64", value) from None


def _typed(value: Any, kind: Any, where: str) -> Any:
    if isinstance(value, kind):
        return value
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _wrong(where, _KINDS.get(kind, "a list"), value)


_KINDS: Mapping[Any, str] = {dict: "a structure", str: "a string", bool: "true or false"}


def _wrong(where: str, wanted: str, value: Any) -> AwsError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return AwsError("SerializationException", f"{where or 'the input'} must be {wanted}: {shown}")
