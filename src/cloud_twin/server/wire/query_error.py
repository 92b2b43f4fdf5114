"""Errors of the query protocol, for services of which the twin has no model at hand."""

from __future__ import annotations

from cloud_twin.errors import AwsError
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.server.wire.xml_text import element

FRONT_DOOR_NAMES = {
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnknownOperationException": "InvalidAction",
}
"""What the front door's errors are called in forms, where JSON has another name for them."""


def encode(error: AwsError, request_id: str) -> Encoded:
    """``<ErrorResponse><Error><Type>Sender</Type><Code>…``."""
    fault = {
        "Type": "Sender" if error.sender else "Receiver",
        "Code": FRONT_DOOR_NAMES.get(error.code, error.code),
        "Message": error.message,
    }
    text = element("ErrorResponse", {"Error": fault, "RequestId": request_id})
    return Encoded(error.status, {"content-type": "text/xml"}, text.encode())
