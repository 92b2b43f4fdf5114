"""Functions through boto3: the control plane on the running twin and on moto, the rest on the twin.

moto runs functions in Docker only, so nothing here is invoked on it. It is wrong, so not asked,
about four calls: it has no GetAccountSettings, its UpdateFunctionEventInvokeConfig forgets what it
is not given, a CreateAlias of one that exists is no ResourceConflictException, and a
DeleteEventSourceMapping of none succeeds.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.cloud_twin.conftest import RunningTwin
from tests.cloud_twin.lambda_.fakes import ROLE, archive

ECHO = """
import os
def handler(event, context):
    print("seen", event)
    if event.get("fail"):
        raise ValueError("no")
    return {"event": event, "endpoint": os.environ.get("AWS_ENDPOINT_URL", "")}
"""

FORWARDER = """
import base64, boto3, os
sqs = boto3.client("sqs")
def handler(event, context):
    for record in event["Records"]:
        data = base64.b64decode(record["kinesis"]["data"]).decode()
        if data == "poison":
            raise ValueError("poison")
        sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=data)
"""


Cloud = Callable[[str], Any]


@pytest.fixture(params=["twin", "moto"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Clients of either."""
    if request.param == "twin":
        yield request.getfixturevalue("twin").client
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "000000000000")
    with mock_aws():
        boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument="{}")
        yield lambda service: boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]


def create(client: Any, source: str, name: str = "fn", **settings: Any) -> dict[str, Any]:
    created: dict[str, Any] = client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": archive(source)},
        **{"Timeout": 20, **settings},
    )
    client.get_waiter("function_active_v2").wait(
        FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 50}
    )
    return created


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def updated(client: Any) -> None:
    client.get_waiter("function_updated_v2").wait(
        FunctionName="fn", WaiterConfig={"Delay": 0, "MaxAttempts": 50}
    )


def a_stream(kinesis: Any, shards: int = 1) -> str:
    kinesis.create_stream(StreamName="payments", ShardCount=shards)

    def told() -> dict[str, str]:
        summary: dict[str, str] = kinesis.describe_stream_summary(StreamName="payments")[
            "StreamDescriptionSummary"
        ]
        return summary

    until(lambda: told()["StreamStatus"] == "ACTIVE")
    return told()["StreamARN"]


def refusal(call: Callable[[], object]) -> tuple[str, int, dict[str, Any]]:
    with pytest.raises(ClientError) as refused:
        call()
    answer: dict[str, Any] = refused.value.response  # type: ignore[assignment]
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer


def test_a_function_is_made_read_changed_and_deleted(cloud: Cloud) -> None:
    client = cloud("lambda")
    created = create(client, ECHO, MemorySize=256, Environment={"Variables": {"TEAM": "risk"}})
    arn = "arn:aws:lambda:us-east-1:000000000000:function:fn"
    assert (created["FunctionArn"], created["Version"]) == (arn, "$LATEST")
    told = client.get_function(FunctionName=arn)["Configuration"]
    assert (told["State"], told["LastUpdateStatus"]) == ("Active", "Successful")
    assert (told["MemorySize"], told["Timeout"], told["Handler"]) == (256, 20, "app.handler")
    assert told["Environment"] == {"Variables": {"TEAM": "risk"}}
    assert told["CodeSha256"] == created["CodeSha256"]
    changed = client.update_function_code(FunctionName="fn", ZipFile=archive("handler = print\n"))
    assert changed["CodeSha256"] != created["CodeSha256"]
    updated(client)
    client.update_function_configuration(FunctionName="fn", Timeout=9)
    updated(client)
    assert client.get_function_configuration(FunctionName="fn")["Timeout"] == 9
    create(client, ECHO, "other")
    assert {f["FunctionName"] for f in client.list_functions()["Functions"]} == {"fn", "other"}
    client.delete_function(FunctionName="other")
    assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["fn"]


def test_versions_and_aliases(cloud: Cloud) -> None:
    client = cloud("lambda")
    arn = create(client, ECHO)["FunctionArn"]
    published = client.publish_version(FunctionName="fn")
    assert (published["Version"], published["FunctionArn"]) == ("1", f"{arn}:1")
    versions = client.list_versions_by_function(FunctionName="fn")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1"]
    made = client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")
    assert made["AliasArn"] == f"{arn}:live"
    found = client.get_alias(FunctionName="fn", Name="live")
    assert (found["Name"], found["FunctionVersion"]) == ("live", "1")
    assert [alias["Name"] for alias in client.list_aliases(FunctionName="fn")["Aliases"]] == [
        "live"
    ]
    moved = client.update_alias(FunctionName="fn", Name="live", FunctionVersion="$LATEST")
    assert moved["FunctionVersion"] == "$LATEST"
    client.delete_alias(FunctionName="fn", Name="live")
    assert client.list_aliases(FunctionName="fn")["Aliases"] == []


def test_reserved_concurrency_is_set_read_and_taken_back(cloud: Cloud) -> None:
    client = cloud("lambda")
    create(client, ECHO)
    put = client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=5)
    assert put["ReservedConcurrentExecutions"] == 5
    found = client.get_function_concurrency(FunctionName="fn")
    assert found["ReservedConcurrentExecutions"] == 5
    client.delete_function_concurrency(FunctionName="fn")
    found = client.get_function_concurrency(FunctionName="fn")
    assert "ReservedConcurrentExecutions" not in found


def test_tags_and_event_invoke_configurations(cloud: Cloud) -> None:
    client = cloud("lambda")
    arn = create(client, ECHO, Tags={"team": "risk"})["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"a": "b"})
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "risk", "a": "b"}
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "b"}
    client.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    found = client.get_function_event_invoke_config(FunctionName="fn")
    assert found["MaximumRetryAttempts"] == 0
    assert found["LastModified"].year > 2000
    listed = client.list_function_event_invoke_configs(FunctionName="fn")
    assert len(listed["FunctionEventInvokeConfigs"]) == 1
    client.delete_function_event_invoke_config(FunctionName="fn")
    code, status, _ = refusal(lambda: client.get_function_event_invoke_config(FunctionName="fn"))
    assert (code, status) == ("ResourceNotFoundException", 404)


def test_a_mapping_is_made_read_changed_and_deleted(cloud: Cloud) -> None:
    kinesis, client = cloud("kinesis"), cloud("lambda")
    stream = a_stream(kinesis)
    arn = create(client, ECHO)["FunctionArn"]
    made = client.create_event_source_mapping(
        FunctionName="fn",
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        BatchSize=50,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=3,
    )
    uuid = made["UUID"]
    until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")
    (listed,) = client.list_event_source_mappings(FunctionName="fn")["EventSourceMappings"]
    for mapping in (made, listed, client.get_event_source_mapping(UUID=uuid)):
        assert (mapping["EventSourceArn"], mapping["FunctionArn"]) == (stream, arn)
        assert (mapping["BatchSize"], mapping["MaximumRetryAttempts"]) == (50, 3)
        assert mapping["BisectBatchOnFunctionError"]
        assert mapping["EventSourceMappingArn"].endswith(f":event-source-mapping:{uuid}")
    client.update_event_source_mapping(UUID=uuid, BatchSize=10)
    until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")
    assert client.get_event_source_mapping(UUID=uuid)["BatchSize"] == 10
    assert client.delete_event_source_mapping(UUID=uuid)["UUID"] == uuid
    until(lambda: not client.list_event_source_mappings()["EventSourceMappings"])


def test_what_is_not_there_or_there_already_is_refused(cloud: Cloud) -> None:
    client = cloud("lambda")
    create(client, ECHO)
    nowhere = "00000000-0000-0000-0000-000000000000"
    for call, given in (
        (client.get_function, {"FunctionName": "none"}),
        (client.delete_function, {"FunctionName": "none"}),
        (client.update_function_configuration, {"FunctionName": "none", "Timeout": 3}),
        (client.put_function_concurrency,
         {"FunctionName": "none", "ReservedConcurrentExecutions": 1}),
        (client.publish_version, {"FunctionName": "none"}),
        (client.get_alias, {"FunctionName": "fn", "Name": "none"}),
        (client.get_event_source_mapping, {"UUID": nowhere}),
    ):  # fmt: skip
        code, status, _ = refusal(partial(call, **given))
        assert (code, status) == ("ResourceNotFoundException", 404), call
    code, status, _ = refusal(lambda: create(client, ECHO))
    assert (code, status) == ("ResourceConflictException", 409)


def test_a_function_is_made_invoked_updated_and_deleted(twin: RunningTwin) -> None:
    client = twin.client("lambda")
    created = create(client, ECHO, MemorySize=256)
    assert created["State"] == "Pending"
    answer = client.invoke(FunctionName="fn", Payload=b'{"n": 1}', LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    payload = json.loads(answer["Payload"].read())
    assert payload["event"] == {"n": 1}
    assert payload["endpoint"] == twin.url
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "seen {'n': 1}" in log
    assert answer["ResponseMetadata"]["RequestId"] in log
    client.update_function_code(
        FunctionName="fn", ZipFile=archive("def handler(e, c):\n    return 2\n")
    )
    updated(client)
    assert client.invoke(FunctionName=created["FunctionArn"])["Payload"].read() == b"2"
    client.delete_function(FunctionName="fn")
    assert client.list_functions()["Functions"] == []


def test_failures_are_what_botocore_knows(twin: RunningTwin) -> None:
    client = twin.client("lambda")
    code, status, _ = refusal(lambda: client.invoke(FunctionName="none"))
    assert (code, status) == ("ResourceNotFoundException", 404)
    create(client, ECHO)
    answer = client.invoke(FunctionName="fn", Payload=b'{"fail": true}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"
    code, status, _ = refusal(lambda: client.invoke(FunctionName="fn", Payload=b"{"))
    assert (code, status) == ("InvalidRequestContentException", 400)


def test_a_throttled_call_is_retried_by_the_sdk(twin: RunningTwin) -> None:
    client = twin.client("lambda")
    create(client, ECHO)
    client.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=0)
    code, status, answer = refusal(lambda: client.invoke(FunctionName="fn"))
    assert (code, status) == ("TooManyRequestsException", 429)
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    patient = twin.client("lambda", attempts=3)
    _, _, answer = refusal(lambda: patient.invoke(FunctionName="fn"))
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


def test_what_moto_does_not_do(twin: RunningTwin) -> None:
    client = twin.client("lambda")
    create(client, ECHO)
    client.publish_version(FunctionName="fn")
    client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")
    code, status, _ = refusal(
        lambda: client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")
    )
    assert (code, status) == ("ResourceConflictException", 409)
    nowhere = "00000000-0000-0000-0000-000000000000"
    code, status, _ = refusal(lambda: client.delete_event_source_mapping(UUID=nowhere))
    assert (code, status) == ("ResourceNotFoundException", 404)
    answer = client.invoke(FunctionName="fn", Qualifier="live", InvocationType="RequestResponse")
    assert answer["ExecutedVersion"] == "1"
    client.put_function_event_invoke_config(FunctionName="fn", MaximumRetryAttempts=0)
    client.update_function_event_invoke_config(FunctionName="fn", MaximumEventAgeInSeconds=60)
    found = client.get_function_event_invoke_config(FunctionName="fn")
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (0, 60)
    assert client.get_account_settings()["AccountUsage"]["FunctionCount"] == 1
    answer = client.invoke(FunctionName="fn", InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    answer = client.invoke(FunctionName="fn", InvocationType="Event", Payload=b"{}")
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")


def test_a_stream_reaches_a_function_and_its_failures_a_queue(twin: RunningTwin) -> None:
    kinesis, sqs, client = (twin.client(name) for name in ("kinesis", "sqs", "lambda"))
    stream = a_stream(kinesis, 2)
    queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("done", "failed")}
    failed = sqs.get_queue_attributes(QueueUrl=queues["failed"], AttributeNames=["QueueArn"])
    create(client, FORWARDER, Environment={"Variables": {"QUEUE": queues["done"]}})
    mapping = client.create_event_source_mapping(
        FunctionName="fn",
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        BatchSize=50,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": failed["Attributes"]["QueueArn"]}},
    )
    uuid = mapping["UUID"]
    until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")
    records = [{"Data": b"r%d" % n, "PartitionKey": str(n)} for n in range(60)]
    records[20]["Data"] = b"poison"
    assert kinesis.put_records(StreamName="payments", Records=records)["FailedRecordCount"] == 0
    seen: set[str] = set()

    def all_done() -> bool:
        answer = sqs.receive_message(QueueUrl=queues["done"], MaxNumberOfMessages=10)
        seen.update(message["Body"] for message in answer.get("Messages", []))
        return len(seen) == 59

    until(all_done)
    assert "poison" not in seen
    answer = sqs.receive_message(QueueUrl=queues["failed"], WaitTimeSeconds=5)
    message = json.loads(answer["Messages"][0]["Body"])
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["KinesisBatchInfo"]["batchSize"] == 1
    assert message["KinesisBatchInfo"]["streamArn"] == stream
    listed = client.list_event_source_mappings(FunctionName="fn")["EventSourceMappings"]
    assert [m["UUID"] for m in listed] == [uuid]
    client.update_event_source_mapping(UUID=uuid, BatchSize=10)
    until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")
    assert client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"

    def gone() -> bool:
        return not client.list_event_source_mappings()["EventSourceMappings"]

    until(gone)


def test_code_from_s3_logs_and_processes(twin: RunningTwin) -> None:
    s3 = twin.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="echo.zip", Body=archive(ECHO))
    functions = twin.client("lambda")
    functions.create_function(
        FunctionName="from-s3",
        Runtime="python3.11",
        Role=ROLE,
        Handler="app.handler",
        Code={"S3Bucket": "code", "S3Key": "echo.zip"},
        Timeout=20,
    )
    functions.get_waiter("function_active_v2").wait(
        FunctionName="from-s3", WaiterConfig={"Delay": 0, "MaxAttempts": 50}
    )
    answer = functions.invoke(FunctionName="from-s3", Payload=b'{"a": 1}')
    assert json.load(answer["Payload"])["event"] == {"a": 1}
    pids = twin.control("GET", "functions/from-s3/processes")["pids"]
    assert len(pids) == 1

    def logged() -> bool:
        lines = twin.control("GET", "functions/from-s3/logs")["logs"]
        return any("seen {'a': 1}" in line["text"] for line in lines)

    until(logged)
    status, told = twin.refused("GET", "functions/not-there/logs")
    assert status == 404
    assert "not-there" in told["error"]
