"""The reading end of the dead letters, on a twin."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from fraud_platform.stream.adapters.streams import Outgoing, kinesis_wire, put_records
from fraud_platform.stream.backoff import Patience
from fraud_platform.stream.dead_letters import DeadLetterQueue
from fraud_platform.stream.envelope import LANES, explicit_hash_key, hash_key_of, partition_key
from fraud_platform.stream.names import ResourceNames, make_names
from fraud_platform.stream.resources import Resources, Sizes
from fraud_platform.stream.session import AwsSession


class Letters:
    """A stream and its dead letters, without a function."""

    def __init__(self, twin_url: str) -> None:
        self.twin_url = twin_url
        self.names: ResourceNames = make_names(f"l{uuid4().hex[:8]}-", None)
        self.session = AwsSession("us-east-1", twin_url)
        self.resources = Resources(self.session, self.names)
        self.resources.create_storage(Sizes(transaction_shards=2, decision_shards=1))
        self.queue = DeadLetterQueue(self.session, self.names)
        self.kinesis = self.session.client("kinesis")
        self._sqs = self.session.client("sqs")
        self._url = self._sqs.get_queue_url(QueueName=self.names.dead_letters)["QueueUrl"]

    def send(self, body: object) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=json.dumps(body))

    def failed(self, stored: list[Any]) -> dict[str, Any]:
        """The message of a batch that Lambda has given up."""
        batch = {
            "shardId": stored[0].shard_id,
            "startSequenceNumber": stored[0].sequence_number,
            "endSequenceNumber": stored[-1].sequence_number,
            "batchSize": len(stored),
        }
        return {"KinesisBatchInfo": batch}

    def put(self, count: int, key: str = "lane-03", size: int = 10) -> list[Any]:
        records = [Outgoing(b"%06d" % n + b"." * size, key, hash_key_of(key)) for n in range(count)]
        wire = kinesis_wire(self.session, Patience(10.0))
        return list(put_records(wire, self.names.transactions, records))

    def held(self) -> dict[str, list[bytes]]:
        """The data of all records, by shard."""
        found = {}
        for number in range(2):
            shard = f"shardId-{number:012d}"
            iterator = self.kinesis.get_shard_iterator(
                StreamName=self.names.transactions, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            page = self.kinesis.get_records(ShardIterator=iterator)
            found[shard] = [record["Data"] for record in page["Records"]]
        return found

    @contextmanager
    def limit(self, name: str, value: float) -> Iterator[None]:
        """The twin is shared: its limits are put back."""
        before = self._limits("GET")["kinesis"][name]
        self._limits("PATCH", {"kinesis": {name: value}})
        try:
            yield
        finally:
            self._limits("PATCH", {"kinesis": {name: before}})

    def _limits(self, method: str, change: object = None) -> Any:
        body = None if change is None else json.dumps(change).encode()
        request = urllib.request.Request(f"{self.twin_url}/_twin/limits", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


@pytest.fixture
def letters(twin_url: str) -> Iterator[Letters]:
    made = Letters(twin_url)
    yield made
    made.resources.delete()


def test_all_are_listed_as_often_as_one_asks(letters: Letters) -> None:
    bodies = {f"reason-{number}" for number in range(25)}
    for body in sorted(bodies):
        letters.send({"reason": body})
    for _ in range(2):
        listed = [json.loads(message["Body"])["reason"] for message in letters.queue.messages(100)]
        assert sorted(listed) == sorted(bodies)
    assert len(letters.queue.messages(3)) == 3


def test_letters_of_the_function_stay_and_can_be_seen_at_once(letters: Letters) -> None:
    letters.send({"reason": "unreadable"})
    for _ in range(2):
        assert letters.queue.redrive().document() == {
            "batches": 0, "records": 0, "left": {"unreadable": 1}, "problems": [],
        }  # fmt: skip
    assert len(letters.queue.messages(10)) == 1


def test_a_batch_is_put_in_again_where_its_lane_is(letters: Letters) -> None:
    stored = letters.put(6)
    letters.put(3)
    letters.send(letters.failed(stored[1:5]))
    assert letters.queue.redrive().document() == {
        "batches": 1, "records": 4, "left": {}, "problems": [],
    }  # fmt: skip
    assert letters.queue.messages(10) == []
    here = letters.held()[stored[0].shard_id]
    assert [int(data[:6]) for data in here] == [0, 1, 2, 3, 4, 5, 0, 1, 2, 1, 2, 3, 4]


def test_a_full_stream_is_waited_for(letters: Letters) -> None:
    stored = letters.put(40)
    letters.send(letters.failed(stored))
    with letters.limit("records_per_shard_s", 15):
        done = letters.queue.redrive()
    assert (done.batches, done.records, done.problems) == (1, 40, [])
    here = letters.held()[stored[0].shard_id]
    assert sorted(int(data[:6]) for data in here) == sorted([*range(40), *range(40)])


def test_what_the_stream_has_forgotten_is_not_forgotten_here(letters: Letters) -> None:
    """Of ten records one was dropped: the rest goes in, the message stays and says so."""
    stored = [*letters.put(1, size=900_000), *letters.put(9)]
    letters.send(letters.failed(stored))
    letters.send(letters.failed(stored[:1]))
    with letters.limit("retained_bytes_per_stream", 100_000):
        letters.put(1)
    assert len(letters.held()[stored[0].shard_id]) == 10
    done = letters.queue.redrive()
    assert (done.batches, done.records) == (0, 9)
    assert len(done.problems) == 2
    assert all("not in the stream any more" in problem for problem in done.problems)
    assert len(letters.queue.messages(10)) == 2


def test_every_lane_keeps_its_place() -> None:
    for lane in range(LANES):
        assert hash_key_of(partition_key(lane)) == explicit_hash_key(lane)
    assert hash_key_of("u-17") is None
