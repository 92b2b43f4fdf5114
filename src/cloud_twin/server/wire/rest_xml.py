"""REST-XML (S3): operations by method, path and query; errors as an ``Error`` document."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.server.wire.routes import Matched, RouteTable
from cloud_twin.server.wire.xml_text import DECLARATION, element
from cloud_twin.service import Answer, Service


class RestXml:
    """XML bodies over REST paths; the service reads and writes its own documents."""

    def __init__(self, service: Service) -> None:
        self._routes = RouteTable(service.routes)

    def operation(self, request: Request) -> str | None:
        """By the route table."""
        matched = self._match(request)
        return None if matched is None else matched.operation

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """Query parameters, overruled by the path."""
        matched = self._match(request)
        assert matched is not None, "only what has been matched is decoded"
        return {**request.arguments(), **matched.variables}

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """The answer; a mapping becomes a document with the operation's result as its root."""
        body = answer.body
        headers = dict(answer.headers)
        if not isinstance(body, bytes):
            body = DECLARATION + element(f"{operation}Result", body).encode()
            headers.setdefault("content-type", "application/xml")
        elif body and "content-type" not in headers and "Content-Type" not in headers:
            xml = body.startswith(b"<?xml")
            headers["content-type"] = "application/xml" if xml else "binary/octet-stream"
        return Encoded(answer.status, headers, body)

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """``<Error><Code>…``."""
        document = {
            "Code": error.code,
            "Message": error.message,
            **error.fields,
            "RequestId": request_id,
            "HostId": request_id,
        }
        if "Resource" not in document:
            document["Resource"] = unquote(request.path)
        body = DECLARATION + element("Error", document).encode()
        return Encoded(error.status, {"content-type": "application/xml"}, body)

    def _match(self, request: Request) -> Matched | None:
        return self._routes.match(request.method, request.path, request.arguments())
