"""A target that does nothing but answer: what is left is the cost of sending.

Run as a program it serves on a free port of loopback, prints the port, and ends when its standard
input does.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_ID = b'"transaction_id":"'
_ID_LENGTH = 21
_BODY = (
    b'{"transaction_id":"%b","decision":"APPROVE","risk_score":0.0312,"confidence":0.97,'
    b'"reason_codes":["R00"]}'
)


class EchoProtocol(asyncio.Protocol):
    """Answers every request with an approval of its transaction."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._waiting += data
        while (length := request_length(self._waiting)) is not None:
            request, self._waiting = self._waiting[:length], self._waiting[length:]
            assert self._transport is not None
            self._transport.write(answer(request))


def request_length(data: bytes) -> int | None:
    """Bytes of the first request in ``data``, or None while it is incomplete."""
    end = data.find(_HEAD_END)
    if end < 0:
        return None
    head = data[:end].lower()
    at = head.find(_LENGTH)
    body = 0
    if at >= 0:
        line_end = head.find(b"\r\n", at)
        body = int(head[at + len(_LENGTH) : line_end if line_end >= 0 else end])
    whole = end + len(_HEAD_END) + body
    return whole if len(data) >= whole else None


def answer(request: bytes) -> bytes:
    """An approval of the transaction in ``request``, as the reference platform writes it."""
    at = request.find(_ID)
    start = at + len(_ID)
    body = _BODY % (request[start : start + _ID_LENGTH] if at >= 0 else b"")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


@contextmanager
def echo_server() -> Iterator[str]:
    """A server process that answers at once; its URL. It ends with the block or with squall."""
    process = subprocess.Popen(
        [sys.executable, "-m", "squall.cli.doctor.echo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()  # its end
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wait_for_end_of_input() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    server = await loop.create_server(EchoProtocol, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=wait_for_end_of_input, daemon=True).start()
    await ended.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
