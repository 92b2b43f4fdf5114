"""The gateway's end of its link to the core."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from fraud_platform.core.frames import (
    ANSWERS,
    CONTROL,
    FIGURES,
    LEAVE,
    RELEASE,
    TRANSACTIONS,
    FrameReader,
    frame,
)
from fraud_platform.errors import LinkError, StoreError
from fraud_platform.gateway.admission import Admission
from fraud_platform.gateway.asker import Asker
from fraud_platform.gateway.reads import StoreReads
from fraud_platform.monitoring.histogram import Latencies
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import Problem

log = logging.getLogger(__name__)

_FLUSH_S = 0.001
"""How long a transaction waits for others to share a message to the core."""
_FLUSH_AT = 128
_RECONNECT_S = 0.1


@dataclass(frozen=True, slots=True)
class _Waiting:
    asker: Asker
    transaction_id: str
    digest: bytes
    since_s: float


class CoreClient(asyncio.Protocol):
    """Sends transactions to the core and hands its answers to those who asked.

    While the core is away new transactions are not taken in. Those on their way when it died are
    looked up in the store: committed ones get their decision, the rest a 503, and both are certain,
    because a dead core commits nothing.
    """

    def __init__(
        self,
        address: str,
        admission: Admission,
        reads: StoreReads,
        own_figures: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.admission = admission
        self.latency = Latencies()
        self.latest: dict[str, Any] = {}
        """The platform's figures as last heard from the core."""
        self.on_release: Callable[[int], None] = lambda _: None
        """Called when the core wants so many connections to go."""
        self.on_leave: Callable[[float], None] = lambda _: None
        """Called when it wants this gateway out of service for so many seconds."""
        self._address = address
        self._reads = reads
        self._own_figures = own_figures
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._waiting: dict[int, _Waiting] = {}
        self._questions: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._rows: list[tuple[int, tuple[Any, ...]]] = []
        self._flush_due = False
        self._token = 0
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether the core is there."""
        return self._transport is not None

    async def connect(self, timeout_s: float = 10.0) -> None:
        """Reach the core; raises ``LinkError`` after ``timeout_s``."""
        deadline = self._clock() + timeout_s
        while not await self._try_to_connect():
            if self._clock() > deadline:
                raise LinkError("the deciding process cannot be reached")
            await asyncio.sleep(_RECONNECT_S)

    def submit(self, transaction: Transaction, asker: Asker) -> Problem | None:
        """Send a transaction to be decided; the reason where it is not taken in."""
        if self._transport is None:
            return Problem("core_unavailable", "the deciding process is being restarted", "")
        now = self._clock()
        if not self.admission.admit(now):
            return Problem("overloaded", "too many transactions are waiting; try again", "")
        self._token = token = self._token + 1
        self._waiting[token] = _Waiting(asker, transaction.transaction_id, transaction.digest, now)
        self._rows.append((token, tuple(transaction)))
        if len(self._rows) >= _FLUSH_AT:
            self._flush()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_later(_FLUSH_S, self._flush_later)
        return None

    async def figures(self, timeout_s: float = 5.0) -> dict[str, Any]:
        """The whole platform's figures; raises ``LinkError`` where the core does not answer."""
        own = orjson.dumps(self._own_figures(), option=orjson.OPT_NON_STR_KEYS)
        self.latest = await self._ask(FIGURES, own, timeout_s)
        return self.latest

    async def control(self, question: Mapping[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
        """The core's answer to a question about disturbances; raises ``LinkError``."""
        return await self._ask(CONTROL, orjson.dumps(question), timeout_s)

    async def _ask(self, kind: str, content: bytes, timeout_s: float) -> dict[str, Any]:
        if self._transport is None:
            raise LinkError("the deciding process is being restarted")
        self._token = request = self._token + 1
        question: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._questions[request] = question
        self._transport.write(frame((kind, request, content)))
        try:
            return await asyncio.wait_for(question, timeout_s)
        except TimeoutError as error:
            raise LinkError("the deciding process does not answer") from error
        finally:
            self._questions.pop(request, None)

    def close(self) -> None:
        """Leave the core."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    # --- asyncio.Protocol -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._reader = FrameReader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop: the core has died, or we are closing."""
        self._transport = None
        self._rows.clear()
        for question in self._questions.values():
            if not question.done():
                question.set_exception(LinkError("the deciding process has died"))
        if not self._closing:
            log.error("the deciding process has died; %d on their way", len(self._waiting))
            self._spawn(self._recover())

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        for message in self._reader.feed(data):
            kind = message[0]
            if kind == ANSWERS:
                self._answer(message[1])
            elif kind == RELEASE:
                self.on_release(message[1])
            elif kind == LEAVE:
                self.on_leave(message[1])
            elif kind in (FIGURES, CONTROL):
                question = self._questions.get(message[1])
                if question is not None and not question.done():
                    question.set_result(orjson.loads(message[2]))

    # --- inside ---------------------------------------------------------------------------

    def _answer(self, rows: Sequence[tuple[int, int, bool, bytes]]) -> None:
        now = self._clock()
        self.admission.answered(len(rows), now)
        record = self.latency.record
        for token, status, replay, body in rows:
            waiting = self._waiting.pop(token)
            record(now - waiting.since_s)
            waiting.asker.answered(status, replay, body)

    def _flush_later(self) -> None:
        self._flush_due = False
        self._flush()

    def _flush(self) -> None:
        if self._rows and self._transport is not None:
            self._transport.write(frame((TRANSACTIONS, self._rows)))
            self._rows = []

    async def _recover(self) -> None:
        """Settle what was on its way, then wait for a new core."""
        lost, self._waiting = self._waiting, {}
        ids = [waiting.transaction_id for waiting in lost.values()]
        try:
            stored = await self._reads.stored(ids)
        except StoreError as error:
            log.error("%s", error)
            stored = {}
        self.admission.answered(len(lost), self._clock())
        body = error_body([Problem("core_unavailable", "the deciding process has died", "")])
        for waiting in lost.values():
            found = stored.get(waiting.transaction_id)
            if found is not None and found.digest == waiting.digest:
                waiting.asker.answered(200, False, found.answer)
            else:
                waiting.asker.answered(503, False, body)
        while not self._closing and not await self._try_to_connect():  # noqa: ASYNC110
            await asyncio.sleep(_RECONNECT_S)

    async def _try_to_connect(self) -> bool:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await self._loop.sock_connect(connection, f"\0{self._address}")
            await self._loop.create_unix_connection(lambda: self, sock=connection)
        except OSError:
            connection.close()
            return False
        return True

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
