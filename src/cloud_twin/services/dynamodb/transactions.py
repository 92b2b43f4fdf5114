"""TransactWriteItems and TransactGetItems: all or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import Item
from cloud_twin.services.dynamodb.conditional import Conditional
from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import (
    constraint,
    transaction_cancelled,
    validation,
)
from cloud_twin.services.dynamodb.expressions.paths import project
from cloud_twin.services.dynamodb.item_operations import measured, projection_of, updated_write
from cloud_twin.services.dynamodb.parameters import mapping, structures
from cloud_twin.services.dynamodb.table import Table, Write
from cloud_twin.services.dynamodb.throttling import count_throttles
from cloud_twin.services.dynamodb.tokens_seen import TokensSeen

ACTIONS_MAX = 100
BYTES_MAX = 4 * 1024 * 1024
TOKEN_CHARS_MAX = 36
FACTOR = 2
"""A transaction prepares and commits: twice the units."""
_NO_REASON = {"Code": "None"}
_VERBS = ("ConditionCheck", "Put", "Delete", "Update")
_ONE_ITEM = "Transaction request cannot include multiple operations on one item"


@dataclass(slots=True)
class _Action:
    verb: str
    table: Table
    key: bytes
    given: Item
    size: int
    conditional: Conditional
    row: bytes | None


def transact_write_items(request: Request) -> dict[str, Any]:
    """Carry out up to 100 actions, or none."""
    parameters = request.parameters
    token = parameters.get("ClientRequestToken")
    digest = b""
    if token is not None:
        if type(token) is not str or not 1 <= len(token) <= TOKEN_CHARS_MAX:
            raise constraint(
                token,
                "clientRequestToken",
                f"Member must have length less than or equal to {TOKEN_CHARS_MAX}",
            )
        digest = TokensSeen.digest(orjson.dumps(parameters.get("TransactItems")))
    actions = [_action(request, entry) for entry in _entries(parameters)]
    if len({(action.table.name, action.key) for action in actions}) != len(actions):
        raise validation(_ONE_ITEM)
    if token is not None and request.database.tokens_seen.repeats(token, digest):
        return _repeated(request, actions)
    writes = _prepared(request, actions)
    _check_capacity(request, actions, writes)
    for action, write in zip(actions, writes, strict=True):
        if write is None:
            units = _check_units(action)
            action.table.write.spend(units, action.key)
            request.usage.of(action.table).write += units
        else:
            write.spend(FACTOR)
            write.table.apply(write)
            request.usage.wrote(write, FACTOR)
    if token is not None:
        request.database.tokens_seen.add(token, digest)
    return _answer(request, {})


def _entries(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    entries = structures(parameters, "TransactItems")
    if not 1 <= len(entries) <= ACTIONS_MAX:
        rule = "less than or equal to 100" if entries else "greater than or equal to 1"
        raise constraint(
            f"[{len(entries)} items]", "transactItems", f"Member must have length {rule}"
        )
    return entries


def _action(request: Request, entry: dict[str, Any]) -> _Action:
    verbs = [verb for verb in _VERBS if entry.get(verb) is not None]
    if len(verbs) != 1:
        raise validation("TransactItems can only contain one of Check, Put, Update or Delete")
    verb = verbs[0]
    parameters = mapping(entry, verb)
    table = request.database.active(parameters)
    if verb == "Put":
        given = mapping(parameters, "Item")
        size = measured(given)
        key = table.schema.of_item(given)
    else:
        given = mapping(parameters, "Key")
        size = 0
        key = table.schema.of_key(given)
    conditional = Conditional.of(request, parameters)
    if verb == "ConditionCheck" and conditional.condition is None:
        raise constraint(
            None,
            "transactItems.1.member.conditionCheck.conditionExpression",
            "Member must not be null",
        )
    if verb == "Update" and conditional.update is None:
        raise constraint(
            None,
            "transactItems.1.member.update.updateExpression",
            "Member must not be null",
        )
    row = table.items.get(key)
    return _Action(verb, table, key, given, size, conditional, row)


def _prepared(request: Request, actions: list[_Action]) -> list[Write | None]:
    """The write of each action (None: only a check). Raises AwsError where one cannot be."""
    writes: list[Write | None] = []
    reasons: list[dict[str, Any]] = []
    for action in actions:
        try:
            reason, write = _outcome(action)
        except AwsError as error:
            if error.code != "ValidationException":
                raise
            reason, write = {"Code": "ValidationError", "Message": error.message}, None
        reasons.append(reason)
        writes.append(write)
    if any(reason is not _NO_REASON for reason in reasons):
        _count_failures(request, actions, reasons)
        raise transaction_cancelled(reasons)
    total = sum(len(write.row) for write in writes if write is not None and write.row is not None)
    if total > BYTES_MAX and _bytes_in(writes) > BYTES_MAX:
        raise validation("Collection size exceeded: the items of a transaction exceed 4 MB")
    return writes


def _bytes_in(writes: list[Write | None]) -> int:
    return sum(
        rows.size_of(write.row) for write in writes if write is not None and write.row is not None
    )


def _outcome(action: _Action) -> tuple[dict[str, Any], Write | None]:
    conditional, row, table = action.conditional, action.row, action.table
    needs_item = row is not None and (action.verb == "Update" or conditional.condition is not None)
    old_item = rows.item_of(row) if row is not None and needs_item else {}
    if not conditional.holds(old_item):
        reason: dict[str, Any] = {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
        }
        if conditional.shows_old and row is not None:
            reason["Item"] = old_item
        return reason, None
    if action.verb == "Put":
        return _NO_REASON, table.prepare(action.key, row, action.given, action.size)
    if action.verb == "Delete":
        return _NO_REASON, table.prepare(action.key, row)
    if action.verb == "Update":
        write, _ = updated_write(table, action.key, action.given, row, old_item, conditional)
        return _NO_REASON, write
    return _NO_REASON, None


def _check_units(action: _Action) -> int:
    size = 0 if action.row is None else rows.size_of(action.row)
    return rows.write_units(size) * FACTOR


def _count_failures(
    request: Request, actions: list[_Action], reasons: list[dict[str, Any]]
) -> None:
    """A cancelled transaction costs nothing here but is counted by table."""
    failed = {
        action.table.name
        for action, reason in zip(actions, reasons, strict=True)
        if reason["Code"] == "ConditionalCheckFailed"
    }
    for name in failed:
        request.database.metrics.put(
            "AWS/DynamoDB", "ConditionalCheckFailedRequests", (("TableName", name),), 1
        )


def _check_capacity(request: Request, actions: list[_Action], writes: list[Write | None]) -> None:
    reasons: list[dict[str, Any]] = []
    for action, write in zip(actions, writes, strict=True):
        if write is None:
            cause = action.table.write.refusal(_check_units(action), action.key)
            causes = [] if cause is None else [cause]
        else:
            causes = write.refusals(FACTOR)
        if not causes:
            reasons.append(_NO_REASON)
            continue
        count_throttles(request, action.table, "WriteThrottleEvents", causes)
        reasons.append(_throttle_reason(action.table))
    if any(reason is not _NO_REASON for reason in reasons):
        raise transaction_cancelled(reasons)


def _throttle_reason(table: Table) -> dict[str, Any]:
    if table.provisioned:
        return {
            "Code": "ProvisionedThroughputExceeded",
            "Message": "The level of configured provisioned throughput for the table was exceeded. "
            "Consider increasing your provisioning level with the UpdateTable API.",
        }
    return {
        "Code": "ThrottlingError",
        "Message": "Throughput exceeds the current capacity of your table or index.",
    }


def _repeated(request: Request, actions: list[_Action]) -> dict[str, Any]:
    """A request that was carried out before costs reading its items."""
    for action in actions:
        size = 0 if action.row is None else rows.size_of(action.row)
        units = rows.read_units(size, consistent=True) * FACTOR
        action.table.read.spend(units, action.key)
        request.usage.of(action.table).read += units
    return _answer(request, {})


def transact_get_items(request: Request) -> dict[str, Any]:
    """Read up to 100 items as of one moment."""
    reads = []
    for entry in _entries(request.parameters):
        get = mapping(entry, "Get")
        table = request.database.active(get)
        key = table.schema.of_key(mapping(get, "Key"))
        reads.append((table, key, projection_of(request, get)))
    if len({(table.name, key) for table, key, _ in reads}) != len(reads):
        raise validation(_ONE_ITEM)
    found = [(table, key, table.items.get(key), paths) for table, key, paths in reads]
    costs = [
        rows.read_units(0 if row is None else rows.size_of(row), consistent=True) * FACTOR
        for _, _, row, _ in found
    ]
    reasons: list[dict[str, Any]] = []
    for (table, key, _, _), units in zip(found, costs, strict=True):
        cause = table.read.refusal(units, key)
        if cause is None:
            reasons.append(_NO_REASON)
        else:
            count_throttles(request, table, "ReadThrottleEvents", [cause])
            reasons.append(_throttle_reason(table))
    if any(reason is not _NO_REASON for reason in reasons):
        raise transaction_cancelled(reasons)
    responses: list[dict[str, Any]] = []
    for (table, key, row, paths), units in zip(found, costs, strict=True):
        table.read.spend(units, key)
        request.usage.of(table).read += units
        if row is None:
            responses.append({})
        elif paths is None:
            responses.append({"Item": rows.json_of(row)})
        else:
            responses.append({"Item": project(rows.item_of(row), paths)})
    return _answer(request, {"Responses": responses})


def _answer(request: Request, answer: dict[str, Any]) -> dict[str, Any]:
    if request.capacity != "NONE":
        answer["ConsumedCapacity"] = request.usage.answer(request.capacity, split=True)
    return answer
