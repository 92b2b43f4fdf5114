"""UpdateTable: billing mode, throughput, protection, indexes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.database import Database, Request
from cloud_twin.services.dynamodb.errors import (
    invalid,
    limit_exceeded,
    resource_in_use,
    validation,
)
from cloud_twin.services.dynamodb.index import Index
from cloud_twin.services.dynamodb.keys import KeySchema
from cloud_twin.services.dynamodb.parameters import flag, mapping, structures, text
from cloud_twin.services.dynamodb.table import Table
from cloud_twin.services.dynamodb.table_description import describe
from cloud_twin.services.dynamodb.table_operations import check_account, index_of, status_of
from cloud_twin.services.dynamodb.table_settings import (
    INDEXES_MAX,
    IndexPlan,
    Settings,
    billing_mode,
    definitions_of,
    index_plan,
    refuse_unserved,
    settings_of,
)

BACKFILL_ROWS = 50
"""Rows of one step: well under a millisecond."""


def update_table(request: Request) -> dict[str, Any]:
    """Change billing mode, throughput, protection or indexes."""
    database, parameters = request.database, request.parameters
    table = database.described(parameters)
    refuse_unserved(parameters)
    if status_of(database, table) != "ACTIVE":
        raise resource_in_use(
            f"Attempt to change a resource which is still in use: Table is being updated: "
            f"{table.name}"
        )
    before = "PROVISIONED" if table.provisioned else "PAY_PER_REQUEST"
    mode = billing_mode(parameters, before)
    updates: list[dict[str, Any]] = []
    if parameters.get("GlobalSecondaryIndexUpdates") is not None:
        updates = structures(parameters, "GlobalSecondaryIndexUpdates")
    changes_capacity = mode != before or any(
        name in parameters
        for name in ("ProvisionedThroughput", "OnDemandThroughput", "WarmThroughput")
    )
    if not changes_capacity and not updates and "DeletionProtectionEnabled" not in parameters:
        raise validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    planned = _planned_updates(database, table, parameters, updates, mode)
    if changes_capacity:
        _change_capacity(database, table, mode, settings_of(parameters, mode, database.quotas))
    if "DeletionProtectionEnabled" in parameters:
        table.deletion_protected = flag(parameters, "DeletionProtectionEnabled")
    for verb, index, plan in planned:
        _update_index(database, table, verb, index, plan)
    return {"TableDescription": describe(table, "UPDATING")}


def _change_capacity(database: Database, table: Table, mode: str, settings: Settings) -> None:
    if mode == "PROVISIONED":
        of_indexes = [
            Settings(index.read.setting, index.write.setting) for index in table.indexes.values()
        ]
        check_account(database, [settings, *of_indexes], without=table)
    now_wall_s = database.clock.wall_s()
    lowered = settings.read.units_s < table.read.setting.units_s
    lowered |= settings.write.units_s < table.write.setting.units_s
    if mode == "PAY_PER_REQUEST" and table.provisioned:
        table.on_demand_since_wall_s = now_wall_s
    elif mode == "PROVISIONED":
        table.decreases += lowered and table.provisioned
        table.changed_wall_s = now_wall_s
    table.read.change(settings.read, database.quotas)
    table.write.change(settings.write, database.quotas)
    for index in table.indexes.values():
        if index.read.setting.provisioned != (mode == "PROVISIONED"):
            index.read.change(settings.read, database.quotas)
            index.write.change(settings.write, database.quotas)


def _planned_updates(
    database: Database,
    table: Table,
    parameters: dict[str, Any],
    updates: list[dict[str, Any]],
    mode: str,
) -> list[tuple[str, Index | None, IndexPlan | Settings | None]]:
    """Index changes, all checked before any is made."""
    planned: list[tuple[str, Index | None, IndexPlan | Settings | None]] = []
    for entry in updates:
        verbs = [verb for verb in ("Create", "Update", "Delete") if entry.get(verb)]
        if len(verbs) != 1:
            raise invalid(
                "Each GlobalSecondaryIndexUpdate must have exactly one of Create, Update, Delete"
            )
        verb, what = verbs[0], mapping(entry, verbs[0])
        name = text(what, "IndexName") or ""
        index = table.indexes.get(name)
        if verb == "Create":
            planned.append((verb, None, _new_index_plan(database, table, parameters, what, mode)))
        elif index is None:
            raise AwsError(
                "ResourceNotFoundException",
                f"Requested resource not found: Index {name} of table {table.name} not found",
            )
        elif verb == "Update":
            settings = settings_of(what, mode, database.quotas, name)
            planned.append((verb, index, settings))
        else:
            planned.append((verb, index, None))
    return planned


def _new_index_plan(
    database: Database, table: Table, parameters: dict[str, Any], what: dict[str, Any], mode: str
) -> IndexPlan:
    if what.get("IndexName") in table.indexes:
        raise validation(
            f"Attempting to create an index which already exists: {what.get('IndexName')}"
        )
    if len(table.indexes) >= INDEXES_MAX:
        raise limit_exceeded("GlobalSecondaryIndex count exceeds the per-table limit of 20")
    known = {one["AttributeName"]: one for one in table.definitions}
    if "AttributeDefinitions" in parameters:
        known |= {one["AttributeName"]: one for one in definitions_of(parameters)}
    return index_plan(what, list(known.values()), mode, database.quotas)


def _update_index(
    database: Database,
    table: Table,
    verb: str,
    index: Index | None,
    plan: IndexPlan | Settings | None,
) -> None:
    if isinstance(plan, IndexPlan):
        index = index_of(database, table, plan)
        index.status = "CREATING"
        table.indexes[plan.name] = index
        _define(table)
        database.backfills.append((table, _backfill(table, index)))
    elif index is not None and isinstance(plan, Settings):
        index.read.change(plan.read, database.quotas)
        index.write.change(plan.write, database.quotas)
    elif index is not None and verb == "Delete":
        del table.indexes[index.name]
        database.discarded.append(index.entries)
        _define(table)


def _define(table: Table) -> None:
    """Keep definitions for exactly the attributes that are keys somewhere."""
    schemas: Iterator[KeySchema] = chain(
        (table.schema,), (index.schema for index in table.indexes.values())
    )
    kinds = {one.name: one.kind for schema in schemas for one in schema.attributes}
    table.definitions = [
        {"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()
    ]


def _backfill(table: Table, index: Index) -> Iterator[None]:
    """Put the items that are there into a new index, some at a time.

    Items whose key attributes have the wrong type stay outside, as on AWS.
    """
    for part in table.walk(BACKFILL_ROWS):
        for key, row in part:
            item = rows.item_of(row)
            try:
                index_key = index.key_of(item, key)
            except AwsError:
                continue
            if index_key is not None and index.entries.get(index_key) is None:
                index.entries.put(index_key, row)
                index.size_bytes += index.size_of(item, row)
        yield
    index.status = "ACTIVE"
