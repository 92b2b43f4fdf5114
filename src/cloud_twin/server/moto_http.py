"""One HTTP exchange with moto over its Unix socket; a connection for each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

import httptools

from cloud_twin.server.request import Request

ANSWER_TIMEOUT_S = 60.0
UNSERVED = "x-moto-unserved"
"""The header with which moto's process says that moto has no such operation or service."""

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "content-length"})
_OURS = frozenset({"date", "server", *_HOP})


class MotoAnswer(NamedTuple):
    """What moto answered; without the headers that concern one connection only."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Reader:
    """Takes what ``httptools`` finds in the answer."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self.body.append(body)

    def on_message_complete(self) -> None:
        """The end."""
        self.complete = True


async def exchange(socket: Path, request: Request) -> MotoAnswer:
    """Ask and read the answer. Raises ``OSError``, ``EOFError`` or ``ValueError``."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        source, sink = await asyncio.open_unix_connection(str(socket))
        try:
            sink.write(_render(request))
            await sink.drain()
            reader = _Reader()
            parser = httptools.HttpResponseParser(reader)
            data = b""
            while not reader.complete:
                data = await source.read(65_536)
                if not data:
                    break
                try:
                    parser.feed_data(data)
                except httptools.HttpParserError as error:
                    raise ValueError(f"moto's answer is not HTTP: {error}") from error
        finally:
            sink.close()
    status: int = parser.get_status_code()
    if status < 100:
        raise EOFError("moto closed the connection without an answer")
    headers = {name: value for name, value in reader.headers.items() if name not in _OURS}
    if request.method == "HEAD" and "content-length" in reader.headers:
        headers["content-length"] = reader.headers["content-length"]
    return MotoAnswer(status, headers, b"".join(reader.body))


def _render(request: Request) -> bytes:
    target = f"{request.path}?{request.query}" if request.query else request.path
    lines = [f"{request.method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in _HOP]
    lines += [f"content-length: {len(request.body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + request.body
