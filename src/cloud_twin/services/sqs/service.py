"""The queue service: operations by name, quotas, and the work between calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call, Protocols, Route, Surroundings
from cloud_twin.services.sqs.administration import Administrator
from cloud_twin.services.sqs.directory import QueueDirectory
from cloud_twin.services.sqs.metrics import QueueMetrics
from cloud_twin.services.sqs.moves import Mover
from cloud_twin.services.sqs.receiving import Receiver
from cloud_twin.services.sqs.refusals import no_queue
from cloud_twin.services.sqs.sending import Sender

GAUGES_S = 1.0
"""How often queues report how many messages they hold."""
MOVE_S = 0.02
"""How often a running move task goes on."""


class Sqs:
    """Standard queues. Also the ``QueueSink`` of failure destinations.

    A long poll is an awaitable of its own: it holds nobody up. From the first call on, a task on
    the event loop reports gauges and carries on move tasks.
    """

    name = "sqs"
    signing_names = ("sqs",)
    protocol = Protocols.JSON_1_0
    target_prefix = "AmazonSQS"
    error_namespace = "com.amazonaws.sqs#"
    routes: Sequence[Route] = ()

    def __init__(self, surroundings: Surroundings) -> None:
        directory = self._directory = QueueDirectory(surroundings)
        self._metrics = QueueMetrics(surroundings.metrics)
        self._mover = Mover(directory)
        self._sender = Sender(directory, self._metrics)
        self._work: asyncio.Task[None] | None = None
        receiver = Receiver(directory, self._metrics)
        administrator = Administrator(directory)
        self._operations: dict[str, Callable[[Call], Answer | Awaitable[Answer]]] = {
            "SendMessage": self._sender.send_message,
            "SendMessageBatch": self._sender.send_message_batch,
            "ReceiveMessage": receiver.receive_message,
            "DeleteMessage": receiver.delete_message,
            "DeleteMessageBatch": receiver.delete_message_batch,
            "ChangeMessageVisibility": receiver.change_visibility,
            "ChangeMessageVisibilityBatch": receiver.change_visibility_batch,
            "CreateQueue": administrator.create_queue,
            "GetQueueUrl": administrator.get_queue_url,
            "DeleteQueue": administrator.delete_queue,
            "ListQueues": administrator.list_queues,
            "ListDeadLetterSourceQueues": administrator.list_dead_letter_sources,
            "GetQueueAttributes": administrator.get_queue_attributes,
            "SetQueueAttributes": administrator.set_queue_attributes,
            "PurgeQueue": administrator.purge_queue,
            "TagQueue": administrator.tag_queue,
            "UntagQueue": administrator.untag_queue,
            "ListQueueTags": administrator.list_queue_tags,
            "StartMessageMoveTask": self._mover.start,
            "ListMessageMoveTasks": self._mover.list,
            "CancelMessageMoveTask": self._mover.cancel,
        }

    # --- Service --------------------------------------------------------------------------

    @property
    def served(self) -> Collection[str]:
        """Names of its operations."""
        return self._operations.keys()

    def handle(self, call: Call) -> Answer | Awaitable[Answer]:
        """Carry out one call. Raises ``AwsError``."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise AwsError(
                "UnknownOperationException",
                f"The twin's SQS has no operation {call.operation}; it has: "
                f"{', '.join(sorted(self._operations))}.",
            )
        self._start_work()
        self._mover.advance()
        return operation(call)

    def limits(self) -> dict[str, float]:
        """Quotas in force; see ``SqsLimits``."""
        return self._directory.limits.as_dict()

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change quotas. Raises ``TwinError``."""
        self._directory.limit(self._directory.limits.with_changes(changes))

    async def reset(self) -> None:
        """Forget all queues and tasks; back to AWS's default quotas."""
        self._mover.clear()
        self._directory.clear()

    async def close(self) -> None:
        """End the work in the background. Harmless when repeated."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await self.reset()

    # --- QueueSink ------------------------------------------------------------------------

    def send(self, queue_arn: str, body: str) -> None:
        """Put one message. Raises ``AwsError`` for an unknown queue."""
        queue = self._directory.by_arn(queue_arn)
        if queue is None:
            raise no_queue()
        self._sender.send(queue, body)

    # --- between calls --------------------------------------------------------------------

    def _start_work(self) -> None:
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._run(), name="sqs work")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + GAUGES_S
        while True:
            await asyncio.sleep(MOVE_S if self._mover.busy else GAUGES_S / 4)
            self._mover.advance()
            if loop.time() >= due_s:
                due_s = loop.time() + GAUGES_S
                for queue in self._directory.all():
                    self._metrics.gauges(queue)
