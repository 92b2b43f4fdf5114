"""Response heads, parsed once each.

A server under load answers with few distinct heads: the same status line and fields, a date that
changes once a second, a handful of lengths. A head that was seen before is looked up by its bytes,
so the shortcut cannot differ from the parser: it is the parser's own earlier answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import httptools

_NO_ANSWER = b"\0"
"""No answer begins like this."""
MAX_HEADS = 2048
"""Heads remembered; all are forgotten when there are more."""


@dataclass(frozen=True, slots=True)
class Head:
    """One response head. ``length`` is the body's, or −1 where the head does not give it."""

    status: int
    length: int
    keep_alive: bool


class _HeadReader:
    """Collects what httptools reports of one response head."""

    parser: httptools.HttpResponseParser

    def __init__(self) -> None:
        self.length: int | None = None
        self.chunked = False
        self.encoded = False
        self.complete = False
        self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        if key == b"content-length":
            self.length = int(value)
        elif key == b"transfer-encoding":
            self.chunked = True
        elif key == b"content-encoding":
            self.encoded = value.strip().lower() != b"identity"

    def on_headers_complete(self) -> None:
        self.complete = True
        self.keep_alive = bool(self.parser.should_keep_alive())


def parse_head(head: bytes) -> Head | None:
    """A head that ends in an empty line; None when it is not a final HTTP/1 response head.

    A length is given only where it alone decides the body: no transfer coding, no content coding,
    and a status that has a body.
    """
    collected = _HeadReader()
    parser = collected.parser = httptools.HttpResponseParser(collected)
    try:
        parser.feed_data(head)
    except (httptools.HttpParserError, ValueError):
        return None
    status = parser.get_status_code()
    if not collected.complete or status < 200:
        return None
    known = (
        collected.length is not None
        and not collected.chunked
        and not collected.encoded
        and status not in (204, 304)
    )
    return Head(
        status=status,
        length=collected.length if known and collected.length is not None else -1,
        keep_alive=collected.keep_alive,
    )


class HeadMemo(dict[bytes, Head]):
    """Heads by their bytes. ``learn`` adds one; ``find`` is the look-up.

    ``latest`` is the head found last as (bytes, their length, length of the whole answer, status):
    most answers begin with it, which one comparison tells. It is always one that keeps the
    connection; before the first is found it matches nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.latest = (_NO_ANSWER, 0, 0, 0)

    def find(self, data: bytes) -> Head | None:
        """The head that a whole answer begins with, if it is known and the body complete."""
        split = data.find(b"\r\n\r\n") + 4
        text = data[:split]
        head = self.get(text)
        if head is None or len(data) - split != head.length or not head.keep_alive:
            return None
        self.latest = (text, split, len(data), head.status)
        return head

    def learn(self, head: bytes) -> Head | None:
        """Parse and remember a head; None where only the full parser will do."""
        parsed = parse_head(head)
        if parsed is None or parsed.length < 0:
            return None
        if len(self) >= MAX_HEADS:
            self.clear()
        self[head] = parsed
        return parsed
