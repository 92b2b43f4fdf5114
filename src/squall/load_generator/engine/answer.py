"""The full response parser: any framing, any number of reads."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import httptools

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A larger answer is treated as unreadable."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete response."""

    status: int
    body: bytes
    keep_alive: bool
    retry_after: bytes = b""
    """Its field of that name, as it came: ``retry_after.wait_s`` reads it."""
    location: str = ""
    """Where a redirect points to; nothing follows it."""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Those that the parser was told to keep, names in lower case."""


class UnreadableAnswer(Exception):
    """What arrived is not an HTTP/1 response that can be read."""


class AnswerParser:
    """Takes the bytes of one response as they come; one object per response.

    ``keep``: names of header fields, in lower case, that the answer is to have.
    """

    def __init__(self, keep: frozenset[bytes] = frozenset()) -> None:
        self._keep = keep
        self._kept: dict[bytes, bytes] = {}
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._size = 0
        self._encoding = b""
        self._retry_after = b""
        self._location = ""
        self._framed = False
        self._head_done = False
        self._status = 0
        self._keep_alive = False
        self._done = False

    def feed(self, data: bytes) -> Answer | None:
        """Add bytes; the answer once it is complete.

        Raises:
            UnreadableAnswer: not HTTP/1, too large, or in an unknown content coding.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            raise UnreadableAnswer(str(error)) from error
        return self._answer(self._keep_alive) if self._done else None

    def end_of_stream(self) -> Answer | None:
        """The answer, where the server marks its end by closing the connection."""
        if self._head_done and not self._framed and not self._done:
            return self._answer(False)
        return None

    def _answer(self, keep_alive: bool) -> Answer:
        body = b"".join(self._body)
        if self._encoding in (b"gzip", b"deflate"):
            try:
                body = zlib.decompressobj(47).decompress(body, MAX_BODY_BYTES)
            except zlib.error as error:
                raise UnreadableAnswer(f"broken {self._encoding.decode()} body") from error
        elif self._encoding not in (b"", b"identity"):
            raise UnreadableAnswer(f"unknown content coding {self._encoding!r}")
        keep_alive = keep_alive and self._framed
        return Answer(self._status, body, keep_alive, self._retry_after, self._location, self._kept)

    # httptools calls these.

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field."""
        key = name.lower()
        if key in (b"content-length", b"transfer-encoding"):
            self._framed = True
        elif key == b"content-encoding":
            self._encoding = value.strip().lower()
        elif key == b"retry-after":
            self._retry_after = value
        elif key == b"location":
            self._location = value.decode("latin-1").strip()
        if key in self._keep:
            self._kept[key] = value

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._status = self._parser.get_status_code()
        self._head_done = self._status >= 200
        self._keep_alive = bool(self._parser.should_keep_alive())
        if self._status in (204, 304):
            self._framed = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._size += len(body)
        if self._size > MAX_BODY_BYTES:
            raise UnreadableAnswer(f"body over {MAX_BODY_BYTES} bytes")
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The message has ended; a 1xx one only announces another."""
        if self._status >= 200:
            self._done = True
        else:
            self._framed = False
