"""Refuses what there is no capacity for, and counts it."""

from __future__ import annotations

from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.index import Index
from cloud_twin.services.dynamodb.table import Table, Write
from cloud_twin.services.dynamodb.throughput import Throttle, throttled
from cloud_twin.services.dynamodb.usage import NAMESPACE

THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
    }
)
"""Errors that say: too fast."""


def check_write(request: Request, write: Write, factor: int = 1) -> None:
    """Raise AwsError where a write is throttled."""
    causes = write.refusals(factor)
    if causes:
        count_throttles(request, write.table, "WriteThrottleEvents", causes)
        raise throttled(causes, write.table.provisioned)


def check_read(
    request: Request, table: Table, index: Index | None, units: float, key: bytes
) -> None:
    """Raise AwsError where a read is throttled."""
    cause = (table if index is None else index).read.refusal(units, key)
    if cause is not None:
        count_throttles(request, table, "ReadThrottleEvents", [cause])
        raise throttled([cause], table.provisioned)


def count_throttles(request: Request, table: Table, metric: str, causes: list[Throttle]) -> None:
    """One event for each table and index that throttled."""
    metrics = request.database.metrics
    of_table = ("TableName", table.name)
    for cause in causes:
        dimensions = (of_table,)
        if cause.reason.startswith("Index"):
            index = cause.resource.rpartition("/")[2]
            metrics.put(NAMESPACE, metric, (of_table, ("GlobalSecondaryIndexName", index)), 1)
        else:
            metrics.put(NAMESPACE, metric, dimensions, 1)
