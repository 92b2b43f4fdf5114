"""HTTP/1.1, server side: from bytes to requests, from answers to bytes in order.

Requests may be pipelined: each is handed over when it is complete, and answers are written in the
order of the requests, whenever they come.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol, cast

import httptools

from cloud_twin.server.reply import Reply
from cloud_twin.server.request import Request

log = logging.getLogger(__name__)

HEAD_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 64 * 1024 * 1024
"""Most bytes of a body; a larger one is refused and its connection closed."""
PIPELINE_LIMIT = 256
"""Requests of one connection that may wait for their answers; then it is not read from."""


class Application(Protocol):
    """What requests are handed to."""

    def handle(self, request: Request, reply: Reply) -> None:
        """Answer one request through ``reply``, now or later."""
        ...

    def refuse(self, request: Request, reply: Reply, status: int, why: str) -> None:
        """Answer a request that could not be read to its end."""
        ...


class HttpConnection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, application: Application, connections: set[HttpConnection]) -> None:
        self._application = application
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._replies: deque[Reply] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._head_bytes = 0
        self._in_message = False
        self._continue_due = False
        self._broken = False
        self._heard_s = 0.0
        self.draining = False

    # --- asyncio.Protocol -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop; answers that come later are thrown away."""
        self._connections.discard(self)
        self._transport = None
        self._broken = True
        self._replies.clear()
        self._writable.set()
        if self._pump is not None:
            self._pump.cancel()

    def pause_writing(self) -> None:
        """The client does not read its answers: stop reading its requests."""
        self._writable.clear()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable.set()
        if self._transport is not None and len(self._replies) < PIPELINE_LIMIT:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._broken:
            return
        self._heard_s = time.monotonic()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(400, "this server speaks HTTP/1.1 only, and upgrades to nothing")
        except httptools.HttpParserError as error:
            self._fail(400, f"not an HTTP/1.1 request: {error}")

    # --- called by httptools --------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_message = True
        self._url = b""
        self._headers = {}
        self._body = []
        self._body_bytes = 0
        self._head_bytes = 0
        self._continue_due = False

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one more trailer of a chunked body."""
        self._count_head(len(name) + len(value))
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known},{text}"

    def on_headers_complete(self) -> None:
        """The body follows."""
        length = self._headers.get("content-length", "0")
        if length.isdigit() and int(length) > BODY_LIMIT_BYTES:
            self._too_large()
        if self._headers.get("expect", "").lower() == "100-continue":
            self._continue_due = True
            self._invite()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._broken:
            return
        self._body_bytes += len(body)
        if self._body_bytes > BODY_LIMIT_BYTES:
            self._too_large()
        self._body.append(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._in_message = False
        if self._broken:
            return
        request = self._request()
        close = not self._parser.should_keep_alive()
        reply = self._expect_reply(request.method == "HEAD", close)
        self._body = []
        try:
            self._application.handle(request, reply)
        except Exception:  # our fault, not the client's; the next request is served
            log.exception("%s %s could not be handled", request.method, request.path)
            reply.drop()

    # --- answers --------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the answers whose turn it is."""
        replies = self._replies
        while replies and self._pump is None:
            reply = replies[0]
            transport = self._transport
            if transport is None or not reply.done:
                return
            if reply.dropped:
                self._close()
                return
            for piece in reply.data:
                transport.write(piece)
            if reply.stream is not None:
                self._pump = asyncio.create_task(self._write_stream(reply, reply.stream))
                return
            self._finish(reply)
        if not replies and self._continue_due and self._in_message:
            self._invite()

    def drain(self) -> None:
        """Answer what was asked, then close."""
        self.draining = True
        if not self._replies:
            self._close()

    def abort(self) -> None:
        """Close now."""
        self._broken = True
        if self._transport is not None:
            self._transport.abort()

    def give_up_if_stalled(self, silent_s: float) -> None:
        """Refuse a request whose rest has not come for so long."""
        if self._in_message and time.monotonic() - self._heard_s > silent_s:
            self._fail(408, "the rest of the request did not come in time")

    async def _write_stream(self, reply: Reply, chunks: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in chunks:
                if chunk and self._transport is not None:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await self._writable.wait()
            if self._transport is not None:
                self._transport.write(b"0\r\n\r\n")
        except asyncio.CancelledError:
            return  # the line is closed
        except Exception:  # the status is sent: only a cut line tells the client
            log.exception("a streamed answer broke off")
            self._close()
            return
        finally:
            closing = getattr(chunks, "aclose", None)
            if closing is not None:
                with contextlib.suppress(Exception):
                    await closing()
        self._pump = None
        if self._replies:
            self._finish(reply)
            self.flush()

    def _finish(self, reply: Reply) -> None:
        self._replies.popleft()
        if reply.close_after:
            self._close()
        elif len(self._replies) == PIPELINE_LIMIT - 1 and self._transport is not None:
            self._transport.resume_reading()

    def _close(self) -> None:
        """Close when everything written is sent; nothing more is read or answered."""
        self._broken = True
        self._replies.clear()
        if self._transport is not None:
            self._transport.close()

    def _expect_reply(self, head_only: bool, close_after: bool) -> Reply:
        reply = Reply(self, head_only, close_after)
        self._replies.append(reply)
        if len(self._replies) >= PIPELINE_LIMIT and self._transport is not None:
            self._transport.pause_reading()
        return reply

    # --- requests -------------------------------------------------------------------------

    def _request(self) -> Request:
        path, _, query = self._url.decode("latin-1").partition("?")
        if not path.startswith("/"):  # absolute form, as sent to proxies
            _, _, rest = path.partition("://")
            path = "/" + rest.partition("/")[2]
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        method = self._parser.get_method().decode("latin-1")
        return Request(method, path, query, self._headers, body)

    def _invite(self) -> None:
        """Say ``100 Continue``, once earlier answers are out."""
        if not self._replies and self._transport is not None and not self._broken:
            self._continue_due = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_LIMIT_BYTES and not self._broken:
            self._fail(431, f"over {HEAD_LIMIT_BYTES} bytes of headers")

    def _too_large(self) -> None:
        if not self._broken:
            self._fail(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")

    def _fail(self, status: int, why: str) -> None:
        """Answer with a problem and close."""
        if self._broken:
            return
        request = self._request() if self._in_message else Request("GET", "/")
        self._in_message = False
        reply = self._expect_reply(False, close_after=True)
        self._broken = True
        self._application.refuse(request, reply, status, why)
