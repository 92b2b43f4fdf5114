"""Query and Scan: pages of items in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import orjson

from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import Item
from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import validation
from cloud_twin.services.dynamodb.expressions.conditions import check_types, holds
from cloud_twin.services.dynamodb.expressions.key_conditions import KeyRange, key_range
from cloud_twin.services.dynamodb.expressions.paths import project
from cloud_twin.services.dynamodb.expressions.tree import Condition, Kind, paths_in
from cloud_twin.services.dynamodb.index import Projection
from cloud_twin.services.dynamodb.keys import KEY_SPACE
from cloud_twin.services.dynamodb.parameters import (
    names_missing_expressions,
    refuse_legacy,
    whole_number,
)
from cloud_twin.services.dynamodb.search_shape import SearchShape
from cloud_twin.services.dynamodb.start_keys import last_key, start_key
from cloud_twin.services.dynamodb.throttling import check_read
from cloud_twin.services.dynamodb.usage import NAMESPACE

PAGE_BYTES_MAX = 1024 * 1024
SEGMENTS_MAX = 1_000_000


@dataclass(slots=True)
class _Page:
    found: list[orjson.Fragment | Item]
    count: int = 0
    scanned: int = 0
    size_bytes: int = 0
    last: bytes | None = None
    """The row that it ended with, where more may follow."""


def query(request: Request) -> dict[str, Any]:
    """Items of one partition key, by their sort key."""
    parameters = request.parameters
    refuse_legacy(parameters)
    text = parameters.get("KeyConditionExpression")
    if text is None:
        raise validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in "
            "the request."
        )
    parsed = request.database.expressions.get(Kind.KEY_CONDITION, text)
    shape = SearchShape.of(request, parsed)
    schema = shape.table.schema if shape.index is None else shape.index.schema
    condition = cast(Condition, parsed.root)
    check_types(Kind.KEY_CONDITION, condition, shape.bindings)
    keys = key_range(condition, shape.bindings, schema)
    for path in paths_in(shape.filter) if shape.filter is not None else ():
        name = shape.bindings.resolve(path)[0]
        if name in schema.names:
            raise validation(
                "Filter Expression can only contain non-primary key attributes: Primary key "
                f"attribute: {name}"
            )
    forward = parameters.get("ScanIndexForward") is not False
    return _answer(request, shape, _left(parameters, shape, keys, forward), forward)


def scan(request: Request) -> dict[str, Any]:
    """All items, or those of one segment."""
    parameters = request.parameters
    names_missing_expressions(parameters, (Kind.FILTER, Kind.PROJECTION))
    shape = SearchShape.of(request, None)
    keys = _segment(parameters)
    return _answer(request, shape, _left(parameters, shape, keys, True), True)


def _segment(parameters: dict[str, Any]) -> KeyRange:
    number = whole_number(parameters, "Segment", 0, SEGMENTS_MAX - 1)
    total = whole_number(parameters, "TotalSegments", 1, SEGMENTS_MAX)
    if number is None and total is None:
        return KeyRange(b"", None)
    if number is None or total is None:
        names = ["Segment", "TotalSegments"]
        absent, given = names if number is None else reversed(names)
        raise validation(
            f"The {absent} parameter is required but was not present in the request when "
            f"parameter {given} is present"
        )
    if number >= total:
        raise validation(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {number} is not less than TotalSegments: {total}"
        )
    lower, upper = (-(-KEY_SPACE * edge // total) for edge in (number, number + 1))
    end = None if upper >= KEY_SPACE else upper.to_bytes(4, "big")
    return KeyRange(lower.to_bytes(4, "big") if lower else b"", end)


def _left(
    parameters: dict[str, Any], shape: SearchShape, keys: KeyRange, forward: bool
) -> KeyRange:
    """The keys that are left after an ExclusiveStartKey."""
    given = parameters.get("ExclusiveStartKey")
    if given is None:
        return keys
    start = start_key(given, shape.table, shape.index)
    if start < keys.lower or (keys.upper is not None and start >= keys.upper):
        raise validation(
            "The provided starting key is outside query boundaries based on provided conditions"
        )
    if forward:
        return KeyRange(start + b"\x00", keys.upper)
    return KeyRange(keys.lower, start)


def _answer(request: Request, shape: SearchShape, keys: KeyRange, forward: bool) -> dict[str, Any]:
    table, index = shape.table, shape.index
    # What a page costs is known afterwards; the least that it can cost must be there before.
    check_read(request, table, index, rows.read_units(0, shape.consistent), keys.lower)
    page = _page(shape, keys, forward)
    units = rows.read_units(page.size_bytes, shape.consistent)
    usage = request.usage.of(table)
    if index is None:
        table.read.spend(units, keys.lower)
        usage.read += units
    else:
        index.read.spend(units, keys.lower)
        usage.index_read[index.name] = units
    answer: dict[str, Any] = {"Count": page.count, "ScannedCount": page.scanned}
    if not shape.counts_only:
        answer["Items"] = page.found
    if page.last is not None:
        answer["LastEvaluatedKey"] = last_key(table, index, page.last)
    if request.capacity != "NONE":
        answer["ConsumedCapacity"] = request.usage.answer(request.capacity)[0]
    dimensions = (("TableName", table.name), ("Operation", request.call.operation))
    request.database.metrics.put(NAMESPACE, "ReturnedItemCount", dimensions, page.count)
    return answer


def _pairs(shape: SearchShape, keys: KeyRange, forward: bool) -> Iterator[tuple[bytes, bytes]]:
    if keys.empty:
        return iter(())
    entries = shape.table.items if shape.index is None else shape.index.entries
    walk = entries.forward if forward else entries.backward
    return walk(keys.lower, keys.upper)


def _page(shape: SearchShape, keys: KeyRange, forward: bool) -> _Page:
    """One page: it ends at the limit, or where one more item would make it exceed 1 MB."""
    page = _Page([])
    index = shape.index
    partial = index is not None and index.projection is not Projection.ALL
    plain = shape.filter is None and shape.paths is None and not partial
    before: bytes | None = None
    for _, row in _pairs(shape, keys, forward):
        item: Item | None = None
        if partial and index is not None:
            item = index.projected(rows.item_of(row))
            size = index.size_of(item, row)
        else:
            size = rows.size_of(row)
        if page.size_bytes + size > PAGE_BYTES_MAX and before is not None:
            page.last = before
            break
        page.size_bytes += size
        page.scanned += 1
        before = row
        if plain:
            page.count += 1
            if not shape.counts_only:
                page.found.append(rows.json_of(row))
        else:
            _add(page, shape, rows.item_of(row) if item is None else item)
        if page.scanned == shape.limit:
            page.last = row
            break
    return page


def _add(page: _Page, shape: SearchShape, item: Item) -> None:
    if shape.filter is not None and not holds(shape.filter, item, shape.bindings):
        return
    page.count += 1
    if not shape.counts_only:
        page.found.append(item if shape.paths is None else project(item, shape.paths))
