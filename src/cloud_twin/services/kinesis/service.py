"""The stream service: operations by name, quotas, and reading from inside the twin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from cloud_twin.errors import AwsError
from cloud_twin.ports import InnerCalls, ShardRead, UnplannedCalls
from cloud_twin.service import Answer, Call, Protocols, Route, Surroundings
from cloud_twin.services.kinesis.change import Changer
from cloud_twin.services.kinesis.describe import Describer
from cloud_twin.services.kinesis.directory import StreamDirectory
from cloud_twin.services.kinesis.get import Getter
from cloud_twin.services.kinesis.metrics import StreamMetrics
from cloud_twin.services.kinesis.put import Putter
from cloud_twin.services.kinesis.refusals import THROTTLED
from cloud_twin.services.kinesis.settings import Settings
from cloud_twin.services.kinesis.source import MappingReader


class Kinesis:
    """Kinesis Data Streams. Also the ``StreamSource`` of event-source mappings.

    Everything is answered at once and on the event loop; only ``wait`` waits.
    """

    name = "kinesis"
    signing_names = ("kinesis",)
    protocol = Protocols.JSON_1_1
    target_prefix = "Kinesis_20131202"
    error_namespace = ""
    routes: Sequence[Route] = ()

    def __init__(self, surroundings: Surroundings, calls: InnerCalls | None = None) -> None:
        directory = self._directory = StreamDirectory(surroundings)
        metrics = StreamMetrics(surroundings.metrics)
        self._reader = MappingReader(directory, metrics, calls or UnplannedCalls())
        changer = Changer(directory)
        describer = Describer(directory)
        settings = Settings(directory)
        getter = Getter(directory, metrics)
        putter = Putter(directory, metrics, changer.grow)
        self._throttles: dict[str, Callable[[Call], None]] = {
            "PutRecords": putter.count_throttle,
            "PutRecord": putter.count_throttle,
            "GetRecords": getter.count_throttle,
        }
        self._operations: dict[str, Callable[[Call], Answer]] = {
            "PutRecords": putter.put_records,
            "PutRecord": putter.put_record,
            "GetRecords": getter.get_records,
            "GetShardIterator": getter.get_shard_iterator,
            "CreateStream": changer.create_stream,
            "DeleteStream": changer.delete_stream,
            "SplitShard": changer.split_shard,
            "MergeShards": changer.merge_shards,
            "UpdateShardCount": changer.update_shard_count,
            "UpdateStreamMode": changer.update_stream_mode,
            "DescribeStream": describer.describe_stream,
            "DescribeStreamSummary": describer.describe_stream_summary,
            "DescribeLimits": describer.describe_limits,
            "ListStreams": describer.list_streams,
            "ListShards": describer.list_shards,
            "ListTagsForStream": describer.list_tags,
            "AddTagsToStream": settings.add_tags,
            "RemoveTagsFromStream": settings.remove_tags,
            "IncreaseStreamRetentionPeriod": settings.increase_retention,
            "DecreaseStreamRetentionPeriod": settings.decrease_retention,
            "EnableEnhancedMonitoring": settings.enable_monitoring,
            "DisableEnhancedMonitoring": settings.disable_monitoring,
            "UpdateMaxRecordSize": settings.update_max_record_size,
        }

    # --- Service --------------------------------------------------------------------------

    @property
    def served(self) -> Collection[str]:
        """Names of its operations."""
        return self._operations.keys()

    def handle(self, call: Call) -> Answer:
        """Carry out one call. Raises ``AwsError``."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise AwsError(
                "UnknownOperationException",
                f"The twin's Kinesis has no operation {call.operation}; it has: "
                f"{', '.join(sorted(self._operations))}.",
            )
        return operation(call)

    def dropped_records(self) -> dict[str, int]:
        """Records that streams have dropped for want of memory, by the stream's name."""
        dropped: dict[str, int] = {}
        for stream in self._directory.all():
            if stream.dropped_records:
                dropped[stream.name] = dropped.get(stream.name, 0) + stream.dropped_records
        return dropped

    def limits(self) -> dict[str, float]:
        """Quotas in force; see ``KinesisLimits``."""
        return self._directory.limits.as_dict()

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change quotas, also of existing shards, which start with a full second's worth.

        Raises ``TwinError``.
        """
        self._directory.limit(self._directory.limits.with_changes(changes))

    async def reset(self) -> None:
        """Forget all streams; back to AWS's default quotas."""
        self._directory.clear()

    async def close(self) -> None:
        """Let go of whoever waits; there is no work in the background."""
        self._directory.clear()

    def count_refusal(self, call: Call, error: AwsError, *, carried_out: bool = False) -> None:
        """Throttles of a fault plan are in the metrics; no other error of the stream service is."""
        count = self._throttles.get(call.operation)
        if error.code == THROTTLED and count is not None:
            with suppress(AwsError):  # a call that would have been refused anyway
                count(call)

    # --- StreamSource ---------------------------------------------------------------------

    def shard_ids(self, stream_arn: str) -> Sequence[str]:
        """All shards, parents before children. Raises ``AwsError`` for an unknown stream."""
        return self._reader.shard_ids(stream_arn)

    def parents(self, stream_arn: str, shard_id: str) -> Sequence[str]:
        """Shards that must be read to their end before this one."""
        return self._reader.parents(stream_arn, shard_id)

    async def read(
        self, stream_arn: str, shard_id: str, after: str | None, limit: int, limit_bytes: int
    ) -> ShardRead:
        """Records after sequence number ``after`` (None: from the oldest kept)."""
        return await self._reader.read(stream_arn, shard_id, after, limit, limit_bytes)

    def tip(self, stream_arn: str, shard_id: str) -> str | None:
        """Sequence number of the newest record (for LATEST); None where there is none yet."""
        return self._reader.tip(stream_arn, shard_id)

    def first_at(self, stream_arn: str, shard_id: str, wall_s: float) -> str | None:
        """What to read ``after`` so that the first record is from ``wall_s`` on."""
        return self._reader.first_at(stream_arn, shard_id, wall_s)

    async def wait(self, stream_arn: str, shard_id: str, after: str | None) -> None:
        """Return as soon as there is something after ``after``, or the shard closes.

        Raises ``AwsError`` where the stream is deleted meanwhile.
        """
        await self._reader.wait(stream_arn, shard_id, after)
