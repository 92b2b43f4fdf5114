"""An error that a plan makes is in CloudWatch like any other, where alarms look for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.cloud_twin.conftest import RunningTwin
from tests.cloud_twin.lambda_.fakes import ROLE, archive

THROTTLE = {"code": "ProvisionedThroughputExceededException"}
TABLE = "payments"
MODEL = "amazon.nova-micro-v1:0"


def total(twin: RunningTwin, namespace: str, metric: str, **dimensions: str) -> float:
    """Sum of a metric so far."""
    now = datetime.now(UTC)
    points = twin.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
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
    return total(twin, "AWS/DynamoDB", f"{direction}ThrottleEvents", TableName=TABLE)


def test_refused_calls_to_tables_count_as_throttles(twin: RunningTwin, dynamodb: Any) -> None:
    twin.fault(service="dynamodb", when="before", error=THROTTLE)
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "a"}})
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        dynamodb.transact_write_items(TransactItems=[put("a"), put("b")])
    assert (events(twin, "Read"), events(twin, "Write")) == (1, 1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_server_errors_count_as_such(twin: RunningTwin, dynamodb: Any, when: str) -> None:
    twin.fault(service="dynamodb", when=when, error={"code": "InternalServerError"})
    with pytest.raises(ClientError, match="InternalServerError"):
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "a"}})
    assert (events(twin, "Read"), events(twin, "Write")) == (0, 0)
    of_table = {"TableName": TABLE, "Operation": "PutItem"}
    assert total(twin, "AWS/DynamoDB", "SystemErrors", **of_table) == 1
    assert total(twin, "AWS/DynamoDB", "UserErrors") == 0
    done = total(twin, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=TABLE)
    assert done == (1 if when == "after" else 0)


def test_a_throttle_after_the_commit_is_none(twin: RunningTwin, dynamodb: Any) -> None:
    twin.fault(service="dynamodb", when="after", error=THROTTLE)
    with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "a"}})
    assert events(twin, "Write") == 0
    assert total(twin, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName=TABLE) == 1


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


def stream(twin: RunningTwin) -> Any:
    """A client, and a stream of one shard that takes records at once."""
    twin.control("PATCH", "limits", {"kinesis": {"stream_change_s": 0}})
    kinesis = twin.client("kinesis")
    kinesis.create_stream(StreamName="stream", ShardCount=1)
    return kinesis


def refused(twin: RunningTwin, direction: str) -> float:
    metric = f"{direction}ProvisionedThroughputExceeded"
    return total(twin, "AWS/Kinesis", metric, StreamName="stream")


@pytest.mark.parametrize(
    ("code", "counted"),
    [("ProvisionedThroughputExceededException", True), ("InternalFailure", False)],
)
def test_records_of_a_put_count_one_by_one(twin: RunningTwin, code: str, counted: bool) -> None:
    kinesis = stream(twin)
    twin.fault(service="kinesis", when="body", probability=0.5, seed=1, error={"code": code})
    records = [{"Data": b"x", "PartitionKey": str(n)} for n in range(50)]
    failed = kinesis.put_records(StreamName="stream", Records=records)["FailedRecordCount"]
    assert 0 < failed < 50
    assert refused(twin, "Write") == (failed if counted else 0)


@pytest.mark.parametrize(
    ("code", "counted"),
    [("ProvisionedThroughputExceededException", True), ("InternalFailure", False)],
)
def test_refused_calls_to_streams_count_as_throttles(
    twin: RunningTwin, code: str, counted: bool
) -> None:
    kinesis = stream(twin)
    iterator = kinesis.get_shard_iterator(
        StreamName="stream", ShardId="shardId-000000000000", ShardIteratorType="LATEST"
    )["ShardIterator"]
    twin.fault(service="kinesis", when="before", error={"code": code})
    records = [{"Data": b"x", "PartitionKey": str(n)} for n in range(7)]
    with pytest.raises(ClientError, match=code):
        kinesis.put_records(StreamName="stream", Records=records)
    with pytest.raises(ClientError, match=code):
        kinesis.put_record(StreamName="stream", Data=b"x", PartitionKey="k")
    with pytest.raises(ClientError, match=code):
        kinesis.put_record(StreamName="none", Data=b"x", PartitionKey="k")
    for _ in range(2):
        with pytest.raises(ClientError, match=code):
            kinesis.get_records(ShardIterator=iterator)
    with pytest.raises(ClientError, match=code):
        kinesis.describe_stream_summary(StreamName="stream")
    assert refused(twin, "Write") == (8 if counted else 0)
    assert refused(twin, "Read") == (2 if counted else 0)
    assert total(twin, "AWS/Kinesis", "IncomingRecords", StreamName="stream") == 0


def test_a_refused_invocation_counts_as_a_throttle_of_its_function(twin: RunningTwin) -> None:
    functions = twin.client("lambda")
    functions.create_function(
        FunctionName="decide", Runtime="python3.11", Role=ROLE, Handler="app.handler",
        Code={"ZipFile": archive("def handler(event, context): pass")},
    )  # fmt: skip

    def metric(name: str, function: str = "decide") -> float:
        return total(twin, "AWS/Lambda", name, FunctionName=function)

    fault = twin.fault(service="lambda", when="before", error={"code": "TooManyRequestsException"})
    for name in ("decide", "arn:aws:lambda:us-east-1:000000000000:function:decide", "none"):
        with pytest.raises(ClientError, match="TooManyRequests"):
            functions.invoke(FunctionName=name)
    with pytest.raises(ClientError, match="TooManyRequests"):
        functions.get_function(FunctionName="decide")
    twin.control("DELETE", f"faults/{fault}")
    twin.fault(service="lambda", when="before", error={"code": "ServiceException"})
    with pytest.raises(ClientError, match="ServiceException"):
        functions.invoke(FunctionName="decide")
    assert (metric("Throttles"), metric("Throttles", "none")) == (2, 0)
    assert (metric("Invocations"), metric("Errors")) == (0, 0)


@pytest.mark.parametrize(
    ("code", "counter"),
    [
        ("ThrottlingException", "Throttles"),
        ("ModelNotReadyException", "ClientErrors"),
        ("ModelTimeoutException", "ClientErrors"),
        ("ServiceUnavailableException", "ServerErrors"),
        ("InternalServerException", "ServerErrors"),
    ],
)
def test_refused_invocations_of_models_count_by_kind(
    twin: RunningTwin, code: str, counter: str
) -> None:
    twin.fault(service="bedrock-runtime", when="before", error={"code": code})
    with pytest.raises(ClientError, match=code):
        converse(twin)
    counted = {
        name: total(twin, "AWS/Bedrock", f"Invocation{name}", ModelId=MODEL)
        for name in ("s", "Throttles", "ClientErrors", "ServerErrors")
    }
    assert counted == {"s": 0, "Throttles": 0, "ClientErrors": 0, "ServerErrors": 0} | {counter: 1}


def test_a_model_that_answers_and_then_fails_counts_as_both(twin: RunningTwin) -> None:
    error = {"code": "InternalServerException"}
    twin.fault(service="bedrock-runtime", when="after", error=error)
    with pytest.raises(ClientError, match="InternalServerException"):
        converse(twin)
    assert total(twin, "AWS/Bedrock", "Invocations", ModelId=MODEL) == 1
    assert total(twin, "AWS/Bedrock", "InvocationServerErrors", ModelId=MODEL) == 1


def converse(twin: RunningTwin) -> None:
    twin.client("bedrock-runtime").converse(
        modelId=MODEL, messages=[{"role": "user", "content": [{"text": "hello"}]}]
    )


@pytest.mark.parametrize(
    ("code", "counter", "when"),
    [
        ("SlowDown", "5xxErrors", "before"),
        ("InternalError", "5xxErrors", "after"),
        ("AccessDenied", "4xxErrors", "before"),
    ],
)
def test_refused_requests_to_buckets_count_once(
    twin: RunningTwin, code: str, counter: str, when: str
) -> None:
    s3 = twin.client("s3")
    s3.create_bucket(Bucket="audit")
    twin.fault(service="s3", when=when, error={"code": code})
    for bucket in ("audit", "none"):
        with pytest.raises(ClientError):
            s3.put_object(Bucket=bucket, Key="a", Body=b"x")

    def metric(name: str, bucket: str = "audit") -> float:
        return total(twin, "AWS/S3", name, BucketName=bucket, FilterId="EntireBucket")

    counted = {name: metric(name) for name in ("AllRequests", "PutRequests", counter)}
    assert counted == {"AllRequests": 1, "PutRequests": 1, counter: 1}
    assert metric("4xxErrors") + metric("5xxErrors") == 1
    assert metric("AllRequests", "none") == 0
