"""The place of one answer in its connection's order."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BODYLESS = frozenset({204, 304})
_JOINED_BYTES = 64 * 1024
"""Head and body are written as one piece up to here; copying a larger body costs more."""


class Line(Protocol):
    """What a reply needs of its connection."""

    draining: bool

    def flush(self) -> None:
        """Write the answers whose turn it is."""
        ...


class HttpDate:
    """The ``Date`` header, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def text(self) -> str:
        """``Sun, 06 Nov 1994 08:49:37 GMT``."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True)
        return self._text


class Reply:
    """Answered once: with a whole answer, with a stream of chunks, or by closing the line."""

    __slots__ = ("_head_only", "_line", "close_after", "data", "done", "dropped", "stream")

    def __init__(self, line: Line, head_only: bool, close_after: bool) -> None:
        self._line = line
        self._head_only = head_only
        self.close_after = close_after
        self.data: list[bytes] = []
        """What is to be written, in pieces."""
        self.stream: AsyncIterator[bytes] | None = None
        """What follows ``data`` with chunked coding."""
        self.done = False
        self.dropped = False

    def send(self, status: int, headers: Mapping[str, str], body: bytes, date: str) -> None:
        """Answer. ``headers`` may hold a Content-Length of its own (answers to HEAD)."""
        if self.done:
            return
        head = self._head(status, headers, date)
        if status in _BODYLESS:
            body = b""
        elif "content-length" not in headers:
            head += f"content-length: {len(body)}\r\n"
        head += "\r\n"
        start = head.encode("latin-1", "replace")
        if self._head_only or not body:
            self.data = [start]
        elif len(body) <= _JOINED_BYTES:
            self.data = [start + body]
        else:
            self.data = [start, body]
        self.done = True
        self._line.flush()

    def send_stream(
        self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes], date: str
    ) -> None:
        """Answer with chunks as they come."""
        if self.done:
            return
        head = self._head(status, headers, date) + "transfer-encoding: chunked\r\n\r\n"
        self.data = [head.encode("latin-1", "replace")]
        self.stream = chunks
        self.done = True
        self._line.flush()

    def drop(self) -> None:
        """Close the line instead of answering."""
        if self.done:
            return
        self.done = self.dropped = True
        self._line.flush()

    def _head(self, status: int, headers: Mapping[str, str], date: str) -> str:
        self.close_after |= self._line.draining
        reason = _REASONS.get(status, "Unknown")
        lines = [f"HTTP/1.1 {status} {reason}\r\ndate: {date}\r\n"]
        for name, value in headers.items():
            if "\n" in value or "\r" in value:
                value = value.replace("\r", " ").replace("\n", " ")
            lines.append(f"{name}: {value}\r\n")
        if self.close_after:
            lines.append("connection: close\r\n")
        return "".join(lines)
