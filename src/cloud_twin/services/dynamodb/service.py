"""The twin's DynamoDB as a service: dispatch, metrics, quotas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call, Protocols, Route, Surroundings
from cloud_twin.services.dynamodb import (
    batch_operations,
    item_operations,
    searches,
    table_changes,
    table_operations,
    tagging,
    time_to_live,
    transactions,
)
from cloud_twin.services.dynamodb.database import Database, Request
from cloud_twin.services.dynamodb.housekeeping import Housekeeping
from cloud_twin.services.dynamodb.throttling import THROTTLES
from cloud_twin.services.dynamodb.usage import NAMESPACE

Operation = Callable[[Request], dict[str, Any]]

OPERATIONS: Mapping[str, Operation] = {
    "BatchGetItem": batch_operations.batch_get_item,
    "BatchWriteItem": batch_operations.batch_write_item,
    "CreateTable": table_operations.create_table,
    "DeleteItem": item_operations.delete_item,
    "DeleteTable": table_operations.delete_table,
    "DescribeContinuousBackups": tagging.describe_continuous_backups,
    "DescribeLimits": table_operations.describe_limits,
    "DescribeTable": table_operations.describe_table,
    "DescribeTimeToLive": time_to_live.describe_time_to_live,
    "GetItem": item_operations.get_item,
    "ListTables": table_operations.list_tables,
    "ListTagsOfResource": tagging.list_tags_of_resource,
    "PutItem": item_operations.put_item,
    "Query": searches.query,
    "Scan": searches.scan,
    "TagResource": tagging.tag_resource,
    "TransactGetItems": transactions.transact_get_items,
    "TransactWriteItems": transactions.transact_write_items,
    "UntagResource": tagging.untag_resource,
    "UpdateItem": item_operations.update_item,
    "UpdateTable": table_changes.update_table,
    "UpdateTimeToLive": time_to_live.update_time_to_live,
}

_CAPACITY_CHANGES = frozenset({"CreateTable", "DeleteTable", "UpdateTable"})
_READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})
_NOT_USER_ERRORS = frozenset({"ConditionalCheckFailedException", *THROTTLES})


class DynamoDb:
    """DynamoDB: tables, items, expressions, capacity."""

    name = "dynamodb"
    signing_names: tuple[str, ...] = ("dynamodb",)
    protocol = Protocols.JSON_1_0
    target_prefix = "DynamoDB_20120810"
    error_namespace = "com.amazonaws.dynamodb.v20120810#"
    routes: Sequence[Route] = ()
    served = frozenset(OPERATIONS)

    def __init__(self, surroundings: Surroundings) -> None:
        self._database = Database(surroundings)
        self._housekeeping = Housekeeping(self._database)
        self._clock = surroundings.clock
        self._metrics = surroundings.metrics

    def handle(self, call: Call) -> Answer:
        """Carry out one call, at once. Raises ``AwsError``."""
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise AwsError("UnknownOperationException", f"Unknown operation: {call.operation}")
        if call.operation in _CAPACITY_CHANGES:
            self._housekeeping.meter()  # up to here the old settings hold
        started_s = self._clock.monotonic_s()
        request = Request(self._database, call)
        try:
            answer = operation(request)
        except AwsError as error:
            self._report_error(request, error)
            raise
        finally:
            request.usage.report(self._metrics, self._database.meter)
        self._report_latency(request, (self._clock.monotonic_s() - started_s) * 1000)
        self._housekeeping.start()
        return Answer(orjson.dumps(answer))

    def _report_latency(self, request: Request, latency_ms: float) -> None:
        of_operation = ("Operation", request.call.operation)
        for table in request.usage.tables():
            self._metrics.put(
                NAMESPACE,
                "SuccessfulRequestLatency",
                (("TableName", table), of_operation),
                latency_ms,
                "Milliseconds",
            )

    def _report_error(self, request: Request, error: AwsError) -> None:
        put = self._metrics.put
        names = _tables_named(request.parameters)
        of_operation = ("Operation", request.call.operation)
        if error.code == "ConditionalCheckFailedException":
            for name in names:
                put(NAMESPACE, "ConditionalCheckFailedRequests", (("TableName", name),), 1)
        elif error.code in THROTTLES or error.status >= 500:
            metric = "ThrottledRequests" if error.code in THROTTLES else "SystemErrors"
            for name in names:
                put(NAMESPACE, metric, (("TableName", name), of_operation), 1)
        if error.code not in _NOT_USER_ERRORS and error.status < 500:
            put(NAMESPACE, "UserErrors", (), 1)

    def count_refusal(self, call: Call, error: AwsError, *, carried_out: bool = False) -> None:
        """Metrics show an error of a fault plan as they show any other."""
        if error.code in THROTTLES:
            metric = "ReadThrottleEvents" if call.operation in _READS else "WriteThrottleEvents"
            for name in _tables_named(call.parameters):
                self._metrics.put(NAMESPACE, metric, (("TableName", name),), 1)
        self._report_error(Request(self._database, call), error)

    def step(self) -> bool:
        """Do one piece of background work now; whether there is more."""
        return self._housekeeping.step()

    def limits(self) -> dict[str, float]:
        """Quotas in force; see ``Quotas`` for their meaning."""
        return self._database.quotas.as_dict()

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change quotas, at once and for tables that are there. Raises ``TwinError``."""
        database = self._database
        database.quotas = database.quotas.changed(changes)
        for table in database.tables.values():
            for holder in table.holders:
                for throughput in (holder.read, holder.write):
                    throughput.change(throughput.setting, database.quotas)

    async def reset(self) -> None:
        """Forget all tables; back to AWS's default quotas."""
        self._database.reset()
        self._housekeeping.start()

    async def close(self) -> None:
        """End the background work."""
        await self._housekeeping.stop()


def _tables_named(parameters: Mapping[str, Any]) -> list[str]:
    """Names of the tables that a request is about, as far as they can be read."""
    name = parameters.get("TableName")
    if isinstance(name, str):
        return [name]
    items = parameters.get("RequestItems")
    if isinstance(items, dict):
        return [str(each) for each in items]
    names: dict[str, None] = {}
    actions = parameters.get("TransactItems")
    for item in actions if isinstance(actions, list) else ():
        for action in item.values() if isinstance(item, dict) else ():
            name = action.get("TableName") if isinstance(action, dict) else None
            if isinstance(name, str):
                names[name] = None
    return list(names)
