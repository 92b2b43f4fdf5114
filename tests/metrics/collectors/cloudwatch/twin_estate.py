"""Resources on a running twin, and a known number of calls to each."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import orjson
from tests.cloud_twin.conftest import RunningTwin

from squall.metrics.collectors.cloudwatch.discovery import ClientFactory

STREAM, TABLE, FUNCTION, QUEUE = "transactions", "decisions", "decide", "dead-letters"
MEMORY_MB = 256
SHARDS = 2
ROLE = "arn:aws:iam::000000000000:role/any"
SOURCE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    return event
"""


@dataclass(frozen=True)
class Done:
    """What was done, as its doer counted it."""

    records: int
    record_bytes: int
    """Partition keys included, as a shard counts."""
    refused: int
    puts: int
    conditional_failures: int
    gets: int
    invocations: int
    errors: int
    letters: int


def function_code() -> bytes:
    """The function as an archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", SOURCE)
    return content.getvalue()


def make_estate(twin: RunningTwin) -> None:
    """A stream that a function reads, with a queue for what fails, and a table."""
    kinesis, functions = twin.client("kinesis"), twin.client("lambda")
    kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    twin.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    twin.client("sqs").create_queue(QueueName=QUEUE)
    functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        MemorySize=MEMORY_MB,
        Timeout=30,
        Code={"ZipFile": function_code()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=FUNCTION)
    stream = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    functions.create_event_source_mapping(
        FunctionName=FUNCTION,
        EventSourceArn=stream["StreamARN"],
        StartingPosition="LATEST",
        Enabled=False,  # it is there to be found
        DestinationConfig={
            "OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:000000000000:{QUEUE}"}
        },
    )


def use_estate(twin: RunningTwin) -> Done:
    """Call everything, some of it in vain."""
    records, refused = _put_records(twin, count=30, size=100, room=20)
    puts, conditional_failures = _put_items(twin, ids=[*range(7), 0, 1, 2])
    for number in range(4):
        twin.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": str(number)}})
    errors = [_invoke(twin, fail) for fail in (False, False, True, False, True)]
    sqs = twin.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="given up")
    return Done(
        records, records * 101, refused, puts, conditional_failures, 4, len(errors), sum(errors), 3
    )


def _put_records(twin: RunningTwin, count: int, size: int, room: int) -> tuple[int, int]:
    """Records that the stream took and refused: all go to one shard, which takes ``room``."""
    twin.control("PATCH", "limits", {"kinesis": {"records_per_shard_s": room}})
    entries = [{"Data": b"x" * size, "PartitionKey": "k"} for _ in range(count)]
    refused = twin.client("kinesis").put_records(StreamName=STREAM, Records=entries)[
        "FailedRecordCount"
    ]
    twin.control("PATCH", "limits", {"kinesis": {"records_per_shard_s": 1000}})
    return count - refused, refused


def _put_items(twin: RunningTwin, ids: list[int]) -> tuple[int, int]:
    client = twin.client("dynamodb")
    done = failed = 0
    for number in ids:
        try:
            client.put_item(
                TableName=TABLE,
                Item={"id": {"S": str(number)}},
                ConditionExpression="attribute_not_exists(id)",
            )
            done += 1
        except client.exceptions.ConditionalCheckFailedException:
            failed += 1
    return done, failed


def _invoke(twin: RunningTwin, fail: bool) -> bool:
    answer = twin.client("lambda").invoke(
        FunctionName=FUNCTION, Payload=orjson.dumps({"fail": fail})
    )
    return "FunctionError" in answer


def clients_of(twin: RunningTwin) -> ClientFactory:
    """Boto3 clients by service, as a target opens them."""

    def client(service: str) -> Any:
        return twin.client(service)

    return client
