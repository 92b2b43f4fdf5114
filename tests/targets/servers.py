"""Small servers on loopback that behave, or misbehave, as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from squall.models import FIELDS
from squall.targets import HttpTarget, TargetFile

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Respond = Callable[[str, dict[str, str]], bytes]
"""From a request's path and header fields (names in lower case) to a whole response."""


def response(status: int, body: bytes = b"", *fields: str) -> bytes:
    """An HTTP/1.1 response with its length."""
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@contextlib.asynccontextmanager
async def tcp_server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that treats every connection so; yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.transport.abort()
        tasks.discard(task)

    server = await asyncio.start_server(treat, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def http_server(respond: Respond, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that answers every request without a body; yields its port."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                start, *lines = head.splitlines()[:-1]
                fields = dict(line.split(": ", 1) for line in lines)
                writer.write(
                    respond(start.split(" ")[1], {k.lower(): v for k, v in fields.items()})
                )

    async with tcp_server(handler, tls) as port:
        yield port


def target(port: int, scheme: str = "http", host: str = "127.0.0.1", **parts: object) -> HttpTarget:
    """The target that such a server is."""
    described = {"name": "test", "url": f"{scheme}://{host}:{port}", **parts}
    return HttpTarget(TargetFile.model_validate(described), FIELDS)
