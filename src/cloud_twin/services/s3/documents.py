"""XML documents: written from plain entries, read without trust."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import formatdate
from xml.etree import ElementTree

from cloud_twin.service import Answer
from cloud_twin.services.s3.refusals import malformed_xml

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_UNWRITABLE = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Entry = tuple[str, "str | int | bool | Iterable[Entry]"]
"""An element: its name with text or with its children."""


def document(root: str, children: Iterable[Entry] | str, status: int = 200) -> Answer:
    """An answer with one XML document."""
    inner = _escape(children) if isinstance(children, str) else "".join(map(_element, children))
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">{inner}</{root}>'
    return Answer(text.encode(), status, {"content-type": "application/xml"})


def _element(entry: Entry) -> str:
    name, value = entry
    if isinstance(value, bool):
        inner = "true" if value else "false"
    elif isinstance(value, (str, int)):
        inner = _escape(str(value))
    else:
        inner = "".join(map(_element, value))
    return f"<{name}>{inner}</{name}>"


def _escape(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _UNWRITABLE.sub("\ufffd", escaped.replace('"', "&quot;").replace("\r", "&#13;"))


def parse(body: bytes, root: str) -> ElementTree.Element:
    """The root of a document, its names without namespaces. Raises ``MalformedXML``."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise malformed_xml()
    try:
        tree = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise malformed_xml() from None
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    if tree.tag != root:
        raise malformed_xml()
    return tree


def iso_time(wall_s: float) -> str:
    """``2026-01-02T03:04:05.678Z``."""
    moment = datetime.fromtimestamp(wall_s, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def http_time(wall_s: float) -> str:
    """``Sun, 06 Nov 1994 08:49:37 GMT``."""
    return formatdate(wall_s, usegmt=True)
