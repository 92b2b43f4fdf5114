"""Smithy RPC v2 with CBOR: what newer SDKs speak with CloudWatch."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import cbor2

from cloud_twin.errors import AwsError
from cloud_twin.server.refusals import malformed
from cloud_twin.server.request import Request
from cloud_twin.server.wire import json_values, shapes
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.server.wire.model import Model
from cloud_twin.service import Answer, Protocols

_HEADERS = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


class Cbor:
    """``POST /service/NAME/operation/OPERATION``."""

    def __init__(self, model: Model, target_prefix: str) -> None:
        self._model = model
        self._prefix = f"/service/{target_prefix}/operation/"

    def operation(self, request: Request) -> str | None:
        """The end of the path."""
        name = request.path.rstrip("/").removeprefix(self._prefix)
        return name if self._model.operation(name) is not None else None

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """The body. Raises ``SerializationException``."""
        try:
            value = cbor2.loads(request.body) if request.body else {}
        except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError) as error:
            raise malformed(f"not CBOR: {error}", Protocols.JSON_1_0) from error
        found = self._model.operation(operation)
        assert found is not None, "only known operations are decoded"
        if found.input_shape is None:
            return {}
        parameters: dict[str, Any] = shapes.read(found.input_shape, value)
        return parameters

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """The output; nothing for an operation that has none."""
        found = self._model.operation(operation)
        shape = found.output_shape if found is not None else None
        members = shapes.write(shape, answer.body) if shape is not None else {}
        return Encoded(answer.status, {**_HEADERS, **answer.headers}, _dump(members))

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """``__type`` and message; the query protocol's name of the error in a header."""
        members = json_values.error_members(error, "message")
        members["__type"] = self._model.shape_name(error.code)
        fault = "Sender" if error.sender else "Receiver"
        query_error = f"{self._model.query_code(error.code)};{fault}"
        headers = {**_HEADERS, "x-amzn-query-error": query_error}
        return Encoded(error.status, headers, _dump(members))


def _dump(members: Any) -> bytes:
    return cbor2.dumps(members, datetime_as_timestamp=True, timezone=UTC)
