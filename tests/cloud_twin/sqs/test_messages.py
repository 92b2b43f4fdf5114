"""Sending, receiving and deleting: checksums, quotas, timeouts, faults, the bill."""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import Any

import orjson
import pytest
from tests.cloud_twin.sqs.harness import ARN, URL, Harness

from cloud_twin.errors import AwsError
from cloud_twin.ports import QueueSink
from cloud_twin.service import PartialFailure

SOON_S = 5.0


async def test_a_message_goes_there_and_back() -> None:
    harness = Harness()
    assert harness.queue() == URL
    sent = harness.send("hällo", MessageAttributes={"n": number("7")})
    assert sent["MD5OfMessageBody"] == hashlib.md5("hällo".encode()).hexdigest()
    (message,) = harness.receive(AttributeNames=["All"], MessageAttributeNames=["All"])
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "hällo"
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["MessageAttributes"] == {"n": {"StringValue": "7", "DataType": "Number"}}
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["Attributes"]["SentTimestamp"] == "1750000000000"
    assert harness.counts() == (0, 1, 0)
    harness.delete(message)
    assert harness.counts() == (0, 0, 0)
    harness.delete(message)  # again: no error
    await harness.sqs.close()


async def test_a_hidden_message_comes_back_with_another_handle() -> None:
    harness = Harness()
    harness.queue(VisibilityTimeout="10")
    harness.send("a")
    (first,) = harness.receive()
    assert harness.receive() == []
    harness.clock.advance(10)
    (second,) = harness.receive(MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert second["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    harness.delete(first)  # the old handle succeeds and does nothing
    assert harness.counts() == (0, 1, 0)
    with pytest.raises(AwsError, match="not available for visibility timeout change"):
        change(harness, first, 0)
    change(harness, second, 0)
    assert harness.counts() == (1, 0, 0)
    with pytest.raises(AwsError) as refused:
        change(harness, second, 0)
    assert refused.value.code == "MessageNotInflight"
    (third,) = harness.receive(VisibilityTimeout=40_000)
    harness.clock.advance(10_000)
    with pytest.raises(AwsError, match="beyond the limit"):
        change(harness, third, 40_000)
    harness.delete(third)
    await harness.sqs.close()


async def test_delays_and_retention() -> None:
    harness = Harness()
    harness.queue(DelaySeconds="5", MessageRetentionPeriod="60")
    harness.send("late")
    harness.send("now", DelaySeconds=0)
    assert harness.counts() == (1, 0, 1)
    assert [message["Body"] for message in harness.receive()] == ["now"]
    harness.clock.advance(5)
    assert [message["Body"] for message in harness.receive(VisibilityTimeout=0)] == ["late"]
    harness.clock.advance(56)
    assert harness.receive() == []
    assert harness.counts() == (0, 0, 0)
    await harness.sqs.close()


async def test_a_long_poll_waits_without_holding_anybody_up() -> None:
    harness = Harness()
    harness.queue()
    waiting = asyncio.ensure_future(
        harness.start("ReceiveMessage", QueueUrl=URL, WaitTimeSeconds=20)
    )
    await asyncio.sleep(0)
    harness.send("a")
    answer = await asyncio.wait_for(waiting, SOON_S)
    assert [message["Body"] for message in answer.body["Messages"]] == ["a"]

    short = asyncio.ensure_future(harness.start("ReceiveMessage", QueueUrl=URL, WaitTimeSeconds=1))
    await asyncio.sleep(0)
    harness.clock.advance(1)
    assert (await asyncio.wait_for(short, SOON_S)).body == {}
    await harness.sqs.close()


async def test_a_long_poll_gets_what_becomes_visible_and_ends_with_its_queue() -> None:
    harness = Harness()
    harness.queue(ReceiveMessageWaitTimeSeconds="20")
    harness.send("a")
    (message,) = harness.receive()
    waiting = asyncio.ensure_future(harness.start("ReceiveMessage", QueueUrl=URL))
    await asyncio.sleep(0)
    change(harness, message, 0)
    answer = await asyncio.wait_for(waiting, SOON_S)
    assert [one["Body"] for one in answer.body["Messages"]] == ["a"]
    waiting = asyncio.ensure_future(harness.start("ReceiveMessage", QueueUrl=URL))
    await asyncio.sleep(0)
    harness.call("DeleteQueue", QueueUrl=URL)
    assert (await asyncio.wait_for(waiting, SOON_S)).body == {}
    await harness.sqs.close()


async def test_two_long_polls_share_two_messages() -> None:
    harness = Harness()
    harness.queue()
    polls = [
        asyncio.ensure_future(harness.start("ReceiveMessage", QueueUrl=URL, WaitTimeSeconds=20))
        for _ in range(2)
    ]
    await asyncio.sleep(0)
    harness.send("a")
    harness.send("b")
    answers = await asyncio.wait_for(asyncio.gather(*polls), SOON_S)
    assert sorted(answer.body["Messages"][0]["Body"] for answer in answers) == ["a", "b"]
    await harness.sqs.close()


async def test_batches_answer_entry_by_entry() -> None:
    harness = Harness()
    harness.queue()
    entries = [{"Id": str(i), "MessageBody": f"m{i}"} for i in range(9)]
    answer = harness.call(
        "SendMessageBatch", QueueUrl=URL, Entries=[*entries, {"Id": "bad", "MessageBody": "\u0001"}]
    )
    assert [one["Id"] for one in answer["Successful"]] == [str(i) for i in range(9)]
    assert answer["Failed"][0]["Id"] == "bad"
    assert answer["Failed"][0]["Code"] == "InvalidMessageContents"
    assert answer["Failed"][0]["SenderFault"] is True
    messages = harness.receive()
    handles = [
        {"Id": str(i), "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": 0}
        for i, one in enumerate(messages)
    ]
    answer = harness.call(
        "ChangeMessageVisibilityBatch",
        QueueUrl=URL,
        Entries=[*handles, {"Id": "x", "ReceiptHandle": "x", "VisibilityTimeout": 0}],
    )
    assert len(answer["Successful"]) == 9
    assert answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    answer = harness.call("DeleteMessageBatch", QueueUrl=URL, Entries=handles)
    assert len(answer["Successful"]) == 9
    assert harness.counts() == (0, 0, 0)
    assert harness.metrics.sums["NumberOfMessagesSent", "q"] == 9
    assert harness.metrics.sums["NumberOfMessagesReceived", "q"] == 9
    assert harness.metrics.sums["NumberOfMessagesDeleted", "q"] == 9
    await harness.sqs.close()


async def test_a_fault_plan_fails_entries_of_a_batch() -> None:
    harness = Harness()
    harness.queue()
    partial = PartialFailure(0.5, "InternalError", "no", random.Random(3))
    entries = [{"Id": str(i), "MessageBody": "m"} for i in range(10)]
    answer = harness.faulted(partial, "SendMessageBatch", QueueUrl=URL, Entries=entries)
    assert 0 < len(answer["Failed"]) < 10
    assert answer["Failed"][0]["SenderFault"] is False
    assert harness.counts() == (len(answer["Successful"]), 0, 0)
    await harness.sqs.close()


@pytest.mark.parametrize(
    ("operation", "given", "code"),
    [
        ("SendMessage", {"MessageBody": ""}, "MissingParameter"),
        ("SendMessage", {"MessageBody": 3}, "SerializationException"),
        ("SendMessage", {"MessageBody": "x" * (2**20 + 1)}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": "\ufffe"}, "InvalidMessageContents"),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": "x", "MessageAttributes": {"a..b": {"DataType": "String",
         "StringValue": "x"}}}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Date",
         "StringValue": "x"}}}, "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Binary",
         "BinaryValue": "x"}}}, "SerializationException"),
        ("SendMessageBatch", {}, "EmptyBatchRequest"),
        ("SendMessageBatch", {"Entries": [{"Id": "a", "MessageBody": "x"}] * 2},
         "BatchEntryIdsNotDistinct"),
        ("SendMessageBatch", {"Entries": [{"Id": "a b", "MessageBody": "x"}]},
         "InvalidBatchEntryId"),
        ("SendMessageBatch", {"Entries": [{"Id": str(i), "MessageBody": "x"} for i in range(11)]},
         "TooManyEntriesInBatchRequest"),
        ("SendMessageBatch", {"Entries": [{"Id": str(i), "MessageBody": "x" * 600_000}
         for i in range(2)]}, "BatchRequestTooLong"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("ReceiveMessage", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("DeleteMessage", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid"),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x", "VisibilityTimeout": 0},
         "ReceiptHandleIsInvalid"),
        ("GetQueueAttributes", {"AttributeNames": ["Colour"]}, "InvalidAttributeName"),
        ("SetQueueAttributes", {"Attributes": {"VisibilityTimeout": "43201"}},
         "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy": "no"}}, "InvalidAttributeValue"),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy": "{\"maxReceiveCount\":1}"}},
         "InvalidParameterValue"),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy":
         "{\"maxReceiveCount\":1,\"deadLetterTargetArn\":\"x\"}"}}, "InvalidParameterValue"),
        ("SetQueueAttributes", {}, "MissingParameter"),
        ("TagQueue", {}, "MissingParameter"),
        ("AddPermission", {}, "UnknownOperationException"),
    ],
)  # fmt: skip
async def test_bad_requests_are_awss_errors(
    operation: str, given: dict[str, Any], code: str
) -> None:
    harness = Harness()
    harness.queue()
    with pytest.raises(AwsError) as refused:
        harness.call(operation, QueueUrl=URL, **given)
    assert refused.value.code == code
    assert harness.counts() == (0, 0, 0)
    await harness.sqs.close()


async def test_quotas_can_be_changed() -> None:
    harness = Harness()
    harness.queue()
    harness.sqs.set_limits({"in_flight_per_queue": 1})
    harness.send("a")
    harness.send("b")
    assert len(harness.receive(1)) == 1
    with pytest.raises(AwsError) as refused:
        harness.receive(1)
    assert refused.value.code == "OverLimit"
    harness.sqs.set_limits({"requests_s": 2})
    harness.send("c")
    harness.send("d")
    with pytest.raises(AwsError) as refused:
        harness.send("e")
    assert refused.value.code == "RequestThrottled"
    harness.clock.advance(0.5)
    harness.send("e")
    await harness.sqs.close()


async def test_a_request_is_billed_by_64_kilobytes() -> None:
    harness = Harness()
    harness.queue()
    before = harness.requests()
    harness.send("x" * 64 * 1024)
    assert harness.requests() - before == 1
    harness.send("x" * (64 * 1024 + 1))
    assert harness.requests() - before == 3
    harness.receive()
    assert harness.requests() - before == 6
    harness.receive()  # an empty answer is a request too
    assert harness.requests() - before == 7
    await harness.sqs.close()


async def test_a_sink_takes_messages_from_inside() -> None:
    harness = Harness()
    harness.queue()
    sink: QueueSink = harness.sqs
    sink.send(ARN, "from within")
    assert [message["Body"] for message in harness.receive()] == ["from within"]
    with pytest.raises(AwsError) as refused:
        sink.send(ARN + "x", "lost")
    assert refused.value.code == "QueueDoesNotExist"
    await harness.sqs.close()


async def test_gauges_are_reported_from_time_to_time() -> None:
    harness = Harness()
    harness.queue()
    harness.send("a")
    harness.send("b")
    harness.receive(1)
    name = ("ApproximateNumberOfMessagesVisible", "q")
    async with asyncio.timeout(SOON_S):
        while name not in harness.metrics.latest:
            await asyncio.sleep(0.05)
    assert harness.metrics.latest[name] == 1
    assert harness.metrics.latest["ApproximateNumberOfMessagesNotVisible", "q"] == 1
    await harness.sqs.close()
    await harness.sqs.close()


async def test_the_attributes_asked_for_are_the_attributes_given() -> None:
    harness = Harness()
    harness.queue()
    attributes = {"a.x": number("1"), "a.y": number("2"), "b": number("3")}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2"}}
    sent = harness.send("m", MessageAttributes=attributes, MessageSystemAttributes=trace)
    assert len(sent["MD5OfMessageSystemAttributes"]) == 32
    found = []
    for names in (["a.*"], ["b", "zz"], [".*"], []):
        (message,) = harness.receive(
            VisibilityTimeout=0, MessageAttributeNames=names, AttributeNames=["AWSTraceHeader"]
        )
        assert message["Attributes"] == {"AWSTraceHeader": "Root=1-2"}
        found.append(sorted(message.get("MessageAttributes", {})))
    assert found == [["a.x", "a.y"], ["b"], ["a.x", "a.y", "b"], []]
    await harness.sqs.close()


def number(value: str) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": value}


def change(harness: Harness, message: Any, seconds: int) -> None:
    harness.call(
        "ChangeMessageVisibility",
        QueueUrl=URL,
        ReceiptHandle=message["ReceiptHandle"],
        VisibilityTimeout=seconds,
    )


def test_answers_are_json() -> None:
    assert orjson.dumps({"limits": Harness().sqs.limits()})
