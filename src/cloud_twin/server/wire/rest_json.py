"""REST-JSON (Lambda, Bedrock): operations by method and path, errors named in a header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import parse_qs

from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.server.wire import json_values
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.server.wire.routes import Matched, RouteTable
from cloud_twin.service import Answer, Protocols, Route

BLOB_PAYLOADS = frozenset(
    {
        "Invoke",
        "InvokeAsync",
        "InvokeModel",
        "InvokeModelWithResponseStream",
        "InvokeWithResponseStream",
    }
)
"""Operations whose body is the caller's own: it is handed on, not looked into."""

LOWER_MESSAGE = frozenset(
    {
        "AliasLimitExceededException",
        "CapacityProviderLimitExceededException",
        "CodeArtifactUserDeletedException",
        "CodeArtifactUserFailedException",
        "CodeArtifactUserPendingException",
        "CodeStorageExceededException",
        "FunctionVersionsPerCapacityProviderLimitExceededException",
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "ModeNotSupportedException",
        "PolicyLengthExceededException",
        "PreconditionFailedException",
        "ProvisionedConcurrencyConfigNotFoundException",
        "RequestTooLargeException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "RuntimeAliasDeletedException",
        "RuntimeVersionDeletedException",
        "SerializedRequestEntityTooLargeException",
        "TooManyRequestsException",
        "UnsupportedMediaTypeException",
    }
)
"""Lambda's errors whose message is written ``message``; its others write ``Message``."""


class Routed(Protocol):
    """What is known of a service here."""

    @property
    def name(self) -> str:
        """``lambda``, ``bedrock-runtime``, …"""
        ...

    @property
    def routes(self) -> Sequence[Route]:
        """Its operations."""
        ...


class RestJson:
    """JSON bodies over REST paths."""

    def __init__(self, service: Routed) -> None:
        self._routes = RouteTable(service.routes)
        self._lambda = service.name == "lambda"

    def operation(self, request: Request) -> str | None:
        """By the route table."""
        matched = self._match(request)
        return None if matched is None else matched.operation

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """The body's members, overruled by the query and the path."""
        matched = self._match(request)
        assert matched is not None, "only what has been matched is decoded"
        parameters: dict[str, Any] = {}
        if request.body and operation not in BLOB_PAYLOADS:
            parameters = self._body(request.body)
        parameters.update(_query(request.query))
        parameters.update(matched.variables)
        return parameters

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """The answer as JSON."""
        body = answer.body
        written = body if isinstance(body, bytes) else json_values.write(body)
        return Encoded(
            answer.status, {"content-type": "application/json", **answer.headers}, written
        )

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """``x-amzn-ErrorType`` and a body with the message."""
        lower = not self._lambda or error.code in LOWER_MESSAGE
        members = json_values.error_members(error, "message" if lower else "Message")
        if self._lambda and "Type" not in members:
            members["Type"] = "User" if error.sender else "Service"
        headers = {"content-type": "application/json", "x-amzn-errortype": error.code}
        return Encoded(error.status, headers, json_values.write(members))

    def _body(self, body: bytes) -> dict[str, Any]:
        try:
            return json_values.read_object(body, Protocols.REST_JSON)
        except AwsError as error:
            if not self._lambda:
                raise
            message = f"Could not parse request body into json: {error.message}"
            raise AwsError("InvalidRequestContentException", message) from error

    def _match(self, request: Request) -> Matched | None:
        return self._routes.match(request.method, request.path, request.arguments())


def _query(query: str) -> dict[str, str | list[str]]:
    """Query parameters; those sent more than once (``tagKeys``) as lists."""
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in parse_qs(query, keep_blank_values=True).items()
    }
