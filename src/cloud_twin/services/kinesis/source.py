"""Reads streams for event-source mappings: within a shard's bytes a second, not its reads.

AWS's mappings poll each shard once a second and share its 2 MB/s with all other readers; so they do
here, and wait where AWS's pollers would be refused. But they are woken by the put, so that counting
their reads against the five a second would hold them up as polling does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cloud_twin.errors import AwsError
from cloud_twin.ports import InnerCalls, ShardRead, StreamRecord, Subject
from cloud_twin.service import PartialFailure
from cloud_twin.services.kinesis.directory import StreamDirectory
from cloud_twin.services.kinesis.get import behind_ms
from cloud_twin.services.kinesis.metrics import StreamMetrics
from cloud_twin.services.kinesis.refusals import THROTTLED, invalid, no_shard
from cloud_twin.services.kinesis.shard import Shard
from cloud_twin.services.kinesis.stream import Stream

_WAIT_S_MAX = 1.0
"""A shard out of bytes is looked at again after so long: its quota may have been raised."""
_WAIT_S_MIN = 0.001


class MappingReader:
    """Implements ``cloud_twin.ports.StreamSource``."""

    def __init__(
        self, directory: StreamDirectory, metrics: StreamMetrics, calls: InnerCalls
    ) -> None:
        self._directory = directory
        self._metrics = metrics
        self._calls = calls

    def shard_ids(self, stream_arn: str) -> Sequence[str]:
        """All shards that may still hold records, parents before children."""
        return [shard.name for shard in self._directory.by_arn(stream_arn).listed()]

    def parents(self, stream_arn: str, shard_id: str) -> Sequence[str]:
        """Shards that must be read to their end before this one."""
        stream, shard = self._find(stream_arn, shard_id)
        listed = stream.listed()
        return [parent.name for parent in shard.parents if parent in listed]

    async def read(
        self, stream_arn: str, shard_id: str, after: str | None, limit: int, limit_bytes: int
    ) -> ShardRead:
        """Records after sequence number ``after`` (None: from the oldest kept).

        Fault plans for ``GetRecords`` apply. Raises ``AwsError``.
        """
        stream, shard = self._find(stream_arn, shard_id)

        async def take(_: PartialFailure | None) -> ShardRead:
            await self._bytes_left(stream_arn, shard_id)
            return self._take(stream_arn, shard_id, after, limit, limit_bytes)

        def count(error: AwsError) -> None:
            if error.code == THROTTLED:
                self._metrics.read_throttled(stream, shard)

        subject = Subject("kinesis", "GetRecords", (stream.name,), 1)
        return await self._calls.make(subject, take, count)

    async def _bytes_left(self, stream_arn: str, shard_id: str) -> None:
        """Wait until the shard gives out bytes. Raises ``AwsError`` where it goes away."""
        while True:
            _, shard = self._find(stream_arn, shard_id)
            wait_s = shard.bytes_out.positive_in_s()
            if wait_s == 0.0:
                return
            await asyncio.sleep(min(max(wait_s, _WAIT_S_MIN), _WAIT_S_MAX))

    def _take(
        self, stream_arn: str, shard_id: str, after: str | None, limit: int, limit_bytes: int
    ) -> ShardRead:
        stream, shard = self._find(stream_arn, shard_id)
        stream.trim()
        position = max(self._next(shard, after), stream.oldest(shard))
        found = shard.log.read(position, limit, limit_bytes)
        numbers = shard.sequence_numbers(found.first, len(found.keys))
        columns = zip(numbers, found.keys, found.data, found.arrivals_s, strict=True)
        records = [StreamRecord(*row) for row in columns]
        age_ms = behind_ms(shard, found.next, self._directory.clock.wall_s())
        if records:
            shard.bytes_out.owe(found.size_bytes)
            self._metrics.read(stream, shard, len(records), found.size_bytes, age_ms)
            meter = self._directory.surroundings.meter
            meter.add("kinesis", "bytes_out", stream.name, found.size_bytes)
        closed = shard.closed_s is not None and found.next >= shard.log.end
        return ShardRead(records, age_ms, closed)

    def tip(self, stream_arn: str, shard_id: str) -> str | None:
        """Sequence number of the newest record; None where there was none yet."""
        _, shard = self._find(stream_arn, shard_id)
        return shard.sequence_number(shard.log.end - 1) if shard.log.end > 1 else None

    def first_at(self, stream_arn: str, shard_id: str, wall_s: float) -> str | None:
        """What to read ``after`` so that the first record is from ``wall_s`` on."""
        _, shard = self._find(stream_arn, shard_id)
        position = shard.log.first_at(wall_s)
        return shard.sequence_number(position - 1) if position > 1 else None

    async def wait(self, stream_arn: str, shard_id: str, after: str | None) -> None:
        """Return as soon as there is something after ``after``, or the shard closes."""
        while True:
            stream, shard = self._find(stream_arn, shard_id)
            if shard.log.end > self._next(shard, after) or shard.closed_s is not None:
                return
            timeout_s = None
            if stream.pending is not None:  # it may close the shard without a call from outside
                now_s = self._directory.clock.monotonic_s()
                timeout_s = max(0.0, stream.pending.due_s - now_s)
            await shard.woken(timeout_s)

    def _find(self, stream_arn: str, shard_id: str) -> tuple[Stream, Shard]:
        stream = self._directory.by_arn(stream_arn)
        shard = stream.shard(shard_id)
        if shard is None:
            raise no_shard(shard_id, stream.name, self._directory.account_id)
        return stream, shard

    def _next(self, shard: Shard, after: str | None) -> int:
        if after is None:
            return shard.log.start
        position = shard.position(after)
        if position is None:
            raise _foreign(after, shard)
        return position + 1


def _foreign(sequence_number: str, shard: Shard) -> AwsError:
    return invalid(f"Sequence number {sequence_number} is not one of {shard.name}.")
