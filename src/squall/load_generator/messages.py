"""What the run's side and its load workers say to each other.

Messages travel pickled over a private socket pair between processes of one user.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import struct
from dataclasses import dataclass
from enum import Enum

from squall.load_generator.engine.tally import LedgerDelta
from squall.load_generator.plan import LoadPlan
from squall.load_generator.rate_controller import RateController
from squall.models import Interval


@dataclass(frozen=True, slots=True)
class Assignment:
    """To a worker, first: what to prepare. Its share is arrivals i ≡ ``worker`` mod ``workers``."""

    plan: LoadPlan
    worker: int


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: connected, calibrated, blocks made ahead."""

    capacity_tps: float
    """What it can make, write and read, by its calibration."""
    connections: int


@dataclass(frozen=True, slots=True)
class Unable:
    """From a worker: it cannot work; ``kind`` is an exception's name in ``squall.errors``."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Go:
    """To a worker: the run starts at this instant."""

    at_monotonic_s: float
    """On ``time.monotonic`` of the worker's host."""


class Control(Enum):
    """Ways to change a running load."""

    PAUSE = "pause"
    RESUME = "resume"
    MULTIPLIER = "multiplier"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Change:
    """To a worker: a control that takes effect at run time ``at_s``."""

    control: Control
    at_s: float
    value: float = 1.0

    def apply_to(self, controller: RateController) -> None:
        """Make a rate controller follow it."""
        if self.control is Control.PAUSE:
            controller.pause(self.at_s)
        elif self.control is Control.RESUME:
            controller.resume(self.at_s)
        elif self.control is Control.MULTIPLIER:
            controller.set_multiplier(self.at_s, self.value)
        else:
            controller.stop(self.at_s)


@dataclass(frozen=True, slots=True)
class Abort:
    """To a worker: break all connections now."""


@dataclass(frozen=True, slots=True)
class Report:
    """From a worker, ten times a second."""

    interval: Interval
    ledger: LedgerDelta
    head_seq: int
    """First sequence number that it has not yet sent or settled in order."""
    planned_seq: int
    """Sequence numbers below it were due by the report."""
    final: bool = False


Message = Assignment | Ready | Unable | Go | Change | Abort | Report

_LENGTH = struct.Struct("<I")


class Channel:
    """Whole messages over a stream socket, without blocking the event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Channel:
        """A channel over a connected socket, which it owns from then on."""
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        return cls(reader, writer)

    def send(self, message: Message) -> None:
        """Queue a message; it is written as fast as the other side reads."""
        body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        self._writer.write(_LENGTH.pack(len(body)) + body)

    async def flush(self) -> None:
        """Wait until what was sent has been handed to the system."""
        await self._writer.drain()

    async def receive(self) -> Message | None:
        """The next message; None when the other side is gone."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            message: Message = pickle.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return message

    async def close(self) -> None:
        """Write what is queued and close."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
        self._writer.close()
