"""A throttle that a plan makes is in CloudWatch like any other, where alarms look for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.cloud_twin.conftest import RunningTwin

THROTTLE = {"code": "ProvisionedThroughputExceededException"}
TABLE = "payments"


def total(twin: RunningTwin, namespace: str, metric: str, name: str, value: str) -> float:
    """Sum of a metric so far."""
    now = datetime.now(UTC)
    points = twin.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


@pytest.fixture
def dynamodb(twin: RunningTwin) -> Any:
    client = twin.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return client


def put(key: str) -> dict[str, Any]:
    return {"Put": {"TableName": TABLE, "Item": {"id": {"S": key}}}}


def events(twin: RunningTwin, direction: str) -> float:
    return total(twin, "AWS/DynamoDB", f"{direction}ThrottleEvents", "TableName", TABLE)


def test_refused_calls_to_tables_count_as_throttles(twin: RunningTwin, dynamodb: Any) -> None:
    twin.fault(service="dynamodb", when="before", error=THROTTLE)
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "a"}})
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        dynamodb.transact_write_items(TransactItems=[put("a"), put("b")])
    assert (events(twin, "Read"), events(twin, "Write")) == (1, 1)


def test_other_refusals_do_not(twin: RunningTwin, dynamodb: Any) -> None:
    twin.fault(service="dynamodb", when="before", error={"code": "InternalServerError"})
    with pytest.raises(ClientError, match="InternalServerError"):
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "a"}})
    assert (events(twin, "Read"), events(twin, "Write")) == (0, 0)


@pytest.mark.parametrize(
    ("code", "counted"),
    [("ProvisionedThroughputExceededException", True), ("InternalServerError", False)],
)
def test_entries_of_a_batch_count_one_by_one(
    twin: RunningTwin, dynamodb: Any, code: str, counted: bool
) -> None:
    twin.fault(
        service="dynamodb",
        when="body",
        probability=0.5,
        seed=1,
        error={"code": code, "status": 400},
    )
    items = [{"PutRequest": {"Item": {"id": {"S": str(n)}}}} for n in range(25)]
    left = dynamodb.batch_write_item(RequestItems={TABLE: items})["UnprocessedItems"][TABLE]
    assert 0 < len(left) < 25
    assert events(twin, "Write") == (len(left) if counted else 0)


@pytest.mark.parametrize(
    ("code", "counted"),
    [("ProvisionedThroughputExceededException", True), ("InternalFailure", False)],
)
def test_records_of_a_put_count_one_by_one(twin: RunningTwin, code: str, counted: bool) -> None:
    kinesis = twin.client("kinesis")
    kinesis.create_stream(StreamName="stream", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(
        StreamName="stream", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    twin.fault(service="kinesis", when="body", probability=0.5, seed=1, error={"code": code})
    records = [{"Data": b"x", "PartitionKey": str(n)} for n in range(50)]
    failed = kinesis.put_records(StreamName="stream", Records=records)["FailedRecordCount"]
    assert 0 < failed < 50
    metric = ("AWS/Kinesis", "WriteProvisionedThroughputExceeded", "StreamName", "stream")
    assert total(twin, *metric) == (failed if counted else 0)
