"""The Lambda Runtime API on a loopback port: one listener per execution environment.

The runtime client is told only ``host:port`` and sends nothing that says who it is, so the port is
what tells one environment from another. Nobody else is told the port.
Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools

API = "/2018-06-01/runtime/"
BODY_LIMIT = 8 * 1024 * 1024
"""Of a body, this much is kept; the rest is counted only."""


class RuntimeApi(Protocol):
    """Takes the requests of one environment's runtime client."""

    def next(self, connection: RuntimeConnection) -> None:
        """The runtime is ready for an event; ``connection`` waits for it."""
        ...

    def response(self, request_id: str, body: bytes, size: int) -> int:
        """A result; the HTTP status of the answer."""
        ...

    def failure(self, request_id: str, body: bytes) -> int:
        """A function error; the HTTP status of the answer."""
        ...

    def init_failure(self, body: bytes) -> int:
        """The function could not be loaded; the HTTP status of the answer."""
        ...


class RuntimeConnection(asyncio.Protocol):
    """One connection of a runtime client; its requests come one after another."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = bytearray()
        self._size = 0

    @property
    def open(self) -> bool:
        """Whether an answer can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_url(self, url: bytes) -> None:
        """A piece of the target (called by httptools, as all below)."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._size += len(body)
        if len(self._body) <= BODY_LIMIT:
            self._body += body

    def on_message_complete(self) -> None:
        """A request is complete."""
        method = self._parser.get_method()
        url, body, size = self._url.decode("latin-1"), bytes(self._body), self._size
        self._url, self._size = b"", 0
        self._body = bytearray()
        self._dispatch(method, url.removeprefix(API), body, size)

    def _dispatch(self, method: bytes, action: str, body: bytes, size: int) -> None:
        if method == b"GET":
            if action == "invocation/next":
                self._api.next(self)
            else:
                self.send(404, b"", b'{"errorType":"NotFound"}')
            return
        status = 404
        match action.split("/"):
            case ["invocation", request_id, "response"]:
                status = self._api.response(request_id, body, size)
            case ["invocation", request_id, "error"]:
                status = self._api.failure(request_id, body)
            case ["init", "error"]:
                status = self._api.init_failure(body)
        self.send(status, b"", b'{"status":"OK"}' if status == 202 else b'{"errorType":"Refused"}')

    def send(self, status: int, headers: bytes, body: bytes) -> None:
        """Answer the request that is waiting. ``headers``: whole lines with their ends."""
        if self._transport is None:
            return
        head = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (
            status,
            _REASONS.get(status, b"Error"),
            len(body),
        )
        self._transport.writelines((head, headers, b"\r\n", body))

    def close(self) -> None:
        """Cut the line."""
        if self._transport is not None:
            self._transport.abort()


_REASONS = {200: b"OK", 202: b"Accepted", 400: b"Bad Request", 404: b"Not Found"}
