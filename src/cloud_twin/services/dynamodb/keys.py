"""Keys as bytes: equal where DynamoDB's keys are equal, sorted as it sorts them.

A key is ``crc32(hash) · length of hash · hash · escaped range · 00 00``. The checksum in front
scatters partition keys over the key space (what a scan walks and segments divide); after the hash
part come its range keys in order. An index key has the item's primary key behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from cloud_twin.services.dynamodb import number
from cloud_twin.services.dynamodb.attribute_values import (
    AttributeValue,
    Item,
    binary,
    kind_of,
    measure,
)
from cloud_twin.services.dynamodb.errors import invalid, validation

HASH_BYTES_MAX = 2048
RANGE_BYTES_MAX = 1024
KEY_SPACE = 1 << 32


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    """A key attribute and its type: ``S``, ``N`` or ``B``."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The partition key and, where there is one, the sort key."""

    hash: KeyAttribute
    range: KeyAttribute | None = None

    @property
    def attributes(self) -> tuple[KeyAttribute, ...]:
        """One or two."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the key attributes."""
        return tuple(attribute.name for attribute in self.attributes)

    def of_item(self, item: Item) -> bytes:
        """The key of a whole, measured item. Raises AwsError where a part is missing or wrong."""
        key = hash_prefix(_part(item, self.hash))
        if self.range is not None:
            key += range_part(_part(item, self.range))
        return key

    def of_key(self, key: Item) -> bytes:
        """The key of a ``Key`` parameter. Raises AwsError where it does not fit the schema."""
        attributes = self.attributes
        if len(key) != len(attributes):
            raise schema_mismatch()
        for attribute in attributes:
            value = key.get(attribute.name)
            if type(value) is not dict or attribute.kind not in value:
                raise schema_mismatch()
            measure(value)
        return self.of_item(key)

    def pick(self, item: Item) -> Item:
        """The key attributes alone."""
        return {name: item[name] for name in self.names}


def schema_mismatch() -> Exception:
    """A key has other attributes or types than the table's."""
    return validation("The provided key element does not match the schema")


def key_bytes(value: AttributeValue, kind: str) -> bytes:
    """The sortable bytes of one key attribute's value."""
    if kind == "S":
        return str(value["S"]).encode()
    if kind == "N":
        return number.sort_key(value["N"])
    return binary(value["B"])


def _part(item: Item, attribute: KeyAttribute) -> bytes:
    value = item.get(attribute.name)
    if value is None:
        raise invalid(f"Missing the key {attribute.name} in the item")
    if attribute.kind not in value:
        raise invalid(
            f"Type mismatch for key {attribute.name} expected: {attribute.kind} "
            f"actual: {kind_of(value)}"
        )
    part = key_bytes(value, attribute.kind)
    if not part:
        word = "string" if attribute.kind == "S" else "binary"
        raise validation(
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            f"cannot contain an empty {word} value. Key: {attribute.name}"
        )
    return part


def hash_prefix(part: bytes) -> bytes:
    """What all keys of one partition key begin with, and no others."""
    if len(part) > HASH_BYTES_MAX:  # the missing space is AWS's
        raise invalid("Size of hashkey has exceeded the maximum size limit of2048 bytes")
    return crc32(part).to_bytes(4, "big") + len(part).to_bytes(2, "big") + part


def range_part(part: bytes) -> bytes:
    """A sort key's bytes, closed, so that what follows does not disturb the order."""
    if len(part) > RANGE_BYTES_MAX:
        raise invalid("Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
    return escape(part) + b"\x00\x00"


def escape(part: bytes) -> bytes:
    """Bytes in which a zero is never followed by a zero; the order stays."""
    return part.replace(b"\x00", b"\x00\xff") if b"\x00" in part else part


def successor(prefix: bytes) -> bytes | None:
    """The lowest key above all keys that begin with ``prefix``; None: there is none."""
    stripped = prefix.rstrip(b"\xff")
    if not stripped:
        return None
    return stripped[:-1] + bytes((stripped[-1] + 1,))
