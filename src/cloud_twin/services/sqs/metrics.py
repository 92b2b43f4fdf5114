"""The AWS/SQS metrics of queues: counts as calls happen, gauges from time to time.

Names and meanings: "Available CloudWatch metrics for Amazon SQS" of the developer guide.
"""

from __future__ import annotations

from cloud_twin.service import Dimensions, MetricSink
from cloud_twin.services.sqs.queue import Queue

NAMESPACE = "AWS/SQS"


class QueueMetrics:
    """Emits by QueueName."""

    def __init__(self, sink: MetricSink) -> None:
        self._sink = sink

    def sent(self, queue: Queue, sizes_bytes: list[int]) -> None:
        """Messages that were taken in."""
        if sizes_bytes:
            self._put(queue, "NumberOfMessagesSent", len(sizes_bytes))
            for size_bytes in sizes_bytes:
                self._put(queue, "SentMessageSize", size_bytes, "Bytes")

    def received(self, queue: Queue, count: int) -> None:
        """A ReceiveMessage call."""
        if count:
            self._put(queue, "NumberOfMessagesReceived", count)
        else:
            self._put(queue, "NumberOfEmptyReceives", 1)

    def deleted(self, queue: Queue, count: int) -> None:
        """Messages deleted with their receipt handles."""
        if count:
            self._put(queue, "NumberOfMessagesDeleted", count)

    def gauges(self, queue: Queue) -> None:
        """How many messages there are, and how old."""
        self._put(queue, "ApproximateNumberOfMessagesVisible", queue.visible)
        self._put(queue, "ApproximateNumberOfMessagesNotVisible", queue.in_flight)
        self._put(queue, "ApproximateNumberOfMessagesDelayed", queue.delayed)
        self._put(queue, "ApproximateAgeOfOldestMessage", queue.oldest_age_s(), "Seconds")

    def _put(self, queue: Queue, name: str, value: float, unit: str = "Count") -> None:
        dimensions: Dimensions = (("QueueName", queue.name),)
        self._sink.put(NAMESPACE, name, dimensions, value, unit)
