"""A server that stalls: ``python -m benchmarks.servers.stall_server``.

It reads every request at once, answers them in order at no more than the drain rate, and answers
none during a stall. SIGTERM ends it; its report then goes to ``--report``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import time
from collections import deque
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.servers.answer import ANSWER
from benchmarks.servers.stall_pace import Pace, StallPlan

_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER
_TICK_S = 0.001


class StallServer:
    """The queue of all waiting requests, and the report."""

    def __init__(self, plan: StallPlan, measure_s: float) -> None:
        self._plan = plan
        self._pace = Pace(plan.drain_tps)
        self._measure_s = measure_s
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[StallConnection] = deque()
        self._ticking = False
        self._stall_end_s = 0.0
        self.anchor_s: float | None = None
        self.received = 0
        self.answered = 0
        self.connections = 0
        self.stalls: list[dict[str, float]] = []

    def take(self, connection: StallConnection) -> None:
        """A complete request has arrived."""
        self.received += 1
        now = time.monotonic()
        if self.anchor_s is None and self.received >= self._plan.start_after:
            self.anchor_s = now
        self._waiting.append(connection)
        if not self._ticking:
            self._drain(now)

    def _drain(self, now: float) -> None:
        wait_s = self._stalled_for(now)
        if wait_s > 0:
            self._ticking = True
            self._loop.call_later(wait_s, self._tick)
            return
        while self._waiting and self._pace.allows(now):
            self._answer(self._waiting.popleft(), now)
        self._ticking = bool(self._waiting)
        if self._ticking:
            self._loop.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        self._drain(time.monotonic())

    def _stalled_for(self, now: float) -> float:
        if self.anchor_s is None:
            return 0.0
        end = self._plan.stall_end_s(now - self.anchor_s)
        if end is None:
            return 0.0
        end += self.anchor_s
        if end != self._stall_end_s:
            self._stall_end_s = end
            self._pace.hold_until(end)
            self.stalls.append({"end_s": end - self.anchor_s, "drained": 0.0, "drain_s": 0.0})
        return end - now

    def _answer(self, connection: StallConnection, now: float) -> None:
        connection.answer()
        self.answered += 1
        since_s = now - self._stall_end_s
        if self.stalls and since_s <= self._measure_s:
            self.stalls[-1]["drained"] += 1
            self.stalls[-1]["drain_s"] = since_s

    def report(self) -> str:
        """What it saw, as JSON."""
        return json.dumps(
            {
                "received": self.received,
                "answered": self.answered,
                "connections": self.connections,
                "stalls": self.stalls,
            }
        )


class StallConnection(asyncio.Protocol):
    """Cuts requests out of a stream: a head, and a body of Content-Length bytes."""

    def __init__(self, server: StallServer) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._server.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        while (size := request_size(data)) is not None and len(data) >= size:
            data = data[size:]
            self._server.take(self)
        self._buffer = data

    def answer(self) -> None:
        """Answer the oldest request on this connection."""
        if self._transport is not None:
            self._transport.write(_RESPONSE)


def request_size(data: bytes) -> int | None:
    """Bytes of the first request in ``data``, head and body; None while its head is incomplete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return end + 4
    line_end = head.find(b"\r\n", at + 2)
    value = head[at + 17 : line_end if line_end >= 0 else len(head)]
    return end + 4 + int(value)


async def serve(port: int, plan: StallPlan, measure_s: float, report: Path) -> None:
    """Serve until SIGTERM, then write the report."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    stall_server = StallServer(plan, measure_s)
    server = await loop.create_server(
        lambda: StallConnection(stall_server), "127.0.0.1", port, backlog=8192
    )
    await stopped.wait()
    server.close()
    report.write_text(stall_server.report())


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--stall-s", type=float, default=1.0)
    parser.add_argument("--period-s", type=float, default=10.0)
    parser.add_argument("--drain-tps", type=float, default=10_000.0)
    parser.add_argument("--measure-s", type=float, default=0.5)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    plan = StallPlan(options.stall_s, options.period_s, options.drain_tps)
    uvloop.run(serve(options.port, plan, options.measure_s, options.report))


if __name__ == "__main__":
    main()
