"""SendMessage and SendMessageBatch."""

from __future__ import annotations

import uuid
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.sqs.batches import Entry, read_batch, run_batch
from cloud_twin.services.sqs.directory import QueueDirectory
from cloud_twin.services.sqs.message import (
    Message,
    attributes_md5,
    attributes_size_bytes,
    check_body,
    read_attributes,
)
from cloud_twin.services.sqs.metrics import QueueMetrics
from cloud_twin.services.sqs.parameters import optional_text, optional_whole, text
from cloud_twin.services.sqs.queue import Queue
from cloud_twin.services.sqs.refusals import invalid, out_of_range, unserializable


class Sender:
    """Takes messages in."""

    def __init__(self, directory: QueueDirectory, metrics: QueueMetrics) -> None:
        self._directory = directory
        self._metrics = metrics

    def send_message(self, call: Call) -> Answer:
        """SendMessage."""
        queue = self._directory.find(call)
        message, delay_s = self._read(queue, call.parameters)
        queue.put(message, delay_s)
        self._directory.bill(queue.name, message.size_bytes)
        self._metrics.sent(queue, [message.size_bytes])
        return Answer(_answer(message))

    def send_message_batch(self, call: Call) -> Answer:
        """SendMessageBatch: each message by itself, unless the batch as a whole is too long."""
        queue = self._directory.find(call)
        entries = read_batch(call, self._directory.limits, "SendMessageBatchRequestEntry")
        total_bytes = sum(_offered_bytes(entry) for _, entry in entries)
        most_bytes = int(self._directory.limits.batch_bytes)
        if total_bytes > most_bytes:
            raise AwsError(
                "BatchRequestTooLong",
                f"Batch requests cannot be longer than {most_bytes} bytes. You have sent "
                f"{total_bytes} bytes.",
            )
        sizes_bytes: list[int] = []

        def one(entry: Entry) -> dict[str, str]:
            message, delay_s = self._read(queue, entry)
            queue.put(message, delay_s)
            sizes_bytes.append(message.size_bytes)
            return _answer(message)

        body = run_batch(call, entries, one)
        self._directory.bill(queue.name, total_bytes)
        self._metrics.sent(queue, sizes_bytes)
        return Answer(body)

    def send(self, queue: Queue, body: str) -> None:
        """Put a message from inside the twin."""
        message, delay_s = self._read(queue, {"MessageBody": body})
        queue.put(message, delay_s)
        self._directory.bill(queue.name, message.size_bytes)
        self._metrics.sent(queue, [message.size_bytes])

    def _read(self, queue: Queue, entry: Entry) -> tuple[Message, int]:
        """The message of a request or batch entry, and its delay. Raises ``AwsError``."""
        body = text(entry, "MessageBody")
        check_body(body)
        attributes = read_attributes(entry.get("MessageAttributes"))
        if optional_text(entry, "MessageDeduplicationId") is not None:
            raise invalid(
                "The request includes a parameter that is not valid for this queue type. Reason: "
                "MessageDeduplicationId is for FIFO queues."
            )
        size_bytes = len(body.encode()) + attributes_size_bytes(attributes)
        most_bytes = int(min(queue.settings.message_bytes, self._directory.limits.message_bytes))
        if size_bytes > most_bytes:
            raise invalid(
                "One or more parameters are invalid. Reason: Message must be shorter than "
                f"{most_bytes} bytes."
            )
        delay_s = optional_whole(entry, "DelaySeconds", 0, 900)
        message = Message(
            message_id=str(uuid.uuid4()),
            body=body,
            attributes=attributes,
            trace_header=_trace_header(entry.get("MessageSystemAttributes")),
            group_id=optional_text(entry, "MessageGroupId"),
            sent_ms=int(self._directory.clock.wall_s() * 1000),
            size_bytes=size_bytes,
        )
        return message, queue.settings.delay_s if delay_s is None else delay_s


def _answer(message: Message) -> dict[str, str]:
    body = {"MD5OfMessageBody": message.body_md5, "MessageId": message.message_id}
    if message.attributes:
        body["MD5OfMessageAttributes"] = attributes_md5(message.attributes)
    if message.trace_header is not None:
        system = read_attributes(
            {"AWSTraceHeader": {"DataType": "String", "StringValue": message.trace_header}}
        )
        body["MD5OfMessageSystemAttributes"] = attributes_md5(system)
    return body


def _offered_bytes(entry: Entry) -> int:
    """Size of a batch entry; one that is malformed fails by itself and counts its body only."""
    body = entry.get("MessageBody")
    size_bytes = len(body.encode("utf-8", "surrogatepass")) if isinstance(body, str) else 0
    try:
        return size_bytes + attributes_size_bytes(read_attributes(entry.get("MessageAttributes")))
    except AwsError:
        return size_bytes


def _trace_header(given: Any) -> str | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise unserializable("MessageSystemAttributes", "a map")
    for name in given:
        if name != "AWSTraceHeader":
            raise out_of_range(name, "MessageSystemAttributes", "Unknown system attribute.")
    return read_attributes(given)["AWSTraceHeader"].string if given else None
