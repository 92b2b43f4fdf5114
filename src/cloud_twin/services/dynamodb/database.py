"""All tables of the twin's DynamoDB and what its operations share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from cloud_twin.clock import Clock
from cloud_twin.meter import Meter
from cloud_twin.service import Call, MetricSink, Surroundings
from cloud_twin.services.dynamodb.errors import constraint, table_not_found
from cloud_twin.services.dynamodb.expressions.binding import ExpressionCache
from cloud_twin.services.dynamodb.quotas import Quotas
from cloud_twin.services.dynamodb.sorted_rows import SortedRows
from cloud_twin.services.dynamodb.table import Table
from cloud_twin.services.dynamodb.tokens_seen import TokensSeen
from cloud_twin.services.dynamodb.usage import Usage, capacity_mode


class Database:
    """Tables, quotas and what is left to do in the background."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.clock: Clock = surroundings.clock
        self.meter: Meter = surroundings.meter
        self.metrics: MetricSink = surroundings.metrics
        self.account_id = surroundings.account_id
        self.quotas = Quotas()
        self.expressions = ExpressionCache()
        self.tokens_seen = TokensSeen(surroundings.clock)
        self.tables: dict[str, Table] = {}
        self.discarded: deque[SortedRows] = deque()
        """Rows of deleted tables, freed in steps."""
        self.backfills: deque[tuple[Table, Iterator[None]]] = deque()
        """Indexes and expiry times that are being built."""

    def find(self, parameters: dict[str, Any]) -> Table | None:
        """The table that ``TableName`` (a name or an ARN) means."""
        name = parameters.get("TableName")
        if type(name) is not str:
            raise constraint(None, "tableName", "Member must not be null")
        found = self.tables.get(name)
        if found is None and name.startswith("arn:"):
            found = self.tables.get(name.rpartition("/")[2])
        return found

    def described(self, parameters: dict[str, Any]) -> Table:
        """For operations on tables. Raises AwsError where there is none."""
        table = self.find(parameters)
        if table is None:
            raise table_not_found(str(parameters["TableName"]))
        return table

    def active(self, parameters: dict[str, Any]) -> Table:
        """For operations on items. Raises AwsError where there is none or it is not ACTIVE yet."""
        table = self.find(parameters)
        if table is None or self.is_creating(table):
            raise table_not_found()
        return table

    def is_creating(self, table: Table) -> bool:
        """Whether the table's status is CREATING."""
        return table.active_from_s > self.clock.monotonic_s()

    def discard(self, table: Table) -> None:
        """Forget a table."""
        del self.tables[table.name]
        self.discarded.append(table.items)
        self.discarded.extend(index.entries for index in table.indexes.values())

    def reset(self) -> None:
        """Forget everything; back to the default quotas."""
        for table in list(self.tables.values()):
            self.discard(table)
        self.quotas = Quotas()
        self.backfills.clear()
        self.tokens_seen = TokensSeen(self.clock)


class Request:
    """One call to an operation."""

    __slots__ = ("call", "capacity", "database", "parameters", "usage")

    def __init__(self, database: Database, call: Call) -> None:
        self.database = database
        self.call = call
        self.parameters = call.parameters
        self.capacity = capacity_mode(call.parameters)
        """How much of the consumed capacity the caller wants to know."""
        self.usage = Usage()
