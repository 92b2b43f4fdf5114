"""AWS JSON 1.0 and 1.1: the operation in ``X-Amz-Target``, errors named in the body."""

from __future__ import annotations

import zlib
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.server.refusals import FRONT_DOOR
from cloud_twin.server.request import Request
from cloud_twin.server.wire import json_values, query_error
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.service import Answer, Protocols, Service

_CAPITAL_MESSAGE = frozenset(
    {
        "IdempotentParameterMismatchException",
        "TransactionCanceledException",
        "TransactionInProgressException",
    }
)
"""DynamoDB's errors whose message is written ``Message``."""


class JsonRpc:
    """JSON over POST to ``/``."""

    def __init__(self, service: Service) -> None:
        version = "1.0" if service.protocol is Protocols.JSON_1_0 else "1.1"
        self._protocol = service.protocol
        self._prefix = service.target_prefix + "."
        self._namespace = service.error_namespace
        self._content_type = f"application/x-amz-json-{version}"
        self._checksummed = service.name == "dynamodb"
        self._query_compatible = service.name == "sqs"

    def operation(self, request: Request) -> str | None:
        """The part of ``X-Amz-Target`` behind the service's name."""
        target = request.headers.get("x-amz-target", "")
        return target[len(self._prefix) :] if target.startswith(self._prefix) else None

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """The body."""
        return json_values.read_object(request.body, self._protocol)

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """The answer as JSON."""
        body = answer.body
        written = body if isinstance(body, bytes) else json_values.write(body)
        encoded = self._encoded(answer.status, written)
        if answer.headers:
            encoded.headers.update(answer.headers)
        return encoded

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """``{"__type": …, "message": …}``; SQS adds the error as the query protocol names it.

        Of SQS's forms, which the twin does not take, old SDKs can read the refusal at least.
        """
        if self._query_compatible and request.is_form:
            if error.code == "UnknownOperationException":
                message = (
                    f"{error.message}. The twin speaks AWS JSON with SQS, not the query protocol."
                )
                error = AwsError(error.code, message, error.status)
            return query_error.encode(error, request_id)
        namespace = self._namespace
        if namespace and error.code in FRONT_DOOR:
            namespace = "com.amazon.coral.service#"
        message_key = "Message" if error.code in _CAPITAL_MESSAGE else "message"
        members = json_values.error_members(error, message_key)
        written = json_values.write({"__type": namespace + error.code} | members)
        encoded = self._encoded(error.status, written)
        if self._query_compatible:
            fault = "Sender" if error.sender else "Receiver"
            code = _QUERY_CODES.get(error.code, error.code)
            encoded.headers["x-amzn-query-error"] = f"{code};{fault}"
        return encoded

    def _encoded(self, status: int, body: bytes) -> Encoded:
        headers = {"content-type": self._content_type}
        if self._checksummed:
            headers["x-amz-crc32"] = str(zlib.crc32(body))
        return Encoded(status, headers, body)


_QUERY_CODES = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}
"""SQS: what an error is called in the query protocol, where that differs."""
