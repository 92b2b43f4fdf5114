"""One keep-alive connection with at most one call in flight, each of many records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from squall.load_generator.engine.answer import Answer, AnswerParser, UnreadableAnswer


@dataclass(frozen=True, slots=True)
class RecordCall:
    """What is in flight: sequence numbers in the order of the records, and the write's time."""

    seqs: Sequence[int]
    sent: float


class CallOwner(Protocol):
    """Whom a connection tells what happens on it."""

    def connected(self, connection: RecordConnection) -> None:
        """It is up and free."""
        ...

    def answered(self, connection: RecordConnection, answer: Answer) -> None:
        """Its call has a complete answer."""
        ...

    def disconnected(self, connection: RecordConnection, kind: str) -> None:
        """It has ended."""
        ...


class RecordConnection(asyncio.Protocol):
    """Reads one answer per call. Answers are few and long, so all go through the full parser."""

    __slots__ = ("_owner", "_parser", "broken_kind", "call", "transport")

    def __init__(self, owner: CallOwner) -> None:
        self._owner = owner
        self._parser: AnswerParser | None = None
        self.transport: asyncio.WriteTransport | None = None
        self.call: RecordCall | None = None
        self.broken_kind = ""
        """Why this side is closing the connection, if it is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: ready for a call."""
        self.transport = transport = cast(asyncio.WriteTransport, transport)
        transport.set_write_buffer_limits(high=0)
        self._owner.connected(self)

    def start(self, call: RecordCall, request: Sequence[bytes | bytearray | memoryview]) -> None:
        """Write a call; the connection must be free."""
        assert self.transport is not None
        self.call = call
        self.transport.writelines(request)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer."""
        if self.call is None:
            self.close("unsolicited_bytes")
            return
        if self._parser is None:
            self._parser = AnswerParser()
        try:
            answer = self._parser.feed(data)
        except UnreadableAnswer:
            self.close("unreadable_answer")
            return
        if answer is not None:
            self._parser = None
            self._owner.answered(self, answer)

    def close(self, kind: str) -> None:
        """Break the connection; a call in flight then ends as ``kind``."""
        self.broken_kind = kind
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, on whichever side."""
        parser, self._parser = self._parser, None
        if self.call is not None and parser is not None and not self.broken_kind:
            answer = parser.end_of_stream()
            if answer is not None:
                self._owner.answered(self, answer)
        kind = self.broken_kind or ("connection_reset" if exc else "connection_closed")
        self._owner.disconnected(self, kind)
