"""A table: its rows, its indexes, and what a write does to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import Item
from cloud_twin.services.dynamodb.expiry import Expiry
from cloud_twin.services.dynamodb.index import Index
from cloud_twin.services.dynamodb.keys import KeySchema
from cloud_twin.services.dynamodb.sorted_rows import SortedRows
from cloud_twin.services.dynamodb.throughput import Throttle, Throughput


@dataclass(slots=True)
class IndexChange:
    """What a write does to one index; ``units`` of the index's write capacity."""

    index: Index
    old_key: bytes | None
    new_key: bytes | None
    units: int
    bytes_more: int


@dataclass(slots=True)
class Write:
    """A write that is ready to be applied: its rows and its price. ``row`` None deletes."""

    table: Table
    key: bytes
    old_row: bytes | None
    row: bytes | None
    units: float
    item: Item | None = None
    old_item: Item | None = None
    indexes: list[IndexChange] = field(default_factory=list)

    def refusals(self, factor: int = 1) -> list[Throttle]:
        """What would throttle it now. ``factor``: 2 in a transaction."""
        refusal = self.table.write.refusal(self.units * factor, self.key)
        found = [] if refusal is None else [refusal]
        for change in self.indexes:
            if change.units:
                key = change.new_key or change.old_key or b""
                refusal = change.index.write.refusal(change.units * factor, key)
                if refusal is not None:
                    found.append(refusal)
        return found

    def spend(self, factor: int = 1) -> None:
        """Use its capacity."""
        self.table.write.spend(self.units * factor, self.key)
        for change in self.indexes:
            if change.units:
                key = change.new_key or change.old_key or b""
                change.index.write.spend(change.units * factor, key)


@dataclass(slots=True)
class Table:
    """One table."""

    name: str
    arn: str
    table_id: str
    schema: KeySchema
    definitions: list[dict[str, str]]
    created_wall_s: float
    active_from_s: float
    read: Throughput
    write: Throughput
    indexes: dict[str, Index] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    deletion_protected: bool = False
    table_class: str = "STANDARD"
    on_demand_since_wall_s: float | None = None
    decreases: int = 0
    changed_wall_s: float | None = None
    items: SortedRows = field(default_factory=SortedRows)
    size_bytes: int = 0
    expiry: Expiry | None = None

    @property
    def provisioned(self) -> bool:
        """Whether capacity is provisioned (else: on demand)."""
        return self.write.setting.provisioned

    @property
    def holders(self) -> tuple[Table | Index, ...]:
        """What has throughput: the table and its indexes."""
        return (self, *self.indexes.values())

    def prepare(
        self,
        key: bytes,
        old_row: bytes | None,
        item: Item | None = None,
        size: int = 0,
        old_item: Item | None = None,
    ) -> Write:
        """What setting the item at ``key`` (None: deleting it) would do and cost.

        ``size``: of the item, as ``measure_item`` gave it. Raises AwsError for wrong index keys.
        """
        row = None if item is None else rows.row_of(item, size)
        if old_row is not None:
            size = max(size, rows.size_of(old_row))
            if old_item is None and (self.indexes or self.expiry is not None):
                old_item = rows.item_of(old_row)
        write = Write(self, key, old_row, row, rows.write_units(size), item, old_item)
        for index in self.indexes.values():
            write.indexes.append(_index_change(index, write))
        return write

    def apply(self, write: Write) -> None:
        """Carry out a prepared write."""
        old_row, row, key = write.old_row, write.row, write.key
        if row is not None:
            self.items.put(key, row)
            self.size_bytes += rows.size_of(row)
        elif old_row is not None:
            self.items.remove(key)
        if old_row is not None:
            self.size_bytes -= rows.size_of(old_row)
        for change in write.indexes:
            if change.old_key is not None and change.old_key != change.new_key:
                change.index.entries.remove(change.old_key)
            if change.new_key is not None and row is not None:
                change.index.entries.put(change.new_key, row)
            change.index.size_bytes += change.bytes_more
        if self.expiry is not None:
            self.expiry.moved(key, write.old_item if old_row is not None else None, write.item)

    def walk(self, step_rows: int) -> Iterator[list[tuple[bytes, bytes]]]:
        """All rows in steps; the table may change between them."""
        lower = b""
        while True:
            part = []
            for pair in self.items.forward(lower, None):
                part.append(pair)
                if len(part) == step_rows:
                    break
            if not part:
                return
            yield part
            lower = part[-1][0] + b"\x00"


def _index_change(index: Index, write: Write) -> IndexChange:
    """An entry costs a write where it appears, changes or goes, and two where its key changes.

    Source: "Using global secondary indexes", on provisioned throughput for writes.
    """
    old_key = new_key = None
    old_size = new_size = 0
    old, new = write.old_item, write.item
    if write.old_row is not None and old is not None:
        old_key = index.key_of(old, write.key)
        if old_key is not None:
            old_size = index.size_of(old, write.old_row)
    if write.row is not None and new is not None:
        new_key = index.key_of(new, write.key)
        if new_key is not None:
            new_size = index.size_of(new, write.row)
    if old_key == new_key:
        if old_key is None or index.projected(old or {}) == index.projected(new or {}):
            units = 0
        else:
            units = rows.write_units(max(old_size, new_size))
    else:
        units = rows.write_units(old_size) if old_key is not None else 0
        units += rows.write_units(new_size) if new_key is not None else 0
    return IndexChange(index, old_key, new_key, units, new_size - old_size)
