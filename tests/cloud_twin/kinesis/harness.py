"""A stream service without a server: a clock held still, and what it emitted."""

from __future__ import annotations

import base64
import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson

from cloud_twin.clock import ManualClock
from cloud_twin.meter import Meter
from cloud_twin.service import Call, Dimensions, PartialFailure, Surroundings
from cloud_twin.services.kinesis import Kinesis

ACCOUNT = "000000000000"


class RecordedMetrics:
    """A metric sink that keeps sums and counts by name and dimensions."""

    def __init__(self) -> None:
        self.sums: defaultdict[tuple[str, Dimensions], float] = defaultdict(float)
        self.counts: defaultdict[tuple[str, Dimensions], float] = defaultdict(float)
        self.latest: dict[tuple[str, Dimensions], float] = {}
        self.calls = 0

    def put(
        self, namespace: str, name: str, dimensions: Dimensions, value: float, unit: str = "Count"
    ) -> None:
        self.put_counts(namespace, name, dimensions, value, 1, unit)

    def put_counts(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        count: float,
        unit: str = "Count",
    ) -> None:
        assert namespace == "AWS/Kinesis"
        self.calls += 1
        self.sums[name, dimensions] += value * count
        self.counts[name, dimensions] += count
        self.latest[name, dimensions] = value

    def of(self, name: str, stream: str = "s") -> float:
        return self.sums[name, (("StreamName", stream),)]


class Harness:
    """Calls the service as the server does: answers written and read as JSON."""

    def __init__(self, **limits: float) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        self.metrics = RecordedMetrics()
        self.kinesis = Kinesis(Surroundings(self.clock, self.meter, self.metrics, random.Random(1)))
        self.kinesis.set_limits({"stream_change_s": 0, **limits})

    def call(self, operation: str, /, **given: Any) -> Any:
        return self.faulted(None, operation, **given)

    def faulted(self, partial: PartialFailure | None, operation: str, /, **given: Any) -> Any:
        """A call whose entries fail as a fault plan says."""
        parameters = orjson.loads(orjson.dumps(given))
        call = Call("kinesis", operation, parameters, partial=partial)
        body = self.kinesis.handle(call).body
        written = body if isinstance(body, bytes) else orjson.dumps(dict(body))
        return orjson.loads(written) if written else {}

    def stream(self, shards: int = 1, name: str = "s") -> str:
        self.call("CreateStream", StreamName=name, ShardCount=shards)
        return f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"

    def put(self, entries: Iterable[tuple[str, bytes]], name: str = "s") -> Any:
        return self.call("PutRecords", StreamName=name, Records=[entry(k, d) for k, d in entries])

    def iterator(self, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        answer = self.call(
            "GetShardIterator", StreamName="s", ShardId=shard, ShardIteratorType=kind, **more
        )
        return str(answer["ShardIterator"])

    def drain(self, shard: str) -> list[Any]:
        """All records of a shard, until it ends or is at its tip."""
        iterator: str | None = self.iterator(shard)
        records: list[Any] = []
        while iterator is not None:
            answer = self.call("GetRecords", ShardIterator=iterator)
            records += answer["Records"]
            self.clock.advance(10)  # far within every read quota
            iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                break
        return records

    def usage(self, unit: str, name: str = "s") -> float:
        return sum(
            quantity
            for key, quantity in self.meter.read().items()
            if (key.service, key.unit, key.resource) == ("kinesis", unit, name)
        )


def entry(key: str, data: bytes, **more: str) -> dict[str, str]:
    """A record of a PutRecords request."""
    return {"PartitionKey": key, "Data": base64.b64encode(data).decode(), **more}


def text_of(record: Any) -> bytes:
    """The data of a record that was read."""
    return base64.b64decode(record["Data"])
