"""A message, its attributes, and the checksums by which SDKs check both."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import md5
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.services.sqs.refusals import invalid, unserializable

MOST_ATTRIBUTES = 10
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STRING, _BINARY = b"\x01", b"\x02"


class State(Enum):
    """Whether a receiver can get it."""

    VISIBLE = "visible"
    DELAYED = "delayed"
    IN_FLIGHT = "in flight"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A message attribute. ``binary`` is base64 text as it came."""

    data_type: str
    string: str | None
    binary: str | None

    @property
    def size_bytes(self) -> int:
        """Type and value, as they count towards a message's size."""
        return len(self.data_type.encode()) + len(self.value)

    @property
    def value(self) -> bytes:
        """The value as bytes."""
        if self.string is not None:
            return self.string.encode()
        return base64.b64decode(self.binary or "")

    def as_answer(self) -> dict[str, str]:
        """As ReceiveMessage gives it."""
        if self.string is not None:
            return {"StringValue": self.string, "DataType": self.data_type}
        return {"BinaryValue": self.binary or "", "DataType": self.data_type}


@dataclass(slots=True, eq=False)
class Message:
    """A message in a queue. Times are Unix milliseconds, or seconds on the monotonic clock."""

    message_id: str
    body: str
    attributes: Mapping[str, Attribute]
    trace_header: str | None
    group_id: str | None
    sent_ms: int
    size_bytes: int
    body_md5: str = ""
    state: State = State.VISIBLE
    visible_at_s: float = 0.0
    received_at_s: float = 0.0
    first_received_ms: int | None = None
    receive_count: int = 0
    total_receive_count: int = 0
    """Over all queues it has been in."""
    receipt_handle: str = ""
    dead_letter_source_arn: str | None = None

    def __post_init__(self) -> None:
        self.body_md5 = md5(self.body.encode(), usedforsecurity=False).hexdigest()


def check_body(body: str) -> None:
    """Raises ``AwsError`` for a character that messages cannot have."""
    if _ILLEGAL.search(body):
        raise AwsError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
            "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )


def read_attributes(given: Any) -> dict[str, Attribute]:
    """Message attributes of a request. Raises ``AwsError``."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise unserializable("MessageAttributes", "a map")
    if len(given) > MOST_ATTRIBUTES:
        raise invalid(
            f"Number of message attributes [{len(given)}] exceeds the allowed maximum "
            f"[{MOST_ATTRIBUTES}]."
        )
    return {name: _read_attribute(name, value) for name, value in given.items()}


def _read_attribute(name: str, given: Any) -> Attribute:
    if not _NAME.fullmatch(name) or len(name) > 256:
        raise invalid(
            f"The message attribute name '{name}' is invalid. Attribute name can contain A-Z, "
            "a-z, 0-9, underscore (_), hyphen (-), and period (.) characters."
        )
    if name.lower().startswith(("aws.", "amazon.")):
        raise invalid(f"The message attribute name '{name}' starts with a reserved prefix.")
    if not isinstance(given, dict):
        raise unserializable(f"MessageAttributes.{name}", "a structure")
    data_type = given.get("DataType")
    if not isinstance(data_type, str) or not data_type:
        raise invalid(f"The message attribute '{name}' must contain a non-empty data type.")
    if not _TYPE.fullmatch(data_type):
        raise invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    binary = data_type.startswith("Binary")
    value = given.get("BinaryValue" if binary else "StringValue")
    if not isinstance(value, str) or not value:
        kind = "binary" if binary else "string"
        raise invalid(
            f"The message attribute '{name}' must contain a non-empty message attribute value "
            f"for message attribute type '{kind}'."
        )
    if not binary:
        check_body(value)
        return Attribute(data_type, value, None)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unserializable(f"MessageAttributes.{name}.BinaryValue", "base64") from error
    return Attribute(data_type, None, value)


def attributes_size_bytes(attributes: Mapping[str, Attribute]) -> int:
    """Names, types and values, as they count towards a message's size."""
    return sum(len(name.encode()) + one.size_bytes for name, one in attributes.items())


def attributes_md5(attributes: Mapping[str, Attribute]) -> str:
    """The checksum of message attributes.

    Source: "Calculating the MD5 message digest for message attributes" of the developer guide:
    sorted by name; name, type and value each behind its length, the value also behind its kind.
    """
    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        one = attributes[name]
        pieces: Sequence[bytes] = (name.encode(), one.data_type.encode())
        for piece in pieces:
            digest.update(struct.pack("!I", len(piece)) + piece)
        kind = _STRING if one.string is not None else _BINARY
        digest.update(kind + struct.pack("!I", len(one.value)) + one.value)
    return digest.hexdigest()


def chosen(attributes: Mapping[str, Attribute], names: Sequence[str]) -> dict[str, Attribute]:
    """Those that a receiver asks for by name, ``prefix.*``, ``All`` or ``.*``."""
    if "All" in names or ".*" in names:
        return dict(attributes)
    prefixes = tuple(name[:-1] for name in names if name.endswith(".*"))
    return {
        name: one
        for name, one in attributes.items()
        if name in names or (prefixes and name.startswith(prefixes))
    }
