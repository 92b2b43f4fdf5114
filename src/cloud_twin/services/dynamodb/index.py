"""Global secondary indexes: which items are in them, under which key, at which price."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import Item, kind_of, measure_item
from cloud_twin.services.dynamodb.errors import invalid, validation
from cloud_twin.services.dynamodb.keys import KeySchema, hash_prefix, key_bytes, range_part
from cloud_twin.services.dynamodb.sorted_rows import SortedRows
from cloud_twin.services.dynamodb.throughput import Throughput


class Projection(Enum):
    """Which attributes an index has beside the keys."""

    ALL = "ALL"
    KEYS_ONLY = "KEYS_ONLY"
    INCLUDE = "INCLUDE"


@dataclass(slots=True)
class Index:
    """A global secondary index.

    Its rows are the table's own rows (shared, not copied); attributes that are not projected are
    left out when they are read.
    """

    name: str
    arn: str
    schema: KeySchema
    projection: Projection
    included: tuple[str, ...]
    table_key_names: tuple[str, ...]
    read: Throughput
    write: Throughput
    status: str = "ACTIVE"
    entries: SortedRows = field(default_factory=SortedRows)
    size_bytes: int = 0
    names: frozenset[str] = frozenset()
    """All projected attributes, unless the projection is ALL."""

    def __post_init__(self) -> None:
        self.names = frozenset((*self.schema.names, *self.table_key_names, *self.included))

    def key_of(self, item: Item, table_key: bytes) -> bytes | None:
        """The item's key in the index; None where it lacks a key attribute (a sparse index).

        Raises AwsError where a key attribute has another type than the index's.
        """
        parts = []
        for attribute in self.schema.attributes:
            value = item.get(attribute.name)
            if value is None:
                parts.append(b"")
                continue
            if attribute.kind not in value:
                raise invalid(
                    f"Type mismatch for Index Key {attribute.name} Expected: {attribute.kind} "
                    f"Actual: {kind_of(value)} IndexName: {self.name}"
                )
            part = key_bytes(value, attribute.kind)
            if not part:
                raise validation(
                    "One or more parameter values are not valid. A value specified for a secondary "
                    "index key is not supported. The AttributeValue for a key attribute cannot "
                    f"contain an empty string value. IndexName: {self.name}, IndexKey: "
                    f"{attribute.name}"
                )
            parts.append(part)
        if not all(parts):
            return None
        key = hash_prefix(parts[0])
        if len(parts) > 1:
            key += range_part(parts[1])
        return key + table_key

    def projected(self, item: Item) -> Item:
        """What the index has of an item."""
        if self.projection is Projection.ALL:
            return item
        return {name: item[name] for name in item if name in self.names}

    def size_of(self, item: Item, row: bytes) -> int:
        """Size in bytes of the index's entry for an item."""
        if self.projection is Projection.ALL:
            return rows.size_of(row)
        return measure_item(self.projected(item))
