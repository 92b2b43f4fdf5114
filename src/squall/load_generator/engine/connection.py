"""One keep-alive connection with at most one request in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from squall.load_generator.engine.answer import Answer, AnswerParser, UnreadableAnswer
from squall.load_generator.engine.tally import LOG_ROWS

if TYPE_CHECKING:
    from squall.load_generator.engine.blocks import Block
    from squall.load_generator.engine.dispatcher import Dispatcher

IDLE = -1
_LAST_ROW = LOG_ROWS - 1


class Connection(asyncio.Protocol):
    """Reads answers; the usual one (known head, complete in one read) without the full parser.

    The request in flight is (``block``, ``row``), its sequence number ``seq`` (``IDLE`` when
    none), its last write ``sent`` on the clock.
    """

    __slots__ = (
        "_clock",
        "_dispatcher",
        "_heads",
        "_log",
        "_parser",
        "_quick",
        "block",
        "broken_kind",
        "row",
        "sent",
        "seq",
        "transport",
        "write",
    )

    block: Block
    write: Callable[[bytes | memoryview], None]

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._heads = dispatcher.heads
        self._quick = dispatcher.reader.quick
        self._log = dispatcher.log
        self._clock = dispatcher.clock
        self._parser: AnswerParser | None = None
        self.transport: asyncio.WriteTransport | None = None
        self.seq = IDLE
        self.row = 0
        self.sent = 0.0
        self.broken_kind = ""
        """Why this side is closing the connection, if it is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: ready for a request."""
        self.transport = transport = cast(asyncio.WriteTransport, transport)
        transport.set_write_buffer_limits(high=0)  # write at once, not at the loop's next turn
        self.write = transport.write
        self._dispatcher.connected(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer."""
        seq = self.seq
        if self._parser is None and seq >= 0:
            heads = self._heads
            text, split, whole, status = heads.latest
            if (data.startswith(text) and len(data) == whole) or heads.find(data) is not None:
                now = self._clock()
                text, split, whole, status = heads.latest
                end = self._quick(status, data[split:], self.block.ids[self.row])
                if end >= 0:
                    log = self._log
                    at = log.rows
                    log.seq[at] = seq
                    log.sent_s[at] = self.sent
                    log.done_s[at] = now
                    log.end[at] = end
                    log.rows = at + 1
                    dispatcher = self._dispatcher
                    if at == _LAST_ROW:
                        dispatcher.absorb()
                    dispatcher.freed(self, now)
                    return
        self._read_on(data)

    def _read_on(self, data: bytes) -> None:
        if self.seq == IDLE:
            self.close("unsolicited_bytes")
            return
        if self._parser is None:
            self._parser = AnswerParser()
            split = data.find(b"\r\n\r\n") + 4
            if split >= 4:
                self._dispatcher.heads.learn(data[:split])
        try:
            answer = self._parser.feed(data)
        except UnreadableAnswer:
            self.close("unreadable_answer")
            return
        if answer is not None:
            self._answered(answer)

    def _answered(self, answer: Answer) -> None:
        self._parser = None
        self._dispatcher.answered(self, answer)

    def close(self, kind: str) -> None:
        """Break the connection; a request in flight then ends as ``kind``."""
        self.broken_kind = kind
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, on whichever side."""
        if self.seq != IDLE and self._parser is not None and not self.broken_kind:
            answer = self._parser.end_of_stream()
            if answer is not None:
                self._answered(answer)
        kind = self.broken_kind or ("connection_reset" if exc else "connection_closed")
        self._parser = None
        self._dispatcher.disconnected(self, kind)
