"""What CloudWatch is told."""

from __future__ import annotations

from typing import Any

from tests.cloud_twin.dynamodb.conftest import Harness

ITEM: dict[str, Any] = {"h": {"S": "a"}}


def test_every_success_has_a_latency_by_table_and_operation(database: Harness) -> None:
    database.table()
    database.put(ITEM)
    database.get(ITEM)
    database.call("BatchWriteItem", RequestItems={"table": [{"PutRequest": {"Item": ITEM}}]})
    found = [
        (dimensions, unit)
        for name, dimensions, _, unit in database.metrics.values
        if name == "SuccessfulRequestLatency"
    ]
    assert found == [
        ((("TableName", "table"), ("Operation", operation)), "Milliseconds")
        for operation in ("PutItem", "GetItem", "BatchWriteItem")
    ]


def test_consumed_units_are_told_once_for_a_call(database: Harness) -> None:
    database.table()
    puts = [{"PutRequest": {"Item": {"h": {"S": str(number)}}}} for number in range(25)]
    database.call("BatchWriteItem", RequestItems={"table": puts})
    consumed = [
        value
        for name, _, value, _ in database.metrics.values
        if name == "ConsumedWriteCapacityUnits"
    ]
    assert consumed == [25]
    database.call("Scan", TableName="table")
    metrics = database.metrics
    assert metrics.sum("ConsumedReadCapacityUnits", TableName="table") == 0.5
    assert metrics.sum("ReturnedItemCount", TableName="table", Operation="Scan") == 25


def test_mistakes_of_the_caller_are_counted(database: Harness) -> None:
    database.table()
    database.refused("PutItem", TableName="table", Item={})
    database.refused("PutItem", TableName="absent", Item=ITEM)
    assert database.metrics.sum("UserErrors") == 2
    database.put(ITEM)
    database.refused(
        "PutItem", TableName="table", Item=ITEM, ConditionExpression="attribute_not_exists(h)"
    )
    assert database.metrics.sum("UserErrors") == 2
    assert database.metrics.sum("ConditionalCheckFailedRequests", TableName="table") == 1


def test_refused_calls_have_no_latency(database: Harness) -> None:
    database.table()
    database.refused("PutItem", TableName="table", Item={})
    assert not [value for value in database.metrics.values if value[0].startswith("Successful")]
