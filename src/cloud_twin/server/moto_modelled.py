"""Operations of a modelled service that moto carries out: asked in the query protocol.

Newer SDKs speak CBOR, which moto does not. So the call is decoded, asked of moto as a form, and
moto's XML is read with botocore's own parser; the answer goes out as the caller speaks.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from botocore.parsers import QueryParser
from botocore.serialize import QuerySerializer

from cloud_twin.errors import AwsError
from cloud_twin.server.moto_bridge import MotoBridge
from cloud_twin.server.moto_http import MotoAnswer
from cloud_twin.server.request import Request
from cloud_twin.server.wire.model import Model
from cloud_twin.service import Answer, Call


class MotoModelled:
    """Handles decoded calls as a service does."""

    def __init__(self, bridge: MotoBridge, model: Model) -> None:
        self._bridge = bridge
        self._model = model
        self._serializer = QuerySerializer()
        self._parser = QueryParser()

    async def handle(self, call: Call) -> Answer:
        """Have moto carry out one call. Raises ``AwsError``."""
        operation = self._model.operation(call.operation)
        assert operation is not None, "only operations of the model come here"
        serialized: dict[str, Any] = self._serializer.serialize_to_request(
            call.parameters, operation
        )
        headers = {
            "host": call.headers.get("host", "localhost"),
            "authorization": call.headers.get("authorization", ""),
            "x-amz-date": call.headers.get("x-amz-date", ""),
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        }
        body = urlencode(serialized["body"], doseq=True).encode()
        answer = await self._bridge.ask(Request("POST", "/", "", headers, body))
        return Answer(self._read(answer, operation.output_shape))

    def _read(self, answer: MotoAnswer, shape: Any) -> dict[str, Any]:
        try:
            parsed: dict[str, Any] = self._parser.parse(
                {"status_code": answer.status, "headers": answer.headers, "body": answer.body},
                shape,
            )
        except Exception as error:  # moto answers some errors with pages of HTML
            raise AwsError(
                "NotImplemented",
                f"moto, which serves this operation, answered {answer.status}:"
                f" {answer.body[:200].decode('utf-8', 'replace')}",
                501,
                sender=False,
            ) from error
        parsed.pop("ResponseMetadata", None)
        if answer.status >= 300:
            told = parsed.get("Error", {})
            raise AwsError(
                str(told.get("Code", "InternalServiceError")),
                str(told.get("Message", "")),
                answer.status,
                sender=answer.status < 500,
            )
        return parsed
