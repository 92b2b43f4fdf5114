"""How services of the twin use each other inside the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cloud_twin.errors import AwsError
from cloud_twin.service import PartialFailure

Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class Subject:
    """One call as a fault plan sees it. ``resources``: names of all that it touches."""

    service: str
    operation: str
    resources: tuple[str, ...]
    attempt: int


class InnerCalls(Protocol):
    """Calls that a service makes without the wire, open to fault plans (implemented by faults)."""

    async def make(
        self,
        subject: Subject,
        carry_out: Callable[[PartialFailure | None], Awaitable[Answered]],
        count: Callable[[AwsError], None],
    ) -> Answered:
        """Carry the call out, late or not at all where a plan says so.

        ``carry_out`` is given the fault that its answer has to contain, if any. ``count`` is told
        of an error that the service would have in its metrics. Raises ``AwsError`` where the call
        is refused or its answer lost.
        """
        ...


class UnplannedCalls:
    """Inner calls that no plan reaches: a service by itself."""

    async def make(
        self,
        subject: Subject,
        carry_out: Callable[[PartialFailure | None], Awaitable[Answered]],
        count: Callable[[AwsError], None],
    ) -> Answered:
        """Carry the call out."""
        return await carry_out(None)


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record of a stream, as kept."""

    sequence_number: str
    partition_key: str
    data_base64: str
    arrived_wall_s: float


@dataclass(frozen=True, slots=True)
class ShardRead:
    """Records after a position. ``closed``: the shard is closed and nothing is left."""

    records: Sequence[StreamRecord]
    behind_ms: float
    """Age of the oldest record that is still unread; 0 at the tip."""
    closed: bool


class StreamSource(Protocol):
    """Reads streams for event-source mappings (implemented by the twin's Kinesis)."""

    def shard_ids(self, stream_arn: str) -> Sequence[str]:
        """All shards, parents before children. Raises ``AwsError`` for an unknown stream."""
        ...

    def parents(self, stream_arn: str, shard_id: str) -> Sequence[str]:
        """Shards that must be read to their end before this one."""
        ...

    async def read(
        self, stream_arn: str, shard_id: str, after: str | None, limit: int, limit_bytes: int
    ) -> ShardRead:
        """Records after sequence number ``after`` (None: from the oldest kept).

        Raises ``AwsError``: ``ResourceNotFoundException`` where there is no such stream or shard,
        any other for a read that is worth making again.
        """
        ...

    def tip(self, stream_arn: str, shard_id: str) -> str | None:
        """Sequence number of the newest record (for LATEST); None where there is none yet."""
        ...

    def first_at(self, stream_arn: str, shard_id: str, wall_s: float) -> str | None:
        """What to read ``after`` so that the first record is from ``wall_s`` on."""
        ...

    async def wait(self, stream_arn: str, shard_id: str, after: str | None) -> None:
        """Return as soon as there is something after ``after``, or the shard closes."""
        ...


class QueueSink(Protocol):
    """Takes messages for queues (implemented by the twin's SQS): failure destinations."""

    def send(self, queue_arn: str, body: str) -> None:
        """Put one message. Raises ``AwsError`` for an unknown queue."""
        ...


class FunctionCaller(Protocol):
    """Runs functions (implemented by the twin's Lambda)."""

    async def invoke(self, function_name: str, payload: bytes) -> tuple[bytes, str | None]:
        """Synchronous invocation: payload of the answer and the function error, if any."""
        ...
