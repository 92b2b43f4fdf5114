"""CreateTable, DescribeTable, DeleteTable, ListTables and DescribeLimits."""

from __future__ import annotations

import uuid
from bisect import bisect_right
from typing import Any

from cloud_twin.service import arn
from cloud_twin.services.dynamodb.database import Database, Request
from cloud_twin.services.dynamodb.errors import (
    limit_exceeded,
    resource_in_use,
    validation,
)
from cloud_twin.services.dynamodb.index import Index
from cloud_twin.services.dynamodb.parameters import (
    flag,
    text,
    whole_number,
)
from cloud_twin.services.dynamodb.table import Table
from cloud_twin.services.dynamodb.table_description import describe
from cloud_twin.services.dynamodb.table_settings import (
    IndexPlan,
    Settings,
    billing_mode,
    check_all_used,
    checked_name,
    definitions_of,
    index_plans,
    refuse_unserved,
    schema_of,
    settings_of,
)
from cloud_twin.services.dynamodb.tagging import tags_of
from cloud_twin.services.dynamodb.throughput import Direction, Throughput


def create_table(request: Request) -> dict[str, Any]:
    """Make a table. It is ACTIVE as soon as the quota ``table_creation_s`` has passed."""
    database, parameters = request.database, request.parameters
    quotas = database.quotas
    name = checked_name(parameters.get("TableName"), "tableName")
    refuse_unserved(parameters)
    definitions = definitions_of(parameters)
    schema = schema_of(parameters, definitions)
    mode = billing_mode(parameters, "PROVISIONED")
    settings = settings_of(parameters, mode, quotas)
    plans = index_plans(parameters, definitions, mode, quotas)
    check_all_used(definitions, [schema, *(plan.schema for plan in plans)])
    if name in database.tables:
        raise resource_in_use(f"Table already exists: {name}")
    if len(database.tables) >= quotas.tables:
        raise limit_exceeded(
            f"Too many tables: the limit of {quotas.tables:g} tables in this Region is reached"
        )
    if mode == "PROVISIONED":
        check_account(database, [settings, *(plan.settings for plan in plans)], without=None)
    table_arn = arn("dynamodb", request.call.region, f"table/{name}", database.account_id)
    now_wall_s = database.clock.wall_s()
    table = Table(
        name,
        table_arn,
        str(uuid.uuid4()),
        schema,
        definitions,
        now_wall_s,
        database.clock.monotonic_s() + quotas.table_creation_s,
        *_throughputs(database, table_arn, "Table", settings),
        tags=tags_of(parameters),
        deletion_protected=flag(parameters, "DeletionProtectionEnabled"),
        table_class=text(parameters, "TableClass") or "STANDARD",
        on_demand_since_wall_s=now_wall_s if mode == "PAY_PER_REQUEST" else None,
    )
    for plan in plans:
        table.indexes[plan.name] = index_of(database, table, plan)
    database.tables[name] = table
    return {"TableDescription": describe(table, "CREATING")}


def _throughputs(
    database: Database, resource: str, place: str, settings: Settings
) -> tuple[Throughput, Throughput]:
    quotas, clock = database.quotas, database.clock
    return (
        Throughput(resource, place, Direction.READ, settings.read, quotas, clock),
        Throughput(resource, place, Direction.WRITE, settings.write, quotas, clock),
    )


def index_of(database: Database, table: Table, plan: IndexPlan) -> Index:
    """A new index, still empty."""
    index_arn = f"{table.arn}/index/{plan.name}"
    read, write = _throughputs(database, index_arn, "Index", plan.settings)
    return Index(
        plan.name,
        index_arn,
        plan.schema,
        plan.projection,
        plan.included,
        table.schema.names,
        read,
        write,
    )


def check_account(database: Database, asked: list[Settings], without: Table | None) -> None:
    """Raise AwsError where all provisioned throughput together would exceed the account's."""
    quotas = database.quotas
    present = [
        (holder.read.setting, holder.write.setting)
        for table in database.tables.values()
        if table is not without and table.provisioned
        for holder in table.holders
    ]
    present += [(settings.read, settings.write) for settings in asked]
    for word, place, highest in (
        ("ReadCapacityUnits", 0, quotas.account_read_units_s),
        ("WriteCapacityUnits", 1, quotas.account_write_units_s),
    ):
        total = sum(pair[place].units_s for pair in present)
        if total > highest:
            raise limit_exceeded(
                f"The requested provisioned throughput brings the account's {word} to {total:g}, "
                f"above its limit of {highest:g}"
            )


def status_of(database: Database, table: Table) -> str:
    """``CREATING``, ``UPDATING`` or ``ACTIVE``."""
    if database.is_creating(table):
        return "CREATING"
    if any(index.status != "ACTIVE" for index in table.indexes.values()):
        return "UPDATING"
    return "ACTIVE"


def describe_table(request: Request) -> dict[str, Any]:
    """Everything about one table."""
    table = request.database.described(request.parameters)
    return {"Table": describe(table, status_of(request.database, table))}


def delete_table(request: Request) -> dict[str, Any]:
    """Delete a table; its rows are freed in the background."""
    database = request.database
    table = database.described(request.parameters)
    if table.deletion_protected:
        raise validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable "
            "deletion protection first."
        )
    status = status_of(database, table)
    if status != "ACTIVE":
        word = "created" if status == "CREATING" else "updated"
        raise resource_in_use(
            f"Attempt to change a resource which is still in use: Table is being {word}: "
            f"{table.name}"
        )
    described = describe(table, "DELETING")
    database.discard(table)
    return {"TableDescription": described}


def list_tables(request: Request) -> dict[str, Any]:
    """Names of tables in order, up to 100 at a time."""
    limit = whole_number(request.parameters, "Limit", 1, 100) or 100
    after = text(request.parameters, "ExclusiveStartTableName")
    names = sorted(request.database.tables)
    start = bisect_right(names, after) if after is not None else 0
    page = names[start : start + limit]
    answer: dict[str, Any] = {"TableNames": page}
    if start + limit < len(names):
        answer["LastEvaluatedTableName"] = page[-1]
    return answer


def describe_limits(request: Request) -> dict[str, Any]:
    """The account's quotas of provisioned throughput."""
    quotas = request.database.quotas
    return {
        "AccountMaxReadCapacityUnits": int(quotas.account_read_units_s),
        "AccountMaxWriteCapacityUnits": int(quotas.account_write_units_s),
        "TableMaxReadCapacityUnits": int(quotas.table_read_units_s),
        "TableMaxWriteCapacityUnits": int(quotas.table_write_units_s),
    }
