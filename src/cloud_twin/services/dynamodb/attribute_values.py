"""Typed attribute values as they are on the wire: checked, made canonical, measured.

A value stays the JSON it came as (``{"S": "x"}``, ``{"N": "1"}``): items are kept and returned as
bytes, and most are never looked into again.
"""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal
from typing import Any, TypeAlias

from cloud_twin.services.dynamodb import number
from cloud_twin.services.dynamodb.errors import invalid, serialization, validation

AttributeValue: TypeAlias = dict[str, Any]
Item: TypeAlias = dict[str, AttributeValue]

ITEM_BYTES_MAX = 400 * 1024
DEPTH_MAX = 32
CONTAINER_BYTES = 3
"""Of a list or map, whatever is in it."""
ELEMENT_BYTES = 1
"""Of each element of a list or map."""

TYPES = frozenset({"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"})


def text_bytes(text: str) -> int:
    """Length in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def measure_item(item: Item) -> int:
    """Check an item, make its numbers canonical in place, and give its size in bytes.

    The size is names and values as in "DynamoDB item sizes and formats" of the developer guide.
    Raises AwsError for a value that DynamoDB would not take.
    """
    total = 0
    canonical = number.canonical
    for name, value in item.items():
        total += len(name) if name.isascii() else len(name.encode())
        if type(value) is dict and len(value) == 1:
            text = value.get("S")
            if type(text) is str:  # most attributes are strings and numbers: no call for them
                total += len(text) if text.isascii() else len(text.encode())
                continue
            text = value.get("N")
            if type(text) is str:
                value["N"] = text = canonical(text)
                total += (len(text.replace(".", "", 1).strip("-0")) + 1) // 2 + 1
                continue
        total += measure(value)
    return total


def measure(value: AttributeValue, depth: int = 0) -> int:
    """As ``measure_item``, for one value without its name."""
    if type(value) is not dict:
        raise serialization("Unexpected value type in payload: expected an AttributeValue")
    if len(value) != 1:
        raise _not_one_type(value)
    ((kind, content),) = value.items()
    if kind == "S":
        return text_bytes(_text(content))
    if kind == "N":
        value["N"] = text = number.canonical(_text(content))
        return number.size_bytes(text)
    if kind in ("BOOL", "NULL"):
        if type(content) is not bool:
            raise serialization(f"Expected a boolean in an attribute value of type {kind}")
        if kind == "NULL" and not content:
            raise invalid("Null attribute value types must have the value of true")
        return 1
    if kind == "B":
        return len(binary(content))
    if kind in ("SS", "NS", "BS"):
        return _measure_set(value, kind, content)
    if kind in ("L", "M"):
        return _measure_container(kind, content, depth + 1)
    raise validation(
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    )


def _not_one_type(value: AttributeValue) -> Exception:
    if value:
        return validation(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    return validation(
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    )


def _text(content: object) -> str:
    if type(content) is not str:
        raise serialization("Unexpected value type in payload: expected a string")
    return content


def binary(content: object) -> bytes:
    """The bytes behind a B value."""
    try:
        return base64.b64decode(_text(content), validate=True)
    except (binascii.Error, ValueError):
        raise serialization(f"'{content}' can not be converted to a Blob: not base64") from None


def _measure_set(value: AttributeValue, kind: str, content: object) -> int:
    if type(content) is not list:
        raise serialization("Expected list or null")
    if not content:
        raise invalid(
            f"An {'number' if kind == 'NS' else 'string' if kind == 'SS' else 'binary'} set "
            " may not be empty"
        )
    members: list[Any]
    if kind == "NS":
        value[kind] = members = [number.canonical(_text(member)) for member in content]
        size = sum(map(number.size_bytes, members))
    elif kind == "SS":
        members = [_text(member) for member in content]
        size = sum(map(text_bytes, members))
    else:
        members = [binary(member) for member in content]
        size = sum(map(len, members))
    if len(set(members)) != len(members):
        if kind == "NS":
            raise validation("Input collection contains duplicates")
        raise invalid(f"Input collection [{', '.join(content)}] contains duplicates.")
    return size


def _measure_container(kind: str, content: object, depth: int) -> int:
    if depth > DEPTH_MAX:
        raise invalid("Nesting Levels have exceeded supported limits")
    if kind == "L":
        if type(content) is not list:
            raise serialization("Expected list or null")
        return CONTAINER_BYTES + sum(ELEMENT_BYTES + measure(each, depth) for each in content)
    if type(content) is not dict:
        raise serialization("Expected map or null")
    return CONTAINER_BYTES + sum(
        ELEMENT_BYTES + text_bytes(name) + measure(each, depth) for name, each in content.items()
    )


def kind_of(value: AttributeValue) -> str:
    """``S``, ``N``, …"""
    return next(iter(value))


def equal(left: AttributeValue, right: AttributeValue) -> bool:
    """Same type and same value; order does not matter in sets. Both canonical."""
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    mine, theirs = left[kind], right[kind]
    if kind == "B":
        return binary(mine) == binary(theirs)
    if kind in ("SS", "NS"):
        return set(mine) == set(theirs)
    if kind == "BS":
        return set(map(binary, mine)) == set(map(binary, theirs))
    if kind == "L":
        return len(mine) == len(theirs) and all(map(equal, mine, theirs))
    if kind == "M":
        return mine.keys() == theirs.keys() and all(
            equal(mine[name], theirs[name]) for name in mine
        )
    return bool(mine == theirs)


def order_key(value: AttributeValue) -> Decimal | bytes | None:
    """What values of the same type are ordered by; None where there is no order."""
    kind = kind_of(value)
    if kind == "N":
        return Decimal(value["N"])
    if kind == "S":
        return str(value["S"]).encode()
    if kind == "B":
        return binary(value["B"])
    return None
