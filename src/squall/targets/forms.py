"""How a transaction's value is written at the place where a template puts it.

A value comes as JSON text. No value can end the place it stands in: a line break cannot start
another header field, a slash cannot start another path segment, a quote cannot end a string.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote_from_bytes
from xml.sax.saxutils import escape

import numpy as np
import orjson
from numpy.typing import NDArray


class Form(Enum):
    """What surrounds a value."""

    JSON = "a JSON value of its own"
    JSON_TEXT = "inside a JSON string"
    TEXT = "plain text"
    PERCENT = "a path, a query or a form"
    HEADER = "a header field"
    XML = "XML text or a quoted attribute"


@dataclass(frozen=True, slots=True)
class Reference:
    """A place where a field's value goes, and how it is written there."""

    field: str
    form: Form


_XML_QUOTES = {'"': "&quot;", "'": "&apos;"}
_NO_CONTROLS = bytes(0x20 if byte < 0x20 or byte == 0x7F else byte for byte in range(256))


def written(json_text: bytes, form: Form) -> bytes:
    """A value, given as JSON text, as it stands in a place of this form; null there is nothing.

    ``json_text`` may be an edge case that is not JSON (``NaN``): it then stands for itself.
    """
    if form is Form.JSON:
        return json_text
    if json_text == b"null":
        return b""
    if form is Form.JSON_TEXT:
        quoted = len(json_text) >= 2 and json_text[:1] == json_text[-1:] == b'"'
        return json_text[1:-1] if quoted else json_text
    return _surrounded(_plain(json_text), form)


def _plain(json_text: bytes) -> bytes:
    """The characters of a JSON string in UTF-8; any other value as it is."""
    if not json_text.startswith(b'"'):
        return json_text
    try:
        return str(orjson.loads(json_text)).encode()
    except ValueError:
        return json_text


def _surrounded(text: bytes, form: Form) -> bytes:
    if form is Form.PERCENT:
        return quote_from_bytes(text, safe="").encode()
    if form is Form.HEADER:
        return text.translate(_NO_CONTROLS)
    if form is Form.XML:
        readable = text.translate(_NO_CONTROLS).decode("utf-8", "replace")
        return escape(readable, _XML_QUOTES).encode()
    return text


def _stands_as_it_is(form: Form) -> NDArray[np.bool_]:
    """By ASCII byte: whether it is written unchanged. All others are taken not to be."""
    return np.array(
        [
            byte < 128 and written(orjson.dumps(chr(byte)), form) == bytes([byte])
            for byte in range(256)
        ]
    )


class Verbatim:
    """Answers whether whole columns of text may be copied to places of some form as they are."""

    def __init__(self, forms: frozenset[Form]) -> None:
        self._tables = {
            form: _stands_as_it_is(form) for form in forms - {Form.JSON, Form.JSON_TEXT, Form.TEXT}
        }

    def holds(self, text: NDArray[np.uint8], form: Form) -> bool:
        """Whether all this text, free of JSON escapes, needs no change in this form."""
        table = self._tables.get(form)
        return table is None or bool(table[text].all())


def form_of(content_type: str) -> Form:
    """How values stand in a body that is given as text, by its content type."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return Form.JSON_TEXT
    if kind == "application/x-www-form-urlencoded":
        return Form.PERCENT
    if kind in ("application/xml", "text/xml", "text/html") or kind.endswith("+xml"):
        return Form.XML
    return Form.TEXT
