"""BatchWriteItem and BatchGetItem: many items, each for itself."""

from __future__ import annotations

from typing import Any

import orjson

from cloud_twin.errors import AwsError
from cloud_twin.service import PartialFailure
from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import constraint, serialization, validation
from cloud_twin.services.dynamodb.expressions.paths import Steps, project
from cloud_twin.services.dynamodb.item_operations import measured, projection_of
from cloud_twin.services.dynamodb.parameters import flag, mapping, refuse_legacy, sequence
from cloud_twin.services.dynamodb.table import Table, Write
from cloud_twin.services.dynamodb.throttling import THROTTLES, count_throttles
from cloud_twin.services.dynamodb.throughput import Throttle, throttled

WRITES_MAX = 25
READS_MAX = 100
_PLANNED = Throttle("TableThroughputExceeded", "")
"""A throttle that a fault plan makes."""
ANSWER_BYTES_MAX = 16 * 1024 * 1024
_DUPLICATES = "Provided list of item keys contains duplicates"


class _Refused:
    """Entries that were not carried out, and why."""

    def __init__(self, request: Request, metric: str) -> None:
        self._request = request
        self._metric = metric
        self._partial: PartialFailure | None = request.call.partial
        self._causes: list[Throttle] = []
        self._provisioned = False
        self.count = 0

    def by_fault(self, table: Table) -> bool:
        """Whether a fault plan fails the next entry."""
        partial = self._partial
        if partial is None or partial.random.random() >= partial.probability:
            return False
        self.count += 1
        if partial.code in THROTTLES:
            count_throttles(self._request, table, self._metric, [_PLANNED])
        return True

    def by_throttle(self, table: Table, causes: list[Throttle]) -> None:
        """The next entry is throttled."""
        self.count += 1
        self._causes += causes
        self._provisioned = table.provisioned
        count_throttles(self._request, table, self._metric, causes)

    def raise_if_all(self, entries: int) -> None:
        """A batch fails as a whole only where every entry does."""
        if self.count < entries or not entries:
            return
        if self._causes:
            raise throttled(self._causes, self._provisioned)
        if self._partial is not None:
            raise AwsError(self._partial.code, self._partial.message)


def batch_write_item(request: Request) -> dict[str, Any]:
    """Put and delete up to 25 items."""
    by_table = _tables(request)
    total = sum(len(entries) for _, _, entries in by_table)
    if total > WRITES_MAX:
        raise validation("Too many items requested for the BatchWriteItem call")
    prepared = [(name, table, _prepared(table, entries)) for name, table, entries in by_table]
    refused = _Refused(request, "WriteThrottleEvents")
    unprocessed: dict[str, list[Any]] = {}
    wrote = request.usage.wrote
    for name, table, writes in prepared:
        for entry, write in writes:
            if refused.by_fault(table):
                unprocessed.setdefault(name, []).append(entry)
                continue
            causes = write.refusals()
            if causes:
                refused.by_throttle(table, causes)
                unprocessed.setdefault(name, []).append(entry)
                continue
            write.spend()
            table.apply(write)
            wrote(write)
    refused.raise_if_all(total)
    return _answer(request, {"UnprocessedItems": unprocessed})


def _tables(request: Request) -> list[tuple[str, Table, list[Any]]]:
    items = mapping(request.parameters, "RequestItems")
    if not items:
        raise constraint("{}", "requestItems", "Member must have length greater than or equal to 1")
    found = []
    for name, entries in items.items():
        table = request.database.active({"TableName": name})
        if type(entries) is not list:
            raise serialization("Expected list or null")
        if not 1 <= len(entries) <= WRITES_MAX:
            raise constraint(
                f"{{{name}=[{len(entries)} requests]}}",
                "requestItems",
                "Map value must satisfy constraint: [Member must have length less than or equal "
                "to 25, Member must have length greater than or equal to 1]",
            )
        found.append((name, table, entries))
    return found


def _prepared(table: Table, entries: list[Any]) -> list[tuple[Any, Write]]:
    """Every write of one table, all checked before any is carried out."""
    seen: set[bytes] = set()
    writes = []
    schema, get = table.schema, table.items.get
    for entry in entries:
        if type(entry) is not dict or len(entry) != 1:
            raise validation(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly "
                "one of the supported datatypes"
                if entry
                else "A WriteRequest must contain exactly one of PutRequest and DeleteRequest"
            )
        if entry.get("PutRequest") is not None:
            item = mapping(mapping(entry, "PutRequest"), "Item")
            size = measured(item)
            key = schema.of_item(item)
            write = table.prepare(key, get(key), item, size)
        elif entry.get("DeleteRequest") is not None:
            key = schema.of_key(mapping(mapping(entry, "DeleteRequest"), "Key"))
            write = table.prepare(key, get(key))
        else:
            raise validation(
                "A WriteRequest must contain exactly one of PutRequest and DeleteRequest"
            )
        seen.add(key)
        writes.append((entry, write))
    if len(seen) != len(entries):
        raise validation(_DUPLICATES)
    return writes


def batch_get_item(request: Request) -> dict[str, Any]:
    """Read up to 100 items."""
    wanted = mapping(request.parameters, "RequestItems")
    if not wanted:
        raise constraint("{}", "requestItems", "Member must have length greater than or equal to 1")
    reads = [_Reads(request, name, what) for name, what in wanted.items()]
    total = sum(len(read.keys) for read in reads)
    if total > READS_MAX:
        raise validation("Too many items requested for the BatchGetItem call")
    refused = _Refused(request, "ReadThrottleEvents")
    room = ANSWER_BYTES_MAX
    for read in reads:
        room = read.carry_out(refused, room)
    refused.raise_if_all(total)
    answer: dict[str, Any] = {
        "Responses": {read.name: read.found for read in reads},
        "UnprocessedKeys": {read.name: read.left_over() for read in reads if read.unprocessed},
    }
    return _answer(request, answer)


class _Reads:
    """The part of a BatchGetItem on one table."""

    def __init__(self, request: Request, name: str, what: Any) -> None:
        if type(what) is not dict:
            raise serialization("Expected map or null")
        refuse_legacy(what)
        self.name = name
        self.found: list[orjson.Fragment | dict[str, Any]] = []
        self.unprocessed: list[Any] = []
        self._request = request
        self._what = what
        self._table = request.database.active({"TableName": name})
        self._consistent = flag(what, "ConsistentRead")
        self._paths: tuple[Steps, ...] | None = projection_of(request, what)
        given = sequence(what, "Keys")
        if not 1 <= len(given) <= READS_MAX:
            raise constraint(
                f"[{len(given)} keys]",
                f"requestItems.{name}.member.keys",
                "Member must have length less than or equal to 100"
                if given
                else "Member must have length greater than or equal to 1",
            )
        self.keys = [(key, self._table.schema.of_key(_map(key))) for key in given]
        if len({encoded for _, encoded in self.keys}) != len(given):
            raise validation(_DUPLICATES)

    def carry_out(self, refused: _Refused, room: int) -> int:
        """Read; gives what is left of the answer's size in bytes."""
        table, paths = self._table, self._paths
        usage = self._request.usage.of(table)
        for given, key in self.keys:
            row = table.items.get(key)
            size = 0 if row is None else rows.size_of(row)
            if size > room or refused.by_fault(table):
                self.unprocessed.append(given)
                continue
            units = rows.read_units(size, self._consistent)
            cause = table.read.refusal(units, key)
            if cause is not None:
                refused.by_throttle(table, [cause])
                self.unprocessed.append(given)
                continue
            table.read.spend(units, key)
            usage.read += units
            room -= size
            if row is not None:
                self.found.append(
                    rows.json_of(row) if paths is None else project(rows.item_of(row), paths)
                )
        return room

    def left_over(self) -> dict[str, Any]:
        """The request that would read what is missing."""
        return {**self._what, "Keys": self.unprocessed}


def _map(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise serialization("Expected map or null")
    return value


def _answer(request: Request, answer: dict[str, Any]) -> dict[str, Any]:
    if request.capacity != "NONE":
        answer["ConsumedCapacity"] = request.usage.answer(request.capacity)
    return answer
