"""The AWS/Kinesis metrics, by stream and (where enabled) by shard.

Names and meanings: "Monitoring Kinesis Data Streams with CloudWatch" of the developer guide.
"""

from __future__ import annotations

from cloud_twin.service import Dimensions, MetricSink
from cloud_twin.services.kinesis.shard import Shard
from cloud_twin.services.kinesis.stream import Stream

NAMESPACE = "AWS/Kinesis"
SHARD_LEVEL = (
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
)


class StreamMetrics:
    """Emits what a call did, with a few calls of the sink however many records there were."""

    def __init__(self, sink: MetricSink) -> None:
        self._sink = sink

    def put(self, stream: Stream, records: int, size_bytes: int, throttled: int) -> None:
        """A PutRecord or PutRecords call: what was taken, and how many records were refused."""
        dimensions: Dimensions = (("StreamName", stream.name),)
        put_counts = self._sink.put_counts
        if records:
            self._sink.put(NAMESPACE, "IncomingRecords", dimensions, records)
            self._sink.put(NAMESPACE, "IncomingBytes", dimensions, size_bytes, "Bytes")
            put_counts(NAMESPACE, "WriteProvisionedThroughputExceeded", dimensions, 0, records)
        if throttled:
            put_counts(NAMESPACE, "WriteProvisionedThroughputExceeded", dimensions, 1, throttled)

    def written(
        self, stream: Stream, shard: Shard, records: int, size_bytes: int, offered: int
    ) -> None:
        """What one shard took; ``offered`` is 0 where it refused nothing."""
        if not stream.shard_level_metrics:
            return
        if records:
            self._of_shard(stream, shard, "IncomingRecords", records)
            self._of_shard(stream, shard, "IncomingBytes", size_bytes, "Bytes")
        if offered > records:
            name = "WriteProvisionedThroughputExceeded"
            self._of_shard(stream, shard, name, offered - records)

    def read(
        self, stream: Stream, shard: Shard, records: int, size_bytes: int, age_ms: float
    ) -> None:
        """A read that was answered."""
        dimensions: Dimensions = (("StreamName", stream.name),)
        put = self._sink.put
        put(NAMESPACE, "GetRecords.Records", dimensions, records)
        put(NAMESPACE, "GetRecords.Bytes", dimensions, size_bytes, "Bytes")
        put(NAMESPACE, "GetRecords.IteratorAgeMilliseconds", dimensions, age_ms, "Milliseconds")
        put(NAMESPACE, "ReadProvisionedThroughputExceeded", dimensions, 0)
        if stream.shard_level_metrics:
            self._of_shard(stream, shard, "OutgoingRecords", records)
            self._of_shard(stream, shard, "OutgoingBytes", size_bytes, "Bytes")
            self._of_shard(stream, shard, "IteratorAgeMilliseconds", age_ms, "Milliseconds")

    def read_throttled(self, stream: Stream, shard: Shard) -> None:
        """A read that was refused."""
        name = "ReadProvisionedThroughputExceeded"
        self._sink.put(NAMESPACE, name, (("StreamName", stream.name),), 1)
        if stream.shard_level_metrics:
            self._of_shard(stream, shard, name, 1)

    def _of_shard(
        self, stream: Stream, shard: Shard, name: str, value: float, unit: str = "Count"
    ) -> None:
        if name in stream.shard_level_metrics:
            dimensions = (("StreamName", stream.name), ("ShardId", shard.name))
            self._sink.put(NAMESPACE, name, dimensions, value, unit)
