"""AWS JSON for a service whose values are led by its model."""

from __future__ import annotations

from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.server.wire import json_values, shapes
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.server.wire.model import Model
from cloud_twin.service import Answer, Protocols


class ModelledJson:
    """The operation in ``X-Amz-Target``, members as JSON."""

    def __init__(self, model: Model, target_prefix: str) -> None:
        self._model = model
        self._prefix = target_prefix + "."
        self._content_type = f"application/x-amz-json-{model.json_version}"

    def operation(self, request: Request) -> str | None:
        """The part of ``X-Amz-Target`` behind the service's name."""
        name = request.headers.get("x-amz-target", "").removeprefix(self._prefix)
        return name if self._model.operation(name) is not None else None

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """The body. Raises ``SerializationException``."""
        value = json_values.read_object(request.body, Protocols.JSON_1_0)
        found = self._model.operation(operation)
        assert found is not None, "only known operations are decoded"
        if found.input_shape is None:
            return {}
        parameters: dict[str, Any] = shapes.read(found.input_shape, value)
        return parameters

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """The output as JSON."""
        found = self._model.operation(operation)
        shape = found.output_shape if found is not None else None
        members = shapes.write(shape, answer.body) if shape is not None else {}
        headers = {"content-type": self._content_type, **answer.headers}
        return Encoded(answer.status, headers, json_values.write(members))

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """``__type`` and message; the query protocol's name of the error in a header."""
        members = json_values.error_members(error, "message")
        body = {"__type": self._model.shape_name(error.code), **members}
        fault = "Sender" if error.sender else "Receiver"
        headers = {
            "content-type": self._content_type,
            "x-amzn-query-error": f"{self._model.query_code(error.code)};{fault}",
        }
        return Encoded(error.status, headers, json_values.write(body))
