"""A lean HTTP/1.1 server side: from bytes to requests, from answers to bytes in order.

The usual request (one complete ``POST`` with a Content-Length in one read, nothing special in its
head) is cut out directly; everything else goes through ``httptools``. Requests may be pipelined:
answers are written in the order of the requests, whenever they come.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from typing import Protocol, cast

import httptools

from fraud_platform.wire.answers import error_body, response
from fraud_platform.wire.validation import Problem

log = logging.getLogger(__name__)

HEAD_LIMIT = 16 * 1024
"""Most bytes of a request's head."""
DISCARD_LIMIT = 1024 * 1024
"""A body that is too large is read to its end and thrown away up to here; then the line is cut."""
PIPELINE_LIMIT = 1024
"""Requests of one connection that may wait for their answers; then it is not read from."""

_FAST_START = re.compile(rb"POST (/v1/transactions(?:\?wait=\d{1,4})?) HTTP/1\.1\r\n")
_SPECIAL = (
    b"\r\nconnection:",
    b"\r\ntransfer-encoding:",
    b"\r\nexpect:",
    b"\r\nupgrade:",
    b"\r\nprefer:",
)
_LENGTH = b"\r\ncontent-length:"


class Reply:
    """The place of one answer in its connection's order."""

    __slots__ = ("_connection", "_data", "close_after", "prefer")

    def __init__(self, connection: HttpConnection, close_after: bool, prefer: bytes = b"") -> None:
        self._connection = connection
        self._data: bytes | None = None
        self.close_after = close_after
        self.prefer = prefer
        """The request's ``Prefer`` header (RFC 7240)."""

    def send(
        self,
        status: int,
        body: bytes,
        *,
        replay: bool = False,
        content_type: bytes = b"application/json",
        allow: bytes = b"",
    ) -> None:
        """Answer; once only."""
        self.close_after |= self._connection.leaving()
        self._data = response(
            status,
            body,
            replay=replay,
            keep_alive=not self.close_after,
            content_type=content_type,
            allow=allow,
        )
        self._connection.flush()

    def problem(self, status: int, code: str, message: str, *, allow: bytes = b"") -> None:
        """Answer with one problem."""
        self.send(status, error_body([Problem(code, message, "")]), allow=allow)

    @property
    def data(self) -> bytes | None:
        """The whole response, once it is known."""
        return self._data


class Application(Protocol):
    """What requests are handed to."""

    def handle(self, method: bytes, target: bytes, body: bytes, reply: Reply) -> None:
        """Answer one request through ``reply``, now or later."""
        ...

    def body_limit(self, target: bytes) -> int:
        """Most bytes of a body sent to ``target``."""
        ...

    @property
    def to_release(self) -> int:
        """How many connections are to end with their next answers."""
        ...

    def released(self) -> None:
        """One of them ends."""
        ...

    def opened(self, connection: HttpConnection) -> None:
        """A connection was made."""
        ...

    def closed(self, connection: HttpConnection) -> None:
        """A connection has ended."""
        ...


class HttpConnection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._transport: asyncio.Transport | None = None
        self._replies: deque[Reply] = deque()
        self._parser: httptools.HttpRequestParser | None = None
        self._target = b""
        self._body = bytearray()
        self._body_limit = 0
        self._received = 0
        self._head_bytes = 0
        self._in_message = False
        self._expects = False
        self._prefer = b""
        self._broken = False
        self.draining = False

    # --- asyncio.Protocol -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._application.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop; answers that come later are thrown away."""
        self._transport = None
        self._parser = None
        self._replies.clear()
        self._application.closed(self)

    def pause_writing(self) -> None:
        """The client does not read its answers: stop reading its requests."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._transport is not None and len(self._replies) < PIPELINE_LIMIT:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._broken:
            return
        if not self._in_message:
            usual = _FAST_START.match(data)
            if usual is not None and self._fast(data, usual[1]):
                return
        self._slow(data)

    # --- requests -------------------------------------------------------------------------

    def _fast(self, data: bytes, target: bytes) -> bool:
        """Handle exactly one plain request; False where it is anything else."""
        end = data.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_LIMIT:
            return False
        head = data[:end].lower()
        at = head.find(_LENGTH)
        if at < 0 or head.find(_LENGTH, at + 1) >= 0 or b"\r\n " in head or b"\r\n\t" in head:
            return False
        for special in _SPECIAL:
            if special in head:
                return False
        stop = head.find(b"\r\n", at + 2)
        value = head[at + len(_LENGTH) : stop if stop >= 0 else end].strip(b" \t")
        if not value.isdigit() or int(value) != len(data) - end - 4:
            return False
        if b"\r\nhost:" not in head or int(value) > self._application.body_limit(b""):
            return False
        reply = self._expect_reply(close_after=False)
        self._hand_over(b"POST", target, data[end + 4 :], reply)
        return True

    def _hand_over(self, method: bytes, target: bytes, body: bytes, reply: Reply) -> None:
        try:
            self._application.handle(method, target, body, reply)
        except Exception:  # our fault, not the client's; the next request is served
            log.exception("a request for %r could not be handled", target)
            if reply.data is None:
                reply.problem(500, "internal_error", "the request could not be handled")

    def _slow(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(400, "upgrade_not_supported", "this server speaks HTTP/1.1 only")
        except httptools.HttpParserError as error:
            if not self._broken:
                self._fail(400, "malformed_request", f"not an HTTP/1.1 request: {error}")
        if not self._in_message:
            self._parser = None

    # --- called by httptools --------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_message = True
        self._target = b""
        self._body = bytearray()
        self._received = 0
        self._head_bytes = 0
        self._expects = False
        self._prefer = b""

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count_head(len(name) + len(value))
        lower = name.lower()
        if lower == b"expect" and value.lower() == b"100-continue":
            self._expects = True
        elif lower == b"prefer":
            self._prefer = value

    def on_headers_complete(self) -> None:
        """The body follows."""
        self._body_limit = self._application.body_limit(self._target.partition(b"?")[0])
        if self._expects and self._transport is not None and not self._replies:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._received += len(body)
        if self._received <= self._body_limit:
            self._body += body
        elif self._received > max(DISCARD_LIMIT, 2 * self._body_limit):
            self._fail(413, "body_too_large", f"over {self._body_limit} bytes")
            raise httptools.HttpParserError("body too large")

    def on_message_complete(self) -> None:
        """A request is complete."""
        parser = self._parser
        assert parser is not None, "httptools calls back only while it parses"
        self._in_message = False
        if self._broken:
            return
        reply = self._expect_reply(not parser.should_keep_alive(), self._prefer)
        if self._received > self._body_limit:
            message = f"the body has {self._received} bytes; at most {self._body_limit} are allowed"
            reply.problem(413, "body_too_large", message)
            return
        self._hand_over(parser.get_method(), self._target, bytes(self._body), reply)

    # --- answers --------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the answers whose turn it is."""
        replies = self._replies
        transport = self._transport
        if transport is None or not replies or replies[0].data is None:
            return
        ready = []
        close = False
        while replies and not close and (data := replies[0].data) is not None:
            close = replies.popleft().close_after
            ready.append(data)
        transport.write(ready[0] if len(ready) == 1 else b"".join(ready))
        if close:
            self._broken = True
            transport.close()
        elif len(replies) == PIPELINE_LIMIT - 1:
            transport.resume_reading()

    def drain(self) -> None:
        """Answer what was asked, then close."""
        self.draining = True
        if not self._replies and not self._in_message and self._transport is not None:
            self._transport.close()

    def leaving(self) -> bool:
        """Whether it ends with the answer that is about to be sent."""
        if self.draining:
            return True
        # Only where nothing else is asked of it: what was pipelined is answered first.
        if self._application.to_release and len(self._replies) == 1:
            self._application.released()
            return True
        return False

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def _expect_reply(self, close_after: bool, prefer: bytes = b"") -> Reply:
        reply = Reply(self, close_after, prefer)
        self._replies.append(reply)
        if len(self._replies) >= PIPELINE_LIMIT and self._transport is not None:
            self._transport.pause_reading()
        return reply

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_LIMIT:
            self._fail(431, "head_too_large", f"over {HEAD_LIMIT} bytes of headers")
            raise httptools.HttpParserError("head too large")

    def _fail(self, status: int, code: str, message: str) -> None:
        """Answer with a problem and close."""
        if not self._broken:
            reply = self._expect_reply(close_after=True)
            self._broken = True
            reply.problem(status, code, message)
