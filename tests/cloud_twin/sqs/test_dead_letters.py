"""Dead letters: there after maxReceiveCount, and back by a move task."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.cloud_twin.sqs.harness import ARN, URL, Harness

from cloud_twin.errors import AwsError

DEAD_URL = URL + "-dead"
DEAD_ARN = ARN + "-dead"
SOON_S = 5.0


def with_dead_letters(harness: Harness, receives: int = 2) -> None:
    harness.queue("q-dead")
    policy = json.dumps({"deadLetterTargetArn": DEAD_ARN, "maxReceiveCount": receives})
    harness.queue(RedrivePolicy=policy, VisibilityTimeout="1")


def kill(harness: Harness, count: int, receives: int = 2) -> None:
    """Send messages and receive them until they are dead letters."""
    for i in range(count):
        harness.send(f"m{i}")
    for _ in range(receives + 1):
        while harness.receive():
            pass
        harness.clock.advance(1)


async def test_a_message_dies_after_so_many_receives_and_comes_back() -> None:
    harness = Harness()
    with_dead_letters(harness)
    kill(harness, 25)
    assert harness.counts() == (0, 0, 0)
    assert harness.counts(DEAD_URL) == (25, 0, 0)
    (letter,) = harness.receive(1, DEAD_URL, AttributeNames=["All"], VisibilityTimeout=0)
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == ARN
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
    sources = harness.call("ListDeadLetterSourceQueues", QueueUrl=DEAD_URL)
    assert sources["queueUrls"] == [URL]

    handle = harness.call("StartMessageMoveTask", SourceArn=DEAD_ARN)["TaskHandle"]
    (task,) = harness.call("ListMessageMoveTasks", SourceArn=DEAD_ARN)["Results"]
    assert task["Status"] == "RUNNING"
    assert task["TaskHandle"] == handle
    assert task["ApproximateNumberOfMessagesToMove"] == 25
    harness.clock.advance(1)
    (task,) = harness.call("ListMessageMoveTasks", SourceArn=DEAD_ARN)["Results"]
    assert task["Status"] == "COMPLETED"
    assert task["ApproximateNumberOfMessagesMoved"] == 25
    assert harness.counts() == (25, 0, 0)
    assert harness.counts(DEAD_URL) == (0, 0, 0)
    back = harness.receive(1, AttributeNames=["All"])[0]
    assert back["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in back["Attributes"]
    await harness.sqs.close()


async def test_a_move_has_a_rate_and_can_be_cancelled() -> None:
    harness = Harness()
    with_dead_letters(harness)
    kill(harness, 30)
    start: dict[str, Any] = {"SourceArn": DEAD_ARN, "MaxNumberOfMessagesPerSecond": 10}
    handle = harness.call("StartMessageMoveTask", **start)["TaskHandle"]
    with pytest.raises(AwsError, match="already a task running") as refused:
        harness.call("StartMessageMoveTask", **start)
    assert refused.value.code == "UnsupportedOperation"
    harness.clock.advance(1)
    assert harness.counts() == (10, 0, 0)
    answer = harness.call("CancelMessageMoveTask", TaskHandle=handle)
    assert answer == {"ApproximateNumberOfMessagesMoved": 10}
    harness.clock.advance(10)
    assert harness.counts() == (10, 0, 0)
    assert harness.counts(DEAD_URL) == (20, 0, 0)
    with pytest.raises(AwsError, match="Only active tasks"):
        harness.call("CancelMessageMoveTask", TaskHandle=handle)
    with pytest.raises(AwsError) as refused:
        harness.call("CancelMessageMoveTask", TaskHandle="x")
    assert refused.value.code == "ResourceNotFoundException"
    await harness.sqs.close()


async def test_a_move_wakes_a_long_poll_by_itself() -> None:
    harness = Harness()
    with_dead_letters(harness)
    kill(harness, 3)
    waiting = asyncio.ensure_future(
        harness.start("ReceiveMessage", QueueUrl=URL, WaitTimeSeconds=20, MaxNumberOfMessages=10)
    )
    await asyncio.sleep(0)
    harness.call("StartMessageMoveTask", SourceArn=DEAD_ARN)
    harness.clock.advance(1)  # nobody calls from here on
    answer = await asyncio.wait_for(waiting, SOON_S)
    assert answer.body["Messages"]
    await harness.sqs.close()


async def test_a_move_to_another_queue_and_one_without_a_source() -> None:
    harness = Harness()
    with_dead_letters(harness)
    harness.queue("other")
    harness.send("straight", DEAD_URL)
    harness.call("StartMessageMoveTask", SourceArn=DEAD_ARN)
    harness.clock.advance(1)
    (task,) = harness.call("ListMessageMoveTasks", SourceArn=DEAD_ARN)["Results"]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert harness.counts(DEAD_URL) == (1, 0, 0)
    other_arn = ARN.removesuffix("q") + "other"
    harness.call("StartMessageMoveTask", SourceArn=DEAD_ARN, DestinationArn=other_arn)
    harness.clock.advance(1)
    tasks = harness.call("ListMessageMoveTasks", SourceArn=DEAD_ARN, MaxResults=10)["Results"]
    assert [task["Status"] for task in tasks] == ["COMPLETED", "FAILED"]
    bodies = [m["Body"] for m in harness.receive(url=URL.removesuffix("q") + "other")]
    assert bodies == ["straight"]
    await harness.sqs.close()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"SourceArn": ARN}, "InvalidParameterValue"),
        ({"SourceArn": ARN + "x"}, "ResourceNotFoundException"),
        ({"SourceArn": DEAD_ARN, "DestinationArn": ARN + "x"}, "ResourceNotFoundException"),
        ({"SourceArn": DEAD_ARN, "DestinationArn": DEAD_ARN}, "InvalidParameterValue"),
        (
            {"SourceArn": DEAD_ARN, "MaxNumberOfMessagesPerSecond": 501},
            "InvalidParameterValue",
        ),
        ({}, "MissingParameter"),
    ],
)
async def test_impossible_moves_are_refused(given: dict[str, Any], code: str) -> None:
    harness = Harness()
    with_dead_letters(harness)
    with pytest.raises(AwsError) as refused:
        harness.call("StartMessageMoveTask", **given)
    assert refused.value.code == code
    await harness.sqs.close()


async def test_queues_are_made_found_set_purged_and_deleted() -> None:
    harness = Harness()
    assert harness.queue(VisibilityTimeout="5") == URL
    assert harness.queue(VisibilityTimeout="5") == URL
    assert harness.call("GetQueueUrl", QueueName="q") == {"QueueUrl": URL}
    with pytest.raises(AwsError, match="different value for attribute VisibilityTimeout"):
        harness.queue(VisibilityTimeout="6")
    for name, attributes, code in (
        ("a b", {}, "InvalidParameterValue"),
        ("q.fifo", {}, "UnsupportedOperation"),
        ("q.fifo", {"FifoQueue": "true"}, "UnsupportedOperation"),
        ("x", {"Colour": "1"}, "InvalidAttributeName"),
    ):
        with pytest.raises(AwsError) as refused:
            harness.queue(name, **attributes)
        assert refused.value.code == code
    harness.call("SetQueueAttributes", QueueUrl=URL, Attributes={"VisibilityTimeout": "7"})
    answer = harness.call("GetQueueAttributes", QueueUrl=URL, AttributeNames=["VisibilityTimeout"])
    assert answer == {"Attributes": {"VisibilityTimeout": "7"}}
    assert harness.call("GetQueueAttributes", QueueUrl=URL) == {}
    harness.call("TagQueue", QueueUrl=URL, Tags={"a": "1", "b": "2"})
    harness.call("UntagQueue", QueueUrl=URL, TagKeys=["a"])
    assert harness.call("ListQueueTags", QueueUrl=URL) == {"Tags": {"b": "2"}}
    harness.send("a")
    harness.call("PurgeQueue", QueueUrl=URL)
    assert harness.counts() == (0, 0, 0)
    with pytest.raises(AwsError) as refused:
        harness.call("PurgeQueue", QueueUrl=URL)
    assert refused.value.code == "PurgeQueueInProgress"
    harness.queue("r")
    first = harness.call("ListQueues", MaxResults=1)
    assert first["QueueUrls"] == [URL]
    assert harness.call("ListQueues", MaxResults=1, NextToken=first["NextToken"]) == {
        "QueueUrls": [URL.removesuffix("q") + "r"]
    }
    assert harness.call("ListQueues", QueueNamePrefix="zz") == {}
    harness.call("DeleteQueue", QueueUrl=URL)
    with pytest.raises(AwsError) as refused:
        harness.send("a")
    assert refused.value.code == "QueueDoesNotExist"
    with pytest.raises(AwsError) as refused:
        harness.queue()
    assert refused.value.code == "QueueDeletedRecently"
    harness.clock.advance(60)
    assert harness.queue() == URL
    await harness.sqs.close()
