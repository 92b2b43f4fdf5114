"""ReceiveMessage, and what a receiver does afterwards: delete, or change the timeout."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.sqs.batches import Entry, read_batch, run_batch
from cloud_twin.services.sqs.directory import QueueDirectory
from cloud_twin.services.sqs.message import Message, State, attributes_md5, chosen
from cloud_twin.services.sqs.metrics import QueueMetrics
from cloud_twin.services.sqs.parameters import Parameters, optional_whole, text, texts
from cloud_twin.services.sqs.queue import Queue
from cloud_twin.services.sqs.refusals import bad_receipt, missing, out_of_range

LONGEST_VISIBILITY_S = 12 * 3600
_HANDLE_LENGTH = 73
"""Two UUIDs and a slash."""


class Receiver:
    """Gives messages out and takes receipts back."""

    def __init__(self, directory: QueueDirectory, metrics: QueueMetrics) -> None:
        self._directory = directory
        self._metrics = metrics

    # --- ReceiveMessage -------------------------------------------------------------------

    def receive_message(self, call: Call) -> Answer | Awaitable[Answer]:
        """ReceiveMessage: at once where there is something, else after WaitTimeSeconds."""
        parameters = call.parameters
        queue = self._directory.find(call)
        most = optional_whole(parameters, "MaxNumberOfMessages", 1, 10) or 1
        wait_s = optional_whole(parameters, "WaitTimeSeconds", 0, 20)
        visibility_s = optional_whole(parameters, "VisibilityTimeout", 0, LONGEST_VISIBILITY_S)
        texts(parameters, "MessageAttributeNames")
        if visibility_s is None:
            visibility_s = queue.settings.visibility_s
        if queue.in_flight >= self._directory.limits.in_flight_per_queue:
            raise AwsError("OverLimit", "Too many messages in flight.")
        taken = queue.take(most, visibility_s, lambda message: self._bury(queue, message))
        if wait_s is None:
            wait_s = queue.settings.wait_s
        if taken or not wait_s:
            return self._answer(queue, taken, parameters)
        return self._poll(queue, most, visibility_s, wait_s, parameters)

    async def _poll(
        self, queue: Queue, most: int, visibility_s: int, wait_s: float, parameters: Parameters
    ) -> Answer:
        clock = self._directory.clock
        until_s = clock.monotonic_s() + wait_s
        taken: list[Message] = []
        while not taken and (left_s := until_s - clock.monotonic_s()) > 0:
            await queue.woken(left_s)
            if not self._directory.is_there(queue):
                break
            taken = queue.take(most, visibility_s, lambda message: self._bury(queue, message))
        return self._answer(queue, taken, parameters)

    def _bury(self, queue: Queue, message: Message) -> None:
        """Move a message to the dead-letter queue, or drop it where there is none any more."""
        redrive = queue.settings.redrive
        target = self._directory.by_arn(redrive.target_arn) if redrive is not None else None
        if target is not None:
            dead = replace(message, state=State.VISIBLE, receive_count=0)
            dead.dead_letter_source_arn = queue.arn
            target.put(dead)

    def _answer(self, queue: Queue, taken: list[Message], parameters: Parameters) -> Answer:
        self._directory.bill(queue.name, sum(message.size_bytes for message in taken))
        self._metrics.received(queue, len(taken))
        if not taken:
            return Answer({})
        system = texts(parameters, "MessageSystemAttributeNames")
        system = [*system, *texts(parameters, "AttributeNames")]
        names = texts(parameters, "MessageAttributeNames")
        sender = self._directory.account_id
        described = [_described(message, sender, system, names) for message in taken]
        return Answer({"Messages": described})

    # --- DeleteMessage --------------------------------------------------------------------

    def delete_message(self, call: Call) -> Answer:
        """DeleteMessage."""
        queue = self._directory.find(call)
        self._metrics.deleted(queue, self._delete(queue, call.parameters))
        self._directory.bill(queue.name)
        return Answer({})

    def delete_message_batch(self, call: Call) -> Answer:
        """DeleteMessageBatch."""
        queue = self._directory.find(call)
        entries = read_batch(call, self._directory.limits, "DeleteMessageBatchRequestEntry")
        deleted = 0

        def one(entry: Entry) -> dict[str, str]:
            nonlocal deleted
            deleted += self._delete(queue, entry)
            return {}

        body = run_batch(call, entries, one)
        self._metrics.deleted(queue, deleted)
        self._directory.bill(queue.name)
        return Answer(body)

    def _delete(self, queue: Queue, parameters: Parameters) -> int:
        """Delete by the latest handle; an older one, or one of a message gone, does nothing."""
        handle = _handle(parameters)
        message = queue.by_handle(handle)
        if message is None or message.receipt_handle != handle:
            return 0
        queue.remove(message)
        return 1

    # --- ChangeMessageVisibility ----------------------------------------------------------

    def change_visibility(self, call: Call) -> Answer:
        """ChangeMessageVisibility."""
        queue = self._directory.find(call)
        self._change(queue, call.parameters)
        self._directory.bill(queue.name)
        return Answer({})

    def change_visibility_batch(self, call: Call) -> Answer:
        """ChangeMessageVisibilityBatch."""
        queue = self._directory.find(call)
        kind = "ChangeMessageVisibilityBatchRequestEntry"
        entries = read_batch(call, self._directory.limits, kind)

        def one(entry: Entry) -> dict[str, str]:
            self._change(queue, entry)
            return {}

        body = run_batch(call, entries, one)
        self._directory.bill(queue.name)
        return Answer(body)

    def _change(self, queue: Queue, parameters: Parameters) -> None:
        handle = _handle(parameters)
        timeout_s = optional_whole(parameters, "VisibilityTimeout", 0, LONGEST_VISIBILITY_S)
        if timeout_s is None:
            raise missing("VisibilityTimeout")
        message = queue.by_handle(handle)
        if message is None or message.receipt_handle != handle:
            reason = "Message does not exist or is not available for visibility timeout change."
            raise out_of_range(handle, "ReceiptHandle", reason)
        if message.state is not State.IN_FLIGHT:
            raise AwsError("MessageNotInflight", "The specified message isn't in flight.")
        in_flight_s = self._directory.clock.monotonic_s() - message.received_at_s
        if in_flight_s + timeout_s > LONGEST_VISIBILITY_S:
            reason = (
                "Total VisibilityTimeout for the message is beyond the limit "
                f"[{LONGEST_VISIBILITY_S} seconds]"
            )
            raise out_of_range(timeout_s, "VisibilityTimeout", reason)
        queue.hide_for(message, timeout_s)


def _handle(parameters: Parameters) -> str:
    handle = text(parameters, "ReceiptHandle")
    if len(handle) != _HANDLE_LENGTH or handle[36] != "/":
        raise bad_receipt(handle)
    return handle


def _described(
    message: Message, sender: str, system: Sequence[str], names: Sequence[str]
) -> dict[str, object]:
    described: dict[str, object] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": message.body_md5,
        "Body": message.body,
    }
    values = {
        "SenderId": sender,
        "SentTimestamp": str(message.sent_ms),
        "ApproximateReceiveCount": str(message.total_receive_count),
        "ApproximateFirstReceiveTimestamp": str(message.first_received_ms),
        "MessageGroupId": message.group_id,
        "AWSTraceHeader": message.trace_header,
        "DeadLetterQueueSourceArn": message.dead_letter_source_arn,
    }
    wanted = {
        name: value
        for name, value in values.items()
        if value is not None and (name in system or "All" in system)
    }
    if wanted:
        described["Attributes"] = wanted
    attributes = chosen(message.attributes, names)
    if attributes:
        described["MessageAttributes"] = {n: one.as_answer() for n, one in attributes.items()}
        described["MD5OfMessageAttributes"] = attributes_md5(attributes)
    return described
