"""What could not be decided: looking at the queue, and putting failed batches in again.

After its last retry Lambda sends a message that says where in the stream the batch is. ``redrive``
reads it there and puts its records into the stream once more, under their own ids: what was decided
after all stays decided, the rest gets its decision now. Messages of the function itself (records
that hold no transaction, ids used twice) stay in the queue for people to look at.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from fraud_platform.stream.adapters.streams import (
    Failed,
    Outgoing,
    batches,
    kinesis_wire,
    put_records,
)
from fraud_platform.stream.aws_wire import AwsCallError
from fraud_platform.stream.backoff import Patience
from fraud_platform.stream.calls import call
from fraud_platform.stream.names import ResourceNames
from fraud_platform.stream.session import AwsSession

_HIDDEN_S = 60
"""Messages that are being looked at are hidden from others for so long."""
_READS = 10_000


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

    def __init__(self, session: AwsSession, names: ResourceNames) -> None:
        self._names = names
        self._sqs = session.client("sqs")
        self._kinesis = kinesis_wire(session, Patience(60.0))
        found = call(self._sqs.get_queue_url, QueueName=names.dead_letters)
        self._url = str(found["QueueUrl"])

    def messages(self, most: int, hidden_s: int = 0) -> Iterator[Mapping[str, Any]]:
        """Up to so many messages; they stay in the queue."""
        seen: set[str] = set()
        while len(seen) < most:
            answer = call(
                self._sqs.receive_message,
                QueueUrl=self._url,
                MaxNumberOfMessages=min(10, most - len(seen)),
                VisibilityTimeout=hidden_s,
                WaitTimeSeconds=1,
            )
            new = [m for m in answer.get("Messages", ()) if m["MessageId"] not in seen]
            if not new:
                return
            for message in new:
                seen.add(message["MessageId"])
                yield message

    def redrive(self, most: int = 10_000) -> Redriven:
        """Put failed batches in again and delete their messages."""
        done = Redriven()
        for message in self.messages(most, _HIDDEN_S):
            batch = _batch_in(message["Body"])
            if batch is None:
                reason = _reason(message["Body"])
                done.left[reason] = done.left.get(reason, 0) + 1
                continue
            try:
                records = list(self._records(batch))
                self._put(records)
            except AwsCallError as error:
                done.problems.append(f"batch of {batch.get('shardId')}: {error}")
                continue
            done.batches += 1
            done.records += len(records)
            call(
                self._sqs.delete_message,
                QueueUrl=self._url,
                ReceiptHandle=message["ReceiptHandle"],
            )
        return done

    def _records(self, batch: Mapping[str, Any]) -> Iterator[Outgoing]:
        """The records of a failed batch, from the stream."""
        last = int(batch["endSequenceNumber"])
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
        for _ in range(_READS):
            if iterator is None:
                return
            page = self._kinesis.call("GetRecords", {"ShardIterator": iterator})
            for record in page["Records"]:
                if int(record["SequenceNumber"]) > last:
                    return
                yield Outgoing(b64decode(record["Data"]), record["PartitionKey"])
                if int(record["SequenceNumber"]) == last:
                    return
            iterator = page.get("NextShardIterator")

    def _put(self, records: Sequence[Outgoing]) -> None:
        for batch in batches(records):
            left: Sequence[Outgoing] = batch
            for _ in range(20):
                results = put_records(self._kinesis, self._names.transactions, left)
                left = [
                    record
                    for record, result in zip(left, results, strict=True)
                    if isinstance(result, Failed)
                ]
                if not left:
                    break
            if left:
                raise AwsCallError("ProvisionedThroughputExceededException", "the stream is full")


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
