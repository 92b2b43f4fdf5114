"""Putting records into Kinesis: whole batches, the failed ones again."""

from __future__ import annotations

import random
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fraud_platform.errors import StoreError
from fraud_platform.stream.aws_wire import AwsJson
from fraud_platform.stream.backoff import Backoff, Patience
from fraud_platform.stream.decision import Outcome, stream_record
from fraud_platform.stream.session import AwsSession

RECORDS_PER_PUT = 500
BYTES_PER_PUT = 4_500_000
"""PutRecords takes 5 MB, keys included."""


class Outgoing(NamedTuple):
    """One record to be put."""

    data: bytes
    partition_key: str
    explicit_hash_key: str | None = None


class Stored(NamedTuple):
    """Where a record was put."""

    sequence_number: str
    shard_id: str


class Failed(NamedTuple):
    """Why a record was not put."""

    code: str
    message: str


def kinesis_wire(
    session: AwsSession,
    patience: Patience,
    connections: int = 8,
    sleep: Callable[[float], None] = time.sleep,
) -> AwsJson:
    """A client for Kinesis."""
    return AwsJson(
        session,
        "kinesis",
        "Kinesis_20131202",
        "1.1",
        patience,
        connections=connections,
        sleep=sleep,
    )


def put_records(
    wire: AwsJson, stream: str, records: Sequence[Outgoing], *, once: bool = False
) -> list[Stored | Failed]:
    """One PutRecords; what became of each record. Raises ``AwsCallError``."""
    entries = []
    for record in records:
        entry = {"Data": b64encode(record.data).decode(), "PartitionKey": record.partition_key}
        if record.explicit_hash_key is not None:
            entry["ExplicitHashKey"] = record.explicit_hash_key
        entries.append(entry)
    answer = wire.call("PutRecords", {"StreamName": stream, "Records": entries}, once=once)
    return [_result(entry) for entry in answer["Records"]]


def _result(entry: dict[str, Any]) -> Stored | Failed:
    if entry.get("ErrorCode"):
        return Failed(entry["ErrorCode"], entry.get("ErrorMessage", ""))
    return Stored(entry["SequenceNumber"], entry["ShardId"])


def batches(records: Sequence[Outgoing]) -> list[Sequence[Outgoing]]:
    """Cut into what PutRecords takes."""
    cut: list[Sequence[Outgoing]] = []
    start = size = 0
    for place, record in enumerate(records):
        length = len(record.data) + len(record.partition_key)
        if place - start == RECORDS_PER_PUT or (place > start and size + length > BYTES_PER_PUT):
            cut.append(records[start:place])
            start, size = place, 0
        size += length
    if start < len(records):
        cut.append(records[start:])
    return cut


class KinesisDecisions:
    """The port ``DecisionStream``: one record per outcome."""

    def __init__(
        self,
        wire: AwsJson,
        stream: str,
        patience: Patience,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = wire
        self._stream = stream
        self._patience = patience
        self._backoff = backoff or Backoff(base_s=0.1, longest_s=5.0)
        self._sleep = sleep
        self._chance = random.Random()
        self.throttled = 0
        """Records that had to be put again."""

    def publish(self, outcomes: Sequence[Outcome]) -> None:
        """See the port."""
        records = [Outgoing(stream_record(o), o.decision.transaction_id[:256]) for o in outcomes]
        for batch in batches(records):
            self._put(batch)

    def _put(self, left: Sequence[Outgoing]) -> None:
        failures = 0
        while left:
            results = put_records(self._wire, self._stream, left)
            again = [r for r, done in zip(left, results, strict=True) if isinstance(done, Failed)]
            if again:
                self.throttled += len(again)
                failures = failures + 1 if len(again) == len(left) else 1
                wait_s = self._backoff.wait_s(failures, self._chance)
                if wait_s >= self._patience.left_s():
                    raise StoreError(f"stream {self._stream} is full; patience has run out")
                self._sleep(wait_s)
            left = again
