"""Queues through boto3, which checks every MD5: on the running twin and on moto."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.cloud_twin.conftest import RunningTwin

DEADLINE_S = 15.0


@pytest.fixture(params=["twin", "moto"])
def sqs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of either."""
    if request.param == "twin":
        yield request.getfixturevalue("twin").client("sqs")
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1")


def a_queue(client: Any, name: str = "q", **attributes: str) -> str:
    return str(client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def arn_of(client: Any, url: str) -> str:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def counts(client: Any, url: str) -> tuple[int, int]:
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return (
        int(found["ApproximateNumberOfMessages"]),
        int(found["ApproximateNumberOfMessagesNotVisible"]),
    )


def code_of(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**given)
    return str(refused.value.response["Error"]["Code"])


def test_queues_are_made_found_listed_and_deleted(sqs: Any) -> None:
    url = a_queue(sqs, VisibilityTimeout="5")
    assert url.endswith("/q")
    assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
    a_queue(sqs, "other")
    assert sqs.list_queues(QueueNamePrefix="q")["QueueUrls"] == [url]
    assert len(sqs.list_queues()["QueueUrls"]) == 2
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "6"})
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert answer["Attributes"] == {"VisibilityTimeout": "6"}
    sqs.delete_queue(QueueUrl=url)
    missing = "AWS.SimpleQueueService.NonExistentQueue"
    assert code_of(sqs.get_queue_url, QueueName="q") == missing
    assert code_of(sqs.send_message, QueueUrl=url, MessageBody="x") == missing
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.receive_message(QueueUrl=url)


def test_a_message_with_attributes_goes_there_and_back(sqs: Any) -> None:
    url = a_queue(sqs)
    attributes = {
        "text": {"DataType": "String", "StringValue": "grüße"},
        "number": {"DataType": "Number", "StringValue": "1.5"},
        "binary": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="hällo", MessageAttributes=attributes)
    (message,) = sqs.receive_message(
        QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    assert message["Body"] == "hällo"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert counts(sqs, url) == (0, 1)
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    (again,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0)


def test_batches(sqs: Any) -> None:
    url = a_queue(sqs)
    answer = sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": f"m{i}"} for i in range(10)]
    )
    assert len(answer["Successful"]) == 10
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in messages) == [f"m{i}" for i in range(10)]
    handles = [
        {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
        for i, message in enumerate(messages)
    ]
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[one | {"VisibilityTimeout": 100} for one in handles]
    )
    assert len(answer["Successful"]) == 10
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]) == 10
    assert counts(sqs, url) == (0, 0)
    entries = [{"Id": "a", "MessageBody": "x"}] * 2
    code = code_of(sqs.send_message_batch, QueueUrl=url, Entries=entries)
    assert code.endswith("BatchEntryIdsNotDistinct")
    entries = [{"Id": str(i), "MessageBody": "x"} for i in range(11)]
    code = code_of(sqs.send_message_batch, QueueUrl=url, Entries=entries)
    assert code.endswith("TooManyEntriesInBatchRequest")


def test_dead_letters_and_tags_and_purging(sqs: Any) -> None:
    dead_url = a_queue(sqs, "dead")
    dead_arn = arn_of(sqs, dead_url)
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url = a_queue(sqs, RedrivePolicy=policy)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead_url)["queueUrls"] == [url]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    (letter,) = sqs.receive_message(QueueUrl=dead_url)["Messages"]
    assert letter["Body"] == "poison"
    sqs.tag_queue(QueueUrl=url, Tags={"a": "1", "b": "2"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0)


# --- only the twin -----------------------------------------------------------------------------


def test_the_url_is_where_the_twin_was_called(twin: RunningTwin) -> None:
    assert a_queue(twin.client("sqs")) == f"{twin.url}/000000000000/q"


def test_dead_letters_go_back_by_a_move_task(twin: RunningTwin) -> None:
    client = twin.client("sqs")
    dead_url = a_queue(client, "dead")
    dead_arn = arn_of(client, dead_url)
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url = a_queue(client, RedrivePolicy=policy, VisibilityTimeout="0")
    for i in range(12):
        client.send_message(QueueUrl=url, MessageBody=str(i))
    for _ in range(4):
        client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert counts(client, dead_url) == (12, 0)
    client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    handle = client.start_message_move_task(SourceArn=dead_arn)["TaskHandle"]
    assert handle
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        (task,) = client.list_message_move_tasks(SourceArn=dead_arn)["Results"]
        if task["Status"] == "COMPLETED":
            break
        time.sleep(0.02)
    assert task["Status"] == "COMPLETED"
    assert task["ApproximateNumberOfMessagesMoved"] == 12
    assert counts(client, url) == (12, 0)
    client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert code_of(client.cancel_message_move_task, TaskHandle=handle) == (
        "AWS.SimpleQueueService.UnsupportedOperation"
    )


def test_throttling_is_what_sdks_retry(twin: RunningTwin) -> None:
    once = twin.client("sqs")
    url = a_queue(once)
    twin.control("PATCH", "limits", {"sqs": {"requests_s": 1}})
    once.send_message(QueueUrl=url, MessageBody="x")
    assert code_of(once.send_message, QueueUrl=url, MessageBody="x") == "RequestThrottled"
    answer = twin.client("sqs", attempts=5).send_message(QueueUrl=url, MessageBody="x")
    assert answer["ResponseMetadata"]["RetryAttempts"] > 0


def test_a_fifo_queue_is_refused_clearly(twin: RunningTwin) -> None:
    with pytest.raises(ClientError, match="does not offer FIFO queues") as refused:
        a_queue(twin.client("sqs"), "q.fifo", FifoQueue="true")
    code = refused.value.response["Error"]["Code"]
    assert code == "AWS.SimpleQueueService.UnsupportedOperation"


def test_requests_are_metered(twin: RunningTwin) -> None:
    client = twin.client("sqs")
    url = a_queue(client)
    client.send_message(QueueUrl=url, MessageBody="x" * 100_000)
    (one,) = (
        one
        for one in twin.control("GET", "meter")["usage"]
        if (one["service"], one["resource"]) == ("sqs", "q")
    )
    assert (one["unit"], one["quantity"]) == ("requests", 3)
