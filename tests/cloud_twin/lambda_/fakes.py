"""What the Lambda tests put in place of the rest of the twin."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import random
import time
import zipfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from cloud_twin.clock import SystemClock
from cloud_twin.errors import AwsError
from cloud_twin.faults import FaultBook, FaultPlan, PlannedCalls
from cloud_twin.meter import Meter, UsageKey
from cloud_twin.ports import ShardRead, StreamRecord
from cloud_twin.service import Answer, Call, Dimensions, Surroundings
from cloud_twin.services.lambda_ import Lambda, LambdaOptions

ROLE = "arn:aws:iam::000000000000:role/worker"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/payments"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:failures"


def archive(source: str, name: str = "app.py") -> bytes:
    """A ZIP archive with one module."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr(name, source)
    return file.getvalue()


@dataclass
class FakeMetrics:
    """Keeps every value that was put."""

    values: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def put(
        self, namespace: str, name: str, dimensions: Dimensions, value: float, unit: str = "Count"
    ) -> None:
        assert namespace == "AWS/Lambda"
        assert dimensions[0][0] == "FunctionName"
        self.values[name].append(value)

    def put_counts(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        count: float,
        unit: str = "Count",
    ) -> None:
        raise AssertionError("Lambda puts single values")

    def total(self, name: str) -> float:
        return sum(self.values[name])


@dataclass
class FakeQueues:
    """Keeps every message."""

    messages: list[tuple[str, Any]] = field(default_factory=list)
    missing: bool = False

    def send(self, queue_arn: str, body: str) -> None:
        if self.missing:
            raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
        self.messages.append((queue_arn, json.loads(body)))


@dataclass
class FakeShard:
    """One shard in memory."""

    records: list[StreamRecord] = field(default_factory=list)
    parents: tuple[str, ...] = ()
    closed: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class FakeStream:
    """A ``StreamSource`` of one stream in memory, with what was read from where."""

    def __init__(self, shards: int = 1) -> None:
        self.shards = {f"shardId-{n:012d}": FakeShard() for n in range(shards)}
        self.reads: list[tuple[str, str | None]] = []
        self.gone = False
        self._next = 0

    def put(
        self, data: bytes, key: str = "k", shard: int = 0, arrived_wall_s: float | None = None
    ) -> str:
        name = f"shardId-{shard:012d}"
        self._next += 1
        number = f"{self._next:020d}"
        arrived = time.time() if arrived_wall_s is None else arrived_wall_s
        record = StreamRecord(number, key, base64.b64encode(data).decode(), arrived)
        self.shards[name].records.append(record)
        self._wake(name)
        return number

    def split(self, shard: int, children: Sequence[int]) -> None:
        parent = f"shardId-{shard:012d}"
        for child in children:
            self.shards[f"shardId-{child:012d}"] = FakeShard(parents=(parent,))
        self.shards[parent].closed = True
        self._wake(parent)

    def _wake(self, name: str) -> None:
        changed = self.shards[name].changed
        self.shards[name].changed = asyncio.Event()
        changed.set()

    def _known(self) -> None:
        if self.gone:
            raise AwsError("ResourceNotFoundException", "Stream payments not found.")

    def shard_ids(self, stream_arn: str) -> Sequence[str]:
        if stream_arn != STREAM:
            raise AwsError("ResourceNotFoundException", f"Stream {stream_arn} not found.")
        self._known()
        return list(self.shards)

    def parents(self, stream_arn: str, shard_id: str) -> Sequence[str]:
        return self.shards[shard_id].parents

    async def read(
        self, stream_arn: str, shard_id: str, after: str | None, limit: int, limit_bytes: int
    ) -> ShardRead:
        self._known()
        self.reads.append((shard_id, after))
        shard = self.shards[shard_id]
        rest = [r for r in shard.records if after is None or r.sequence_number > after]
        return ShardRead(rest[:limit], 0.0, shard.closed and not rest)

    def tip(self, stream_arn: str, shard_id: str) -> str | None:
        records = self.shards[shard_id].records
        return records[-1].sequence_number if records else None

    def first_at(self, stream_arn: str, shard_id: str, wall_s: float) -> str | None:
        before = [r for r in self.shards[shard_id].records if r.arrived_wall_s < wall_s]
        return before[-1].sequence_number if before else None

    async def wait(self, stream_arn: str, shard_id: str, after: str | None) -> None:
        shard = self.shards[shard_id]
        changed = shard.changed
        newer = [r for r in shard.records if after is None or r.sequence_number > after]
        if not newer and not shard.closed:
            await changed.wait()


class Bench:
    """A Lambda service and all that is around it."""

    def __init__(self, options: LambdaOptions | None = None, shards: int = 1) -> None:
        self.metrics = FakeMetrics()
        self.meter = Meter()
        self.queues = FakeQueues()
        self.stream = FakeStream(shards)
        clock = SystemClock()
        self.faults = FaultBook(clock)
        self.service = Lambda(
            Surroundings(clock, self.meter, self.metrics, random.Random(7)),
            self.stream,
            self.queues,
            options or LambdaOptions(),
            PlannedCalls(self.faults),
        )

    async def call(
        self,
        operation: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> Answer:
        answer = self.service.handle(Call("lambda", operation, members, body, headers or {}))
        return await answer if isawaitable(answer) else answer

    async def document(self, operation: str, **members: Any) -> dict[str, Any]:
        answer = await self.call(operation, **members)
        assert isinstance(answer.body, dict)
        return answer.body

    async def create(self, source: str, name: str = "fn", **members: Any) -> dict[str, Any]:
        code = {"ZipFile": base64.b64encode(archive(source)).decode()}
        settings = {
            "Runtime": "python3.11",
            "Role": ROLE,
            "Handler": "app.handler",
            "Timeout": 20,
            **members,
        }
        return await self.document("CreateFunction", FunctionName=name, Code=code, **settings)

    async def invoke(
        self, event: Any = None, name: str = "fn", **headers: str
    ) -> tuple[Any, str | None, Answer]:
        """Payload, function error and the whole answer of a synchronous call."""
        written = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = await self.call(
            "Invoke", json.dumps(event or {}).encode(), written, FunctionName=name
        )
        assert isinstance(answer.body, bytes)
        return json.loads(answer.body), answer.headers.get("X-Amz-Function-Error"), answer

    async def map(self, **members: Any) -> str:
        settings = {"FunctionName": "fn", "EventSourceArn": STREAM, **members}
        settings.setdefault("StartingPosition", "TRIM_HORIZON")
        document = await self.document("CreateEventSourceMapping", **settings)
        return str(document["UUID"])

    def fault(self, **plan: Any) -> str:
        """Put a plan for invocations of ``fn`` in force; its id."""
        meant = {"service": "lambda", "operation": "Invoke", "resource": "fn", **plan}
        return str(self.faults.add(FaultPlan.model_validate(meant))["id"])

    def hits(self) -> list[int]:
        """How often each plan has hit, oldest first."""
        return [entry["hits"] for entry in self.faults.entries()]

    def usage(self, unit: str) -> float:
        return self.meter.read().get(UsageKey("lambda", unit, "fn"), 0.0)


async def until(condition: Callable[[], bool], limit_s: float = 15.0) -> None:
    """Wait for a condition; fail when it does not come about in time."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)


async def until_async(condition: Callable[[], Awaitable[bool]], limit_s: float = 15.0) -> None:
    """As ``until``, for a condition that must be asked for."""
    async with asyncio.timeout(limit_s):
        while not await condition():
            await asyncio.sleep(0.01)
