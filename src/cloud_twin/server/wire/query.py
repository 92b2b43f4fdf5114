"""The query protocol: forms in, XML out. What older SDKs speak with CloudWatch."""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.server.wire import shapes
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.server.wire.model import Model
from cloud_twin.server.wire.query_form import nested, parse_form
from cloud_twin.server.wire.xml_text import element, escape, scalar
from cloud_twin.service import Answer

_HEADERS = {"content-type": "text/xml"}


class Query:
    """``Action=…&Version=…`` in a form or the query string."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def operation(self, request: Request) -> str | None:
        """``Action``."""
        name = _form(request).get("Action", "")
        return name if self._model.operation(name) is not None else None

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """The form's fields. Raises ``AwsError`` for values of the wrong type."""
        found = self._model.operation(operation)
        assert found is not None, "only known operations are decoded"
        if found.input_shape is None:
            return {}
        try:
            parameters: dict[str, Any] = shapes.read(
                found.input_shape, nested(found.input_shape, _form(request))
            )
        except AwsError as error:
            code = "MalformedInput" if error.code == "SerializationException" else error.code
            raise AwsError(code, error.message) from error
        return parameters

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """``<OperationResponse><OperationResult>…``."""
        found = self._model.operation(operation)
        shape = found.output_shape if found is not None else None
        result = ""
        if shape is not None:
            wrapper = shape.serialization.get("resultWrapper", f"{operation}Result")
            result = _xml(wrapper, shape, shapes.write(shape, answer.body))
        metadata = element("ResponseMetadata", {"RequestId": request_id})
        name = f"{operation}Response"
        text = f'<{name} xmlns="{self._model.xml_namespace}">{result}{metadata}</{name}>\n'
        return Encoded(answer.status, {**_HEADERS, **answer.headers}, text.encode())

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """``<ErrorResponse><Error>…``."""
        document = {
            "Error": {
                "Type": "Sender" if error.sender else "Receiver",
                "Code": self._model.query_code(error.code),
                "Message": error.message,
            },
            "RequestId": request_id,
        }
        attributes = f' xmlns="{self._model.xml_namespace}"'
        text = element("ErrorResponse", document, attributes) + "\n"
        return Encoded(error.status, dict(_HEADERS), text.encode())


def _form(request: Request) -> dict[str, str]:
    text = request.body.decode("utf-8", "replace") if request.body else request.query
    return parse_form(text)


def _xml(name: str, shape: Shape, value: Any) -> str:
    if isinstance(shape, StructureShape):
        inner = "".join(
            _xml(member.serialization.get("name", key), member, value[key])
            for key, member in shape.members.items()
            if key in value
        )
        return f"<{name}>{inner}</{name}>"
    if isinstance(shape, ListShape):
        item_name = shape.member.serialization.get("name", "member")
        if shape.serialization.get("flattened"):
            return "".join(_xml(name, shape.member, item) for item in value)
        return f"<{name}>{''.join(_xml(item_name, shape.member, item) for item in value)}</{name}>"
    if isinstance(shape, MapShape):
        entries = "".join(
            f"<entry>{element('key', key)}{_xml('value', shape.value, item)}</entry>"
            for key, item in value.items()
        )
        return f"<{name}>{entries}</{name}>"
    return f"<{name}>{escape(scalar(value))}</{name}>"
