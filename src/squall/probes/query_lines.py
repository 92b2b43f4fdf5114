"""Queries that are due together, on connections of their own, measured from when they were due.

Lighter than one task per query: a burst of hundreds must not delay the load beside it.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from squall.errors import TargetUnreachable
from squall.load_generator.engine.answer import AnswerParser, UnreadableAnswer
from squall.load_generator.engine.connector import describe_connect_error, tls_context
from squall.load_generator.target_spec import Endpoint
from squall.models import LatencyHistogram

_OPENING_AT_ONCE = 64
_FOUND, _UNKNOWN = 200, 404


class QueryLines:
    """``connections`` keep-alive connections to one service, one GET under way on each.

    A query that finds no free connection waits for one, and its clock runs. Connections that end
    are opened anew; the query on one fails.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connections: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._connections = connections
        self._clock = clock
        self._idle: deque[_Line] = deque()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._latencies_us = array("q")
        self._by_second: Counter[int] = Counter()
        self._lines: set[_Line] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._settled = asyncio.Event()
        self._closed = False
        self.asked = 0
        self.found = 0
        self.unknown = 0
        self.failed = 0
        self.under_way_max = 0

    async def open(self) -> None:
        """Open all connections.

        Raises:
            TargetUnreachable: one could not be opened.
        """
        left = self._connections - len(self._lines)
        while left > 0:
            group = min(left, _OPENING_AT_ONCE)
            try:
                await asyncio.gather(*(self._open() for _ in range(group)))
            except OSError as error:
                raise TargetUnreachable(describe_connect_error(self._endpoint, error)) from error
            left -= group

    def ask(self, paths: Sequence[str], due_s: float) -> None:
        """Ask all of these at once; they were due at ``due_s`` on the clock."""
        host = str(self._endpoint)
        self.asked += len(paths)
        self._waiting.extend(
            (due_s, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()) for path in paths
        )
        self._settled.clear()
        self.under_way_max = max(self.under_way_max, self.under_way)
        while self._idle and self._waiting:
            self._idle.popleft().send(*self._waiting.popleft())

    @property
    def under_way(self) -> int:
        """Asked and not answered."""
        return self.asked - self.found - self.unknown - self.failed

    @property
    def tps_max(self) -> int:
        """Most answers within one second of the clock."""
        return max(self._by_second.values(), default=0)

    def latencies(self) -> LatencyHistogram:
        """From due to answered, of all that were answered."""
        histogram = LatencyHistogram()
        histogram.record(np.array(self._latencies_us, dtype=np.int64))
        return histogram

    async def settle(self, timeout_s: float) -> None:
        """Wait for the answers that are still to come; after ``timeout_s`` they have failed."""
        if self.under_way:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._settled.wait()
            except TimeoutError:
                self._waiting.clear()
                self.failed += self.under_way
        self.close()

    def close(self) -> None:
        """Close all connections. Harmless when repeated."""
        self._closed = True
        for task in self._opening:
            task.cancel()
        for line in list(self._lines):
            line.abort()

    # --- called by connections ------------------------------------------------------------

    def opened(self, line: _Line) -> None:
        """A connection is there."""
        self._lines.add(line)
        self._next(line)

    def answered(self, line: _Line, status: int, due_s: float) -> None:
        """A query has its answer."""
        now_s = self._clock()
        if status == _FOUND:
            self.found += 1
        elif status == _UNKNOWN:
            self.unknown += 1
        else:
            self.failed += 1
        if status in (_FOUND, _UNKNOWN):
            self._latencies_us.append(max(0, round((now_s - due_s) * 1e6)))
            self._by_second[int(now_s)] += 1
        self._next(line)
        self._look()

    def ended(self, line: _Line, with_query: bool) -> None:
        """A connection has ended."""
        self._lines.discard(line)
        if self._closed:
            return
        if line in self._idle:
            self._idle.remove(line)
        self.failed += with_query
        self._look()
        task = asyncio.get_running_loop().create_task(self._replace())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _next(self, line: _Line) -> None:
        if not line.usable:
            return
        if self._waiting:
            line.send(*self._waiting.popleft())
        else:
            self._idle.append(line)

    def _look(self) -> None:
        if not self.under_way:
            self._settled.set()

    async def _replace(self) -> None:
        """Another connection for one that ended; where none can be had, what waits has failed."""
        try:
            await self._open()
        except OSError:
            if not self._lines:
                self.failed += len(self._waiting)
                self._waiting.clear()
                self._look()

    async def _open(self) -> None:
        endpoint = self._endpoint
        context = tls_context(endpoint)
        await asyncio.get_running_loop().create_connection(
            lambda: _Line(self),
            endpoint.host,
            endpoint.port,
            ssl=context,
            server_hostname=endpoint.host if context else None,
        )


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, lines: QueryLines) -> None:
        self._lines = lines
        self._parser: AnswerParser | None = None
        self._transport: asyncio.Transport | None = None
        self._due_s = 0.0

    @property
    def usable(self) -> bool:
        """Whether a query can be sent on it."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._lines.opened(self)

    def send(self, due_s: float, request: bytes) -> None:
        """Ask; only while nothing is under way on it."""
        assert self._transport is not None, "only open connections are given queries"
        self._due_s = due_s
        self._parser = AnswerParser()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.abort()
            return
        try:
            answer = self._parser.feed(data)
        except UnreadableAnswer:
            self.abort()
            return
        if answer is not None:
            self._parser = None
            if not answer.keep_alive:
                self.abort()
            self._lines.answered(self, answer.status, self._due_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, with_query = None, self._parser is not None
        self._parser = None
        self._lines.ended(self, with_query)

    def abort(self) -> None:
        """Close it now."""
        if self._transport is not None:
            self._transport.abort()
