"""Every metric that dashboards, alarms and collectors read is there once its service was driven.

The table is AWS's list as the project keeps it ("CloudWatch metrics to read"), with the dimensions
under which each is read.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.cloud_twin.conftest import RunningTwin
from tests.cloud_twin.lambda_.fakes import ROLE, archive

FUNCTION = "FunctionName"
TABLE, OPERATION = "TableName", "Operation"
STREAM, MODEL, QUEUE = "StreamName", "ModelId", "QueueName"
BUCKET = ("BucketName", "FilterId")

READ: dict[str, dict[str, tuple[str, ...]]] = {
    "AWS/Lambda": {
        "Invocations": (FUNCTION,),
        "Errors": (FUNCTION,),
        "Throttles": (FUNCTION,),
        "DeadLetterErrors": (FUNCTION,),
        "DestinationDeliveryFailures": (FUNCTION,),
        "Duration": (FUNCTION,),
        "IteratorAge": (FUNCTION,),
        "ConcurrentExecutions": (FUNCTION,),
    },
    "AWS/DynamoDB": {
        "ConsumedReadCapacityUnits": (TABLE,),
        "ConsumedWriteCapacityUnits": (TABLE,),
        "ReadThrottleEvents": (TABLE,),
        "WriteThrottleEvents": (TABLE,),
        "ThrottledRequests": (TABLE, OPERATION),
        "SystemErrors": (TABLE, OPERATION),
        "SuccessfulRequestLatency": (TABLE, OPERATION),
        "ConditionalCheckFailedRequests": (TABLE,),
    },
    "AWS/Kinesis": {
        "IncomingRecords": (STREAM,),
        "IncomingBytes": (STREAM,),
        "GetRecords.Records": (STREAM,),
        "GetRecords.Bytes": (STREAM,),
        "ReadProvisionedThroughputExceeded": (STREAM,),
        "WriteProvisionedThroughputExceeded": (STREAM,),
        "GetRecords.IteratorAgeMilliseconds": (STREAM,),
    },
    "AWS/Bedrock": {
        "Invocations": (MODEL,),
        "InvocationLatency": (MODEL,),
        "InvocationThrottles": (MODEL,),
        "InvocationClientErrors": (MODEL,),
        "InvocationServerErrors": (MODEL,),
        "InputTokenCount": (MODEL,),
        "OutputTokenCount": (MODEL,),
    },
    "AWS/S3": {
        "AllRequests": BUCKET,
        "PutRequests": BUCKET,
        "4xxErrors": BUCKET,
        "5xxErrors": BUCKET,
        "TotalRequestLatency": BUCKET,
    },
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible": (QUEUE,),
        "NumberOfMessagesSent": (QUEUE,),
    },
}
ABSENT = {"AWS/Lambda": {"ProvisionedConcurrencyUtilization"}}
"""The twin has no provisioned concurrency (docs/twin-functions.md)."""

DRIVEN_S = 20.0
MODEL_ID = "amazon.nova-micro-v1:0"


@contextlib.contextmanager
def failing(twin: RunningTwin, service: str, code: str) -> Iterator[None]:
    """Inside, every call of a service is refused; one must be."""
    fault = twin.fault(service=service, when="before", error={"code": code})
    with pytest.raises(ClientError):
        yield
    twin.control("DELETE", f"faults/{fault}")


def drive_lambda(twin: RunningTwin) -> None:
    client = twin.client("lambda")
    missing = "arn:aws:sqs:us-east-1:000000000000:missing"
    client.create_function(
        FunctionName="decide", Runtime="python3.11", Role=ROLE, Handler="app.handler",
        Code={"ZipFile": archive("def handler(event, context): return event['Records'][0]")},
        DeadLetterConfig={"TargetArn": missing},
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(FunctionName="decide")
    client.put_function_event_invoke_config(
        FunctionName="decide", MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": missing}},
    )  # fmt: skip
    client.create_event_source_mapping(
        FunctionName="decide", StartingPosition="TRIM_HORIZON",
        EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/payments",
    )  # fmt: skip
    client.invoke(FunctionName="decide", Payload=json.dumps({}), InvocationType="Event")
    with failing(twin, "lambda", "TooManyRequestsException"):
        client.invoke(FunctionName="decide")


def drive_dynamodb(twin: RunningTwin) -> None:
    client = twin.client("dynamodb")
    client.create_table(
        TableName="decisions", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )  # fmt: skip
    item: dict[str, Any] = {"TableName": "decisions", "Item": {"id": {"S": "a"}}}
    client.put_item(**item)
    client.get_item(TableName="decisions", Key=item["Item"])
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.put_item(**item, ConditionExpression="attribute_not_exists(id)")
    with failing(twin, "dynamodb", "ThrottlingException"):
        client.put_item(**item)
    with failing(twin, "dynamodb", "ThrottlingException"):
        client.get_item(TableName="decisions", Key=item["Item"])
    with failing(twin, "dynamodb", "InternalServerError"):
        client.put_item(**item)


def drive_kinesis(twin: RunningTwin) -> None:
    twin.control("PATCH", "limits", {"kinesis": {"stream_change_s": 0}})
    client = twin.client("kinesis")
    client.create_stream(StreamName="payments", ShardCount=1)
    client.put_record(StreamName="payments", Data=b"x", PartitionKey="k")
    iterator = client.get_shard_iterator(
        StreamName="payments", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    client.get_records(ShardIterator=iterator)
    throttle = "ProvisionedThroughputExceededException"
    with failing(twin, "kinesis", throttle):
        client.put_record(StreamName="payments", Data=b"x", PartitionKey="k")
    with failing(twin, "kinesis", throttle):
        client.get_records(ShardIterator=iterator)


def drive_bedrock(twin: RunningTwin) -> None:
    client = twin.client("bedrock-runtime")
    call: dict[str, Any] = {
        "modelId": MODEL_ID,
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
    }
    client.converse(**call)
    for code in ("ThrottlingException", "ModelTimeoutException", "InternalServerException"):
        with failing(twin, "bedrock-runtime", code):
            client.converse(**call)


def drive_s3(twin: RunningTwin) -> None:
    client = twin.client("s3")
    client.create_bucket(Bucket="audit")
    client.put_object(Bucket="audit", Key="a", Body=b"x")
    with failing(twin, "s3", "SlowDown"):
        client.put_object(Bucket="audit", Key="a", Body=b"x")


def drive_sqs(twin: RunningTwin) -> None:
    client = twin.client("sqs")
    url = client.create_queue(QueueName="dead")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="x")


def emitted(twin: RunningTwin, namespace: str) -> set[tuple[str, tuple[str, ...]]]:
    """Names of metrics, each with the names of its dimensions."""
    pages = twin.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace=namespace)
    return {
        (metric["MetricName"], tuple(sorted(each["Name"] for each in metric["Dimensions"])))
        for page in pages
        for metric in page["Metrics"]
    }


def test_every_metric_of_the_list_is_emitted(twin: RunningTwin) -> None:
    for drive in (
        drive_kinesis, drive_lambda, drive_dynamodb, drive_bedrock, drive_s3, drive_sqs
    ):  # fmt: skip
        drive(twin)
    wanted = {
        (namespace, name, tuple(sorted(dimensions)))
        for namespace, metrics in READ.items()
        for name, dimensions in metrics.items()
    }
    deadline_s = time.monotonic() + DRIVEN_S
    while True:
        found = {(namespace, *metric) for namespace in READ for metric in emitted(twin, namespace)}
        if wanted <= found or time.monotonic() > deadline_s:
            break
        time.sleep(0.1)
    assert wanted - found == set()
    for namespace, names in ABSENT.items():
        assert names.isdisjoint(name for name, _ in emitted(twin, namespace))
