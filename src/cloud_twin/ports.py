"""How services of the twin use each other inside the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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

    def read(
        self, stream_arn: str, shard_id: str, after: str | None, limit: int, limit_bytes: int
    ) -> ShardRead:
        """Records after sequence number ``after`` (None: from the oldest kept)."""
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
