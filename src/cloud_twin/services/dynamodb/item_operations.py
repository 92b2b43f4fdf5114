"""PutItem, GetItem, UpdateItem and DeleteItem."""

from __future__ import annotations

from typing import Any, cast

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import ITEM_BYTES_MAX, Item, measure_item
from cloud_twin.services.dynamodb.conditional import Conditional
from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import validation
from cloud_twin.services.dynamodb.expressions.binding import bind
from cloud_twin.services.dynamodb.expressions.paths import check_apart, project
from cloud_twin.services.dynamodb.expressions.tree import Kind, Projection, Update
from cloud_twin.services.dynamodb.expressions.updates import Updated, update
from cloud_twin.services.dynamodb.parameters import (
    choice,
    flag,
    mapping,
    names_missing_expressions,
    refuse_legacy,
)
from cloud_twin.services.dynamodb.table import Table, Write
from cloud_twin.services.dynamodb.throttling import check_read, check_write

TOO_LARGE = "Item size has exceeded the maximum allowed size"
TOO_LARGE_UPDATED = "Item size to update has exceeded the maximum allowed size"


def measured(item: Item, message: str = TOO_LARGE) -> int:
    """The item's size in bytes. Raises AwsError beyond 400 KB or for a value that cannot be."""
    size = measure_item(item)
    if size > ITEM_BYTES_MAX:
        raise validation(message)
    return size


def put_item(request: Request) -> dict[str, Any]:
    """Write a whole item, if the condition holds."""
    parameters = request.parameters
    refuse_legacy(parameters)
    names_missing_expressions(parameters, (Kind.CONDITION,))
    returning = choice(parameters, "ReturnValues", RETURN_VALUES, "NONE")
    if returning not in ("NONE", "ALL_OLD"):
        raise validation("ReturnValues can only be ALL_OLD or NONE")
    table = request.database.active(parameters)
    item = mapping(parameters, "Item")
    size = measured(item)
    key = table.schema.of_item(item)
    conditional = Conditional.of(request, parameters)
    old_row = table.items.get(key)
    write = table.prepare(key, old_row, item, size)
    _write(request, write, conditional)
    return _answer(request, _old(returning, old_row))


def delete_item(request: Request) -> dict[str, Any]:
    """Delete an item, if it is there and the condition holds."""
    parameters = request.parameters
    refuse_legacy(parameters)
    names_missing_expressions(parameters, (Kind.CONDITION,))
    returning = choice(parameters, "ReturnValues", RETURN_VALUES, "NONE")
    if returning not in ("NONE", "ALL_OLD"):
        raise validation("ReturnValues can only be ALL_OLD or NONE")
    table = request.database.active(parameters)
    key = table.schema.of_key(mapping(parameters, "Key"))
    conditional = Conditional.of(request, parameters)
    old_row = table.items.get(key)
    _write(request, table.prepare(key, old_row), conditional)
    return _answer(request, _old(returning, old_row))


RETURN_VALUES = ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")


def update_item(request: Request) -> dict[str, Any]:
    """Change an item, or make it, if the condition holds."""
    parameters = request.parameters
    refuse_legacy(parameters)
    names_missing_expressions(parameters, (Kind.UPDATE, Kind.CONDITION))
    returning = choice(parameters, "ReturnValues", RETURN_VALUES, "NONE")
    table = request.database.active(parameters)
    key_item = mapping(parameters, "Key")
    key = table.schema.of_key(key_item)
    conditional = Conditional.of(request, parameters)
    old_row = table.items.get(key)
    old_item = {} if old_row is None else rows.item_of(old_row)
    if not conditional.holds(old_item):
        check_write(request, table.prepare(key, old_row))
        raise _failed(request, table, key, old_row, conditional)
    write, updated = updated_write(table, key, key_item, old_row, old_item, conditional)
    check_write(request, write)
    _carry_out(request, write)
    return _answer(request, _update_values(returning, old_item, updated))


def updated_write(
    table: Table,
    key: bytes,
    key_item: Item,
    old_row: bytes | None,
    old_item: Item,
    conditional: Conditional,
) -> tuple[Write, Updated]:
    """The write that an update comes to. Raises AwsError where it cannot be applied."""
    before = old_item if old_row is not None else dict(key_item)
    updated = Updated(before, ())
    if conditional.update is not None:
        actions = cast(Update, conditional.update.root)
        updated = update(actions, before, conditional.bindings, table.schema.names)
    size = measured(updated.item, TOO_LARGE_UPDATED)
    return table.prepare(key, old_row, updated.item, size, old_item), updated


def get_item(request: Request) -> dict[str, Any]:
    """Read one item."""
    parameters = request.parameters
    refuse_legacy(parameters)
    names_missing_expressions(parameters, (Kind.PROJECTION,))
    table = request.database.active(parameters)
    key = table.schema.of_key(mapping(parameters, "Key"))
    row = table.items.get(key)
    size = 0 if row is None else rows.size_of(row)
    units = rows.read_units(size, flag(parameters, "ConsistentRead"))
    answer: dict[str, Any] = {}
    paths = projection_of(request, parameters)
    check_read(request, table, None, units, key)
    table.read.spend(units, key)
    request.usage.of(table).read += units
    if row is not None:
        answer["Item"] = rows.json_of(row) if paths is None else project(rows.item_of(row), paths)
    return _answer(request, answer)


def projection_of(
    request: Request, parameters: dict[str, Any]
) -> tuple[tuple[str | int, ...], ...] | None:
    """The paths of a ProjectionExpression; None: the whole item."""
    text = parameters.get("ProjectionExpression")
    if text is None:
        return None
    parsed = request.database.expressions.get(Kind.PROJECTION, text)
    bindings = bind(parameters, (parsed,))
    paths = tuple(bindings.resolve(path) for path in cast(Projection, parsed.root))
    check_apart(Kind.PROJECTION, paths)
    return paths


def _write(request: Request, write: Write, conditional: Conditional) -> None:
    check_write(request, write)
    if conditional.condition is not None:
        old_row = write.old_row
        old_item = write.old_item
        if old_item is None:
            old_item = {} if old_row is None else rows.item_of(old_row)
        if not conditional.holds(old_item):
            raise _failed(request, write.table, write.key, old_row, conditional)
    _carry_out(request, write)


def _carry_out(request: Request, write: Write) -> None:
    write.spend()
    write.table.apply(write)
    request.usage.wrote(write)


def _failed(
    request: Request, table: Table, key: bytes, old_row: bytes | None, conditional: Conditional
) -> AwsError:
    """A failed condition costs what the present item weighs."""
    units = rows.write_units(0 if old_row is None else rows.size_of(old_row))
    table.write.spend(units, key)
    request.usage.of(table).write += units
    return conditional.failure(old_row)


def _old(returning: str, old_row: bytes | None) -> dict[str, Any]:
    if returning == "NONE" or old_row is None:
        return {}
    return {"Attributes": rows.json_of(old_row)}


def _update_values(returning: str, old_item: Item, updated: Updated) -> dict[str, Any]:
    attributes: Item = {}
    if returning == "ALL_OLD":
        attributes = old_item
    elif returning == "ALL_NEW":
        attributes = updated.item
    elif returning == "UPDATED_OLD" and updated.paths:
        attributes = project(old_item, updated.paths)
    elif returning == "UPDATED_NEW" and updated.paths:
        attributes = project(updated.item, updated.paths)
    return {"Attributes": attributes} if attributes else {}


def _answer(request: Request, answer: dict[str, Any]) -> dict[str, Any]:
    if request.capacity != "NONE":
        answer["ConsumedCapacity"] = request.usage.answer(request.capacity)[0]
    return answer
