"""The operations that change settings of a stream: retention, tags, monitoring, record size."""

from __future__ import annotations

from cloud_twin.service import Answer, Call
from cloud_twin.services.kinesis.directory import StreamDirectory
from cloud_twin.services.kinesis.metrics import SHARD_LEVEL
from cloud_twin.services.kinesis.parameters import texts, whole
from cloud_twin.services.kinesis.refusals import invalid, violation
from cloud_twin.services.kinesis.stream import Stream
from cloud_twin.services.kinesis.tags import check_characters, merged, read_tags

MIN_RETENTION_HOURS = 24
MAX_RETENTION_HOURS = 8760


class Settings:
    """Carries out changes that are in force at once."""

    def __init__(self, directory: StreamDirectory) -> None:
        self._directory = directory

    def increase_retention(self, call: Call) -> Answer:
        """IncreaseStreamRetentionPeriod."""
        stream, hours = self._retention(call)
        if hours < stream.retention_hours:
            raise invalid(
                f"Requested retention period ({hours} hours) for stream {stream.name} can not be "
                f"shorter than existing retention period ({stream.retention_hours} hours). Use "
                "DecreaseRetentionPeriod API."
            )
        stream.retention_hours = hours
        return Answer()

    def decrease_retention(self, call: Call) -> Answer:
        """DecreaseStreamRetentionPeriod: what is older is gone at once."""
        stream, hours = self._retention(call)
        if hours > stream.retention_hours:
            raise invalid(
                f"Requested retention period ({hours} hours) for stream {stream.name} can not be "
                f"longer than existing retention period ({stream.retention_hours} hours). Use "
                "IncreaseRetentionPeriod API."
            )
        stream.retention_hours = hours
        stream.trim()
        return Answer()

    def _retention(self, call: Call) -> tuple[Stream, int]:
        hours = whole(call.parameters, "RetentionPeriodHours", -(2**31))
        stream = self._directory.find(call.parameters, call.region)
        if hours < MIN_RETENTION_HOURS:
            raise invalid(
                f"Minimum allowed retention period is {MIN_RETENTION_HOURS} hours. Requested "
                f"retention period ({hours} hours) is too short."
            )
        if hours > MAX_RETENTION_HOURS:
            raise invalid(
                f"Maximum allowed retention period is {MAX_RETENTION_HOURS} hours. Requested "
                f"retention period ({hours} hours) is too long."
            )
        return stream, hours

    def add_tags(self, call: Call) -> Answer:
        """AddTagsToStream."""
        tags = read_tags(call.parameters)
        stream = self._directory.find(call.parameters, call.region)
        stream.tags = merged(stream.tags, tags, stream.name, self._directory.account_id)
        return Answer()

    def remove_tags(self, call: Call) -> Answer:
        """RemoveTagsFromStream."""
        keys = texts(call.parameters, "TagKeys")
        check_characters(keys)
        stream = self._directory.find(call.parameters, call.region)
        for key in keys:
            stream.tags.pop(key, None)
        return Answer()

    def enable_monitoring(self, call: Call) -> Answer:
        """EnableEnhancedMonitoring."""
        stream, named = self._metrics(call)
        return self._monitor(stream, [n for n in SHARD_LEVEL if n in named or n in _now(stream)])

    def disable_monitoring(self, call: Call) -> Answer:
        """DisableEnhancedMonitoring."""
        stream, named = self._metrics(call)
        return self._monitor(stream, [n for n in _now(stream) if n not in named])

    def _metrics(self, call: Call) -> tuple[Stream, set[str]]:
        names = texts(call.parameters, "ShardLevelMetrics")
        known = (*SHARD_LEVEL, "ALL")
        for name in names:
            if name not in known:
                constraint = f"Member must satisfy enum value set: [{', '.join(known)}]"
                raise violation(name, "shardLevelMetrics", constraint)
        stream = self._directory.find(call.parameters, call.region)
        return stream, set(SHARD_LEVEL) if "ALL" in names else set(names)

    def _monitor(self, stream: Stream, desired: list[str]) -> Answer:
        body = {
            "StreamName": stream.name,
            "CurrentShardLevelMetrics": list(stream.shard_level_metrics),
            "DesiredShardLevelMetrics": desired,
            "StreamARN": stream.arn,
        }
        stream.shard_level_metrics = tuple(desired)
        return Answer(body)

    def update_max_record_size(self, call: Call) -> Answer:
        """UpdateMaxRecordSize."""
        size_kib = whole(call.parameters, "MaxRecordSizeInKiB", 1024, 10_240)
        self._directory.find(call.parameters, call.region).max_record_bytes = size_kib * 1024
        return Answer()


def _now(stream: Stream) -> tuple[str, ...]:
    return stream.shard_level_metrics
