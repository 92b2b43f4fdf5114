"""All queues of the twin: found by URL, name or ARN, and the bill for calls on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cloud_twin.errors import AwsError
from cloud_twin.service import Call, Surroundings, arn
from cloud_twin.services.sqs.attributes import QueueSettings
from cloud_twin.services.sqs.limits import SqsLimits
from cloud_twin.services.sqs.parameters import text
from cloud_twin.services.sqs.queue import Queue
from cloud_twin.services.sqs.refusals import no_queue
from cloud_twin.token_bucket import TokenBucket

REQUEST_BYTES = 64 * 1024
"""Each such chunk of payload is billed as one request."""


class QueueDirectory:
    """Owns the queues and the quotas in force."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.clock = surroundings.clock
        self.account_id = surroundings.account_id
        self.limits = SqsLimits()
        self._queues: dict[str, Queue] = {}
        self._buckets: dict[str, TokenBucket] = {}
        self._deleted_at_s: dict[str, float] = {}

    def arn(self, name: str, region: str) -> str:
        """A queue's ARN."""
        return arn("sqs", region, name, self.account_id)

    def url(self, queue: Queue, call: Call) -> str:
        """A queue's URL at the endpoint that was called."""
        host = call.headers.get("host") or "localhost"
        return f"http://{host}/{self.account_id}/{queue.name}"

    def create(self, name: str, region: str, settings: QueueSettings) -> Queue:
        """A new queue. Raises ``AwsError`` where one of that name was just deleted."""
        queue_arn = self.arn(name, region)
        deleted_at_s = self._deleted_at_s.get(queue_arn, -math.inf)
        wait_s = self.limits.name_reuse_s
        if self.clock.monotonic_s() - deleted_at_s < wait_s:
            raise AwsError(
                "QueueDeletedRecently",
                f"You must wait {wait_s:g} seconds after deleting a queue before you can create "
                "another with the same name.",
            )
        queue = Queue(name, queue_arn, region, settings, self.clock)
        self._queues[queue_arn] = queue
        return queue

    def by_arn(self, queue_arn: str) -> Queue | None:
        """A queue, or None."""
        return self._queues.get(queue_arn)

    def find(self, call: Call) -> Queue:
        """The queue that QueueUrl names. Raises ``AwsError``."""
        account_id, _, name = text(call.parameters, "QueueUrl").rstrip("/").rpartition("/")
        account_id = account_id.rpartition("/")[2]
        queue = self._queues.get(self.arn(name, call.region))
        if queue is None or (account_id.isdecimal() and account_id != self.account_id):
            raise no_queue()
        self._admit(queue)
        return queue

    def all(self, region: str | None = None) -> Sequence[Queue]:
        """Queues by name, of one region or all."""
        queues = (q for q in self._queues.values() if region is None or q.region == region)
        return sorted(queues, key=lambda queue: queue.name)

    def sources_of(self, queue: Queue) -> Sequence[Queue]:
        """The queues whose dead letters go to this one."""
        return [
            one
            for one in self.all()
            if one.settings.redrive is not None and one.settings.redrive.target_arn == queue.arn
        ]

    def remove(self, queue: Queue) -> None:
        """Delete a queue; its receivers come back empty-handed."""
        queue.purge()
        self._queues.pop(queue.arn, None)
        self._buckets.pop(queue.arn, None)
        self._deleted_at_s[queue.arn] = self.clock.monotonic_s()
        queue.wake()

    def is_there(self, queue: Queue) -> bool:
        """Whether it has not been deleted meanwhile."""
        return self._queues.get(queue.arn) is queue

    def clear(self) -> None:
        """Delete everything; AWS's quotas again."""
        for queue in tuple(self._queues.values()):
            self.remove(queue)
        self._deleted_at_s.clear()
        self.limits = SqsLimits()

    def limit(self, limits: SqsLimits) -> None:
        """Put other quotas in force."""
        self.limits = limits
        self._buckets.clear()

    def bill(self, queue_name: str, payload_bytes: int = 0) -> None:
        """Meter one call with so much payload, sent or received."""
        requests = max(1, -(-payload_bytes // REQUEST_BYTES))
        self.surroundings.meter.add("sqs", "requests", queue_name, requests)

    def _admit(self, queue: Queue) -> None:
        rate = self.limits.requests_s
        bucket = self._buckets.get(queue.arn)
        if bucket is None:
            bucket = self._buckets[queue.arn] = TokenBucket(rate, rate, self.clock)
        if not bucket.take():
            raise AwsError("RequestThrottled", "Request is throttled.")
