"""What could not be decided: looking at the queue, and putting failed batches in again.

After its last retry Lambda sends a message that says where in the stream the batch is. ``redrive``
reads it there and puts its records into the stream once more, under their own ids: what was decided
after all stays decided, the rest gets its decision now. Messages of the function itself (records
that hold no transaction, ids used twice) stay in the queue for people to look at, and so does the
message of a batch that the stream does not keep any more: it is the last that is known of it.
"""

from __future__ import annotations

import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from fraud_platform.errors import StoreError
from fraud_platform.stream.adapters.streams import (
    Failed,
    Outgoing,
    batches,
    kinesis_wire,
    put_records,
)
from fraud_platform.stream.backoff import Backoff, Patience, Waiter
from fraud_platform.stream.calls import call
from fraud_platform.stream.envelope import hash_key_of
from fraud_platform.stream.names import ResourceNames
from fraud_platform.stream.session import AwsSession

_HIDDEN_S = 60
"""Messages that are being looked at are hidden from others for so long, or until that is done."""
_AT_ONCE = 10
"""Most messages that SQS gives out, or takes back, in one call."""
_READS = 10_000
_PATIENCE_S = 60.0


@dataclass(slots=True)
class Redriven:
    """What ``redrive`` has done."""

    batches: int = 0
    records: int = 0
    left: dict[str, int] = field(default_factory=dict)
    """Messages that stay in the queue, by reason."""
    problems: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "batches": self.batches,
            "records": self.records,
            "left": self.left,
            "problems": self.problems,
        }


class DeadLetterQueue:
    """The queue's reading end; raises ``ResourceError`` or ``StoreError``."""

    def __init__(
        self,
        session: AwsSession,
        names: ResourceNames,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._names = names
        self._sqs = session.client("sqs")
        self._patience = Patience(_PATIENCE_S)
        self._kinesis = kinesis_wire(session, self._patience, sleep=sleep)
        backoff = Backoff(base_s=0.1, longest_s=5.0)
        self._waiter = Waiter(self._patience, random.Random(), backoff, sleep)
        found = call(self._sqs.get_queue_url, QueueName=names.dead_letters)
        self._url = str(found["QueueUrl"])

    def messages(self, most: int) -> list[Mapping[str, Any]]:
        """Up to so many messages; they stay in the queue, for whoever asks next."""
        taken: list[Mapping[str, Any]] = []
        try:
            taken += self._take(most)
        finally:
            self._give_back(taken)
        return taken

    def redrive(self, most: int = 10_000) -> Redriven:
        """Put failed batches in again and delete their messages."""
        done = Redriven()
        left: list[Mapping[str, Any]] = []
        try:
            for message in self._take(most):
                if not self._redrive(message, done):
                    left.append(message)
        finally:
            self._give_back(left)
        return done

    def _take(self, most: int) -> Iterator[Mapping[str, Any]]:
        """Messages, hidden from others from now on."""
        seen: set[str] = set()
        while len(seen) < most:
            answer = call(
                self._sqs.receive_message,
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_AT_ONCE, most - len(seen)),
                VisibilityTimeout=_HIDDEN_S,
                WaitTimeSeconds=1,
            )
            new = [m for m in answer.get("Messages", ()) if m["MessageId"] not in seen]
            if not new:
                return
            for message in new:
                seen.add(message["MessageId"])
                yield message

    def _give_back(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Nobody has to wait until they can be seen again."""
        for start in range(0, len(messages), _AT_ONCE):
            entries = [
                {"Id": str(place), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 0}
                for place, m in enumerate(messages[start : start + _AT_ONCE])
            ]
            call(self._sqs.change_message_visibility_batch, QueueUrl=self._url, Entries=entries)

    def _redrive(self, message: Mapping[str, Any], done: Redriven) -> bool:
        """One message; False where it stays in the queue."""
        batch = _batch_in(message["Body"])
        if batch is None:
            reason = _reason(message["Body"])
            done.left[reason] = done.left.get(reason, 0) + 1
            return False
        self._patience.renew(_PATIENCE_S)
        try:
            records, whole = self._read(batch)
            self._put(records)
        except StoreError as error:
            done.problems.append(f"batch of {batch.get('shardId')}: {error}")
            return False
        done.records += len(records)
        if not whole:
            done.problems.append(
                f"batch of {batch.get('shardId')}: records from {batch['startSequenceNumber']} on"
                " are not in the stream any more; the message stays as a record of them"
            )
            return False
        done.batches += 1
        call(self._sqs.delete_message, QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _read(self, batch: Mapping[str, Any]) -> tuple[list[Outgoing], bool]:
        """What the stream still has of a failed batch, and whether that is all of it."""
        first, last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
        answer = self._kinesis.call(
            "GetShardIterator",
            {
                "StreamName": self._names.transactions,
                "ShardId": batch["shardId"],
                "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "StartingSequenceNumber": batch["startSequenceNumber"],
            },
        )
        iterator = answer["ShardIterator"]
        records: list[Outgoing] = []
        whole = False
        for _ in range(_READS):
            page = self._kinesis.call("GetRecords", {"ShardIterator": iterator})
            for record in page["Records"]:
                place = int(record["SequenceNumber"])
                if place <= last:
                    whole = whole or place == first
                    key = record["PartitionKey"]
                    records.append(Outgoing(b64decode(record["Data"]), key, hash_key_of(key)))
                if place >= last:
                    return records, whole
            iterator = page.get("NextShardIterator")
            if iterator is None or (not page["Records"] and not page.get("MillisBehindLatest")):
                break
        return records, whole

    def _put(self, records: Sequence[Outgoing]) -> None:
        for batch in batches(records):
            left: Sequence[Outgoing] = batch
            failures = 0
            while left:
                results = put_records(self._kinesis, self._names.transactions, left)
                left = [
                    record
                    for record, result in zip(left, results, strict=True)
                    if isinstance(result, Failed)
                ]
                if left:
                    failures += 1
                    self._waiter.wait(failures, f"stream {self._names.transactions} is full")


def _batch_in(body: str) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(body)["KinesisBatchInfo"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) and "startSequenceNumber" in found else None


def _reason(body: str) -> str:
    try:
        return str(orjson.loads(body)["reason"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "unknown"
