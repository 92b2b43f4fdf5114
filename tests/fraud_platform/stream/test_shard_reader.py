from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from fraud_platform.stream import shard_reader
from fraud_platform.stream.aws_wire import AwsCallError, AwsJson
from fraud_platform.stream.shard_reader import ShardReader, behind_ms


class FakeKinesis:
    """Shards with records; iterators are positions, and fail as they are told."""

    def __init__(self) -> None:
        self.shards: dict[str, list[bytes]] = {"a": []}
        self.parents: dict[str, str] = {}
        self.closed: set[str] = set()
        self.trouble: list[str] = []
        self.asked: list[str] = []

    def call(self, operation: str, parameters: Mapping[str, Any], *, once: bool = False) -> Any:
        if operation == "ListShards":
            return {
                "Shards": [
                    {
                        "ShardId": name,
                        **({"ParentShardId": p} if (p := self.parents.get(name)) else {}),
                    }
                    for name in self.shards
                ]
            }
        if self.trouble:
            raise AwsCallError(self.trouble.pop(0), "as told")
        if operation == "GetShardIterator":
            kind = parameters["ShardIteratorType"]
            self.asked.append(kind)
            after = int(parameters.get("StartingSequenceNumber", -1)) + 1
            return {"ShardIterator": f"{parameters['ShardId']}:{after}"}
        name, _, at = parameters["ShardIterator"].partition(":")
        records = self.shards[name][int(at) : int(at) + 7]
        following = int(at) + len(records)
        done = name in self.closed and following == len(self.shards[name])
        return {
            "Records": [
                {"SequenceNumber": str(int(at) + n), "Data": b64encode(record).decode()}
                for n, record in enumerate(records)
            ],
            "NextShardIterator": None if done else f"{name}:{following}",
            "MillisBehindLatest": 40,
        }


def reader(kinesis: FakeKinesis, seen: list[bytes]) -> ShardReader:
    return ShardReader(cast(AwsJson, kinesis), "decisions", seen.extend, since_s=0.0, poll_s=0.005)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.005)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_every_record_is_read_once_whatever_fails() -> None:
    kinesis, seen = FakeKinesis(), list[bytes]()
    made = reader(kinesis, seen)
    task = asyncio.create_task(made.run())
    for number in range(60):
        kinesis.shards["a"].append(b"%d" % number)
        if number == 20:
            kinesis.trouble += ["ExpiredIteratorException"]
        if number == 40:
            kinesis.trouble += ["ProvisionedThroughputExceededException", "ConnectionError"]
        if number % 10 == 0:
            await asyncio.sleep(0.01)
    await until(lambda: len(seen) >= 60)
    assert seen == [b"%d" % number for number in range(60)]
    assert made.counters.expired == 1
    assert made.counters.failures == 3
    assert kinesis.asked[0] == "AT_TIMESTAMP"
    assert set(kinesis.asked[1:]) <= {"AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"}
    assert behind_ms(made.counters) == 40
    await ended(task)


async def test_children_are_read_after_their_parent() -> None:
    kinesis, seen = FakeKinesis(), list[bytes]()
    kinesis.shards = {"a": [b"1", b"2"], "b": [b"3"], "c": [b"4"]}
    kinesis.parents = {"b": "a", "c": "b"}
    kinesis.closed = {"a", "b"}
    task = asyncio.create_task(reader(kinesis, seen).run())
    await until(lambda: len(seen) == 4)
    assert seen == [b"1", b"2", b"3", b"4"]
    await ended(task)


async def test_a_stream_that_cannot_be_listed_is_no_end() -> None:
    kinesis = FakeKinesis()
    kinesis.shards = {}
    seen: list[bytes] = []
    task = asyncio.create_task(reader(kinesis, seen).run())
    await asyncio.sleep(0)
    assert not task.done()
    await ended(task)


async def test_nobody_waits_and_still_everything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_reader, "UNWANTED_POLL_S", 0.03)
    kinesis, seen, wanted = FakeKinesis(), list[bytes](), [False]
    made = ShardReader(
        cast(AwsJson, kinesis),
        "decisions",
        seen.extend,
        since_s=0.0,
        poll_s=0.001,
        wanted=lambda: wanted[0],
    )
    task = asyncio.create_task(made.run())
    kinesis.shards["a"].extend([b"1", b"2"])
    await until(lambda: len(seen) == 2)
    wanted[0] = True
    kinesis.shards["a"].append(b"3")
    await until(lambda: seen == [b"1", b"2", b"3"])
    await ended(task)
