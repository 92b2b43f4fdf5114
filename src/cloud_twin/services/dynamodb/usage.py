"""What one request has used: told to the caller, to CloudWatch and to the meter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cloud_twin.meter import Meter
from cloud_twin.service import MetricSink
from cloud_twin.services.dynamodb.errors import constraint
from cloud_twin.services.dynamodb.table import Table, Write

SERVICE = "dynamodb"
NAMESPACE = "AWS/DynamoDB"


@dataclass(slots=True)
class TableUsage:
    """Units of one table; of its indexes by name."""

    table: Table
    read: float = 0
    write: float = 0
    index_read: dict[str, float] = field(default_factory=dict)
    index_write: dict[str, float] = field(default_factory=dict)


class Usage:
    """Capacity that one request used, by table in the order of first use."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[str, TableUsage] = {}

    def of(self, table: Table) -> TableUsage:
        """The part of one table."""
        found = self._tables.get(table.name)
        if found is None:
            found = self._tables[table.name] = TableUsage(table)
        return found

    def tables(self) -> Iterable[str]:
        """Names of the tables that were used."""
        return self._tables

    def wrote(self, write: Write, factor: int = 1) -> None:
        """A write was carried out."""
        usage = self.of(write.table)
        usage.write += write.units * factor
        for change in write.indexes:
            if change.units:
                name = change.index.name
                usage.index_write[name] = usage.index_write.get(name, 0) + change.units * factor

    def answer(self, mode: str, *, split: bool = False) -> list[dict[str, Any]]:
        """``ConsumedCapacity`` of every table. ``split``: reads and writes apart, too."""
        return [_consumed(usage, mode, split) for usage in self._tables.values()]

    def report(self, metrics: MetricSink, meter: Meter) -> None:
        """Emit the metrics and count what is billed."""
        for name, usage in self._tables.items():
            if usage.read or usage.index_read:
                _report(metrics, name, "ConsumedReadCapacityUnits", usage.read, usage.index_read)
            if usage.write or usage.index_write:
                _report(metrics, name, "ConsumedWriteCapacityUnits", usage.write, usage.index_write)
            if usage.table.provisioned:
                continue
            read = usage.read + sum(usage.index_read.values())
            write = usage.write + sum(usage.index_write.values())
            if read:
                meter.add(SERVICE, "read_request_units", name, read)
            if write:
                meter.add(SERVICE, "write_request_units", name, write)


def _report(
    metrics: MetricSink, table: str, metric: str, units: float, by_index: dict[str, float]
) -> None:
    of_table = ("TableName", table)
    if units:
        metrics.put(NAMESPACE, metric, (of_table,), units)
    for index, index_units in by_index.items():
        dimensions = (of_table, ("GlobalSecondaryIndexName", index))
        metrics.put(NAMESPACE, metric, dimensions, index_units)


def _consumed(usage: TableUsage, mode: str, split: bool) -> dict[str, Any]:
    read = usage.read + sum(usage.index_read.values())
    write = usage.write + sum(usage.index_write.values())
    answer: dict[str, Any] = {"TableName": usage.table.name, **_units(read, write, split)}
    if mode == "INDEXES":
        answer["Table"] = _units(usage.read, usage.write, split)
        indexes = {
            name: _units(usage.index_read.get(name, 0), usage.index_write.get(name, 0), split)
            for name in (usage.index_read | usage.index_write)
        }
        if indexes:
            answer["GlobalSecondaryIndexes"] = indexes
    return answer


def _units(read: float, write: float, split: bool) -> dict[str, float]:
    units = {"CapacityUnits": float(read + write)}
    if split and read:
        units["ReadCapacityUnits"] = float(read)
    if split and write:
        units["WriteCapacityUnits"] = float(write)
    return units


def capacity_mode(parameters: dict[str, Any]) -> str:
    """``ReturnConsumedCapacity``. Raises AwsError for an unknown word."""
    mode = parameters.get("ReturnConsumedCapacity") or "NONE"
    if mode not in ("NONE", "TOTAL", "INDEXES"):
        raise constraint(
            mode,
            "returnConsumedCapacity",
            "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]",
        )
    return str(mode)
