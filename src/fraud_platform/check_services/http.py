"""Enough HTTP/1.1 for a small JSON service: one request at a time on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 64 * 1024
_IDLE_S = 300.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request; ``path`` without the query, still quoted."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; ``document`` is written as JSON."""

    status: int
    document: object
    headers: Mapping[str, str] = field(default_factory=dict)


class DropConnection(Exception):
    """Answer nothing and cut the line, as a service that is down would."""


class _BadRequest(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Handler = Callable[[Request], Awaitable[Response]]


def problem(status: int, code: str, message: str) -> Response:
    """An error answer."""
    return Response(status, {"error": {"code": code, "message": message}})


async def serve_connection(
    handle: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer a connection's requests until it ends or breaks the protocol."""
    try:
        while True:
            try:
                async with asyncio.timeout(_IDLE_S):
                    read = await _read(reader)
            except _BadRequest as error:
                writer.write(_bytes(problem(error.status, "bad_request", str(error)), False))
                await writer.drain()
                return
            if read is None:
                return
            request, keep = read
            writer.write(_bytes(await handle(request), keep))
            await writer.drain()
            if not keep:
                return
    except DropConnection:
        writer.transport.abort()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> tuple[Request, bool] | None:
    """The next request and whether the connection stays open; None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise _BadRequest(400, "the request ended in its head") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise _BadRequest(431, f"over {HEAD_LIMIT} bytes of headers") from error
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        raise _BadRequest(400, "not an HTTP/1.1 request")
    headers = {}
    for line in lines[1:-2]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _BadRequest(400, "a header line is malformed")
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise _BadRequest(411, "send a Content-Length")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        raise _BadRequest(400, "Content-Length must be a number")
    if len(length) > 9 or int(length) > BODY_LIMIT:
        raise _BadRequest(413, f"a body has at most {BODY_LIMIT} bytes")
    body = await reader.readexactly(int(length))
    default = "keep-alive" if words[2] == "HTTP/1.1" else "close"
    keep = headers.get("connection", default).lower() != "close"
    return Request(words[0], words[1].partition("?")[0], body), keep


def _bytes(response: Response, keep: bool) -> bytes:
    body = orjson.dumps(response.document)
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    if not keep:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
