"""A connection whose requests are completed as they are written, for instance signed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from squall.load_generator.engine.connection import Connection
from squall.load_generator.target_spec import Seal

if TYPE_CHECKING:
    from squall.load_generator.engine.dispatcher import Dispatcher


class _Sealing(asyncio.WriteTransport):
    """Hands on what is written, completed."""

    def __init__(self, transport: asyncio.WriteTransport, seal: Seal) -> None:
        super().__init__()
        self._transport = transport
        self._seal = seal

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(self._seal(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def abort(self) -> None:
        self._transport.abort()


class SealedConnection(Connection):
    """One keep-alive connection; ``seal`` makes a whole request of what the writer wrote.

    A block of requests may be made long before it is sent. What must carry the time of the write
    is added here, at the write.
    """

    __slots__ = ("_seal",)

    def __init__(self, dispatcher: Dispatcher, seal: Seal) -> None:
        super().__init__(dispatcher)
        self._seal = seal

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: ready for a request."""
        super().connection_made(_Sealing(cast(asyncio.WriteTransport, transport), self._seal))
