"""How an item is kept: four bytes of size, then its JSON."""

from __future__ import annotations

import orjson

from cloud_twin.services.dynamodb.attribute_values import Item

_SIZE_BYTES = 4
WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096


def row_of(item: Item, size_bytes: int) -> bytes:
    """The row of an item whose size is known."""
    return size_bytes.to_bytes(_SIZE_BYTES, "little") + orjson.dumps(item)


def size_of(row: bytes) -> int:
    """The item's size in bytes, as DynamoDB counts it."""
    return int.from_bytes(row[:_SIZE_BYTES], "little")


def item_of(row: bytes) -> Item:
    """The item, parsed anew."""
    return orjson.loads(memoryview(row)[_SIZE_BYTES:])  # type: ignore[no-any-return]


def json_of(row: bytes) -> orjson.Fragment:
    """The item as it goes into an answer, not parsed."""
    return orjson.Fragment(row[_SIZE_BYTES:])


def write_units(size_bytes: int) -> int:
    """One for each KB begun; at least one."""
    return max(1, -(-size_bytes // WRITE_UNIT_BYTES))


def read_units(size_bytes: int, consistent: bool) -> float:
    """One for each 4 KB begun, at least one; half where eventual consistency will do."""
    units = max(1, -(-size_bytes // READ_UNIT_BYTES))
    return float(units) if consistent else units / 2
