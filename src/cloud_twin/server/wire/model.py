"""AWS's own description of a service, as botocore carries it."""

from __future__ import annotations

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserError

__all__ = ["Model", "ResponseParserError"]

_FRONT_DOOR = {
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidAction": "UnknownOperationException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SerializationError": "SerializationException",
    "Throttling": "ThrottlingException",
}
"""Errors that no model lists: as the query protocol says, and as the others do."""


class Model:
    """Operations, shapes and errors of one service."""

    def __init__(self, service_name: str) -> None:
        description = Loader().load_service_model(service_name, "service-2")
        self._model = ServiceModel(description, service_name)
        self._operations = frozenset(self._model.operation_names)
        self.xml_namespace = str(self._model.metadata["xmlNamespace"])
        self.json_version = str(self._model.metadata.get("jsonVersion", "1.0"))
        self._query_codes: dict[str, str] = {}
        self._shape_names: dict[str, str] = {}
        for shape in self._model.error_shapes:
            query_code = str(shape.metadata.get("error", {}).get("code", shape.name))
            self._query_codes[shape.name] = query_code
            self._shape_names.setdefault(query_code, shape.name)
        for query_code, name in _FRONT_DOOR.items():
            self._query_codes[name] = query_code
            self._shape_names[query_code] = name

    @property
    def operation_names(self) -> frozenset[str]:
        """All operations of the service."""
        return self._operations

    def operation(self, name: str) -> OperationModel | None:
        """One operation; None where there is no such."""
        return self._model.operation_model(name) if name in self._operations else None

    def query_code(self, code: str) -> str:
        """An error's name in the query protocol, from either name."""
        return self._query_codes.get(code, code)

    def shape_name(self, code: str) -> str:
        """An error's name in the JSON and CBOR protocols, from either name."""
        return code if code in self._query_codes else self._shape_names.get(code, code)
