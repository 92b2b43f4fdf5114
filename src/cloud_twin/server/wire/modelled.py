"""Services that speak several protocols (CloudWatch): CBOR, JSON or query, as the caller does."""

from __future__ import annotations

from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.server.wire.cbor import Cbor
from cloud_twin.server.wire.encoded import Encoded, Wire
from cloud_twin.server.wire.model import Model
from cloud_twin.server.wire.modelled_json import ModelledJson
from cloud_twin.server.wire.query import Query
from cloud_twin.service import Answer, Service


class Modelled:
    """Finds the caller's protocol; each is led by AWS's own model of the service."""

    def __init__(self, service: Service) -> None:
        self.model = Model(service.name)
        self._cbor = Cbor(self.model, service.target_prefix)
        self._json = ModelledJson(self.model, service.target_prefix)
        self._query = Query(self.model)

    def operation(self, request: Request) -> str | None:
        """By path, target or form."""
        return self._spoken(request).operation(request)

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """Members of the input shape."""
        return self._spoken(request).decode(request, operation)

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """Members of the output shape, in the caller's protocol."""
        return self._spoken(request).encode(request, operation, answer, request_id)

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """A refusal, in the caller's protocol."""
        return self._spoken(request).encode_error(request, error, request_id)

    def _spoken(self, request: Request) -> Wire:
        if "smithy-protocol" in request.headers or request.path.startswith("/service/"):
            return self._cbor
        if "x-amz-target" in request.headers:
            return self._json
        return self._query
