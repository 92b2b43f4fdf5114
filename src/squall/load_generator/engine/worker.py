"""A load worker's process: ``python -m squall.load_generator.engine.worker <socket fd>``.

It does what the other end of the socket says and ends when that end is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from squall.errors import SquallError, WorkerFailure
from squall.load_generator.engine.session import WorkerSession
from squall.load_generator.messages import Abort, Assignment, Change, Channel, Go, Unable
from squall.load_generator.open_files import raise_limit

_NICENESS = -10
"""Sends come before whatever else runs on the machine, the target included."""


async def work(sock: socket.socket) -> None:
    """Take one assignment and carry it out."""
    channel = await Channel.over(sock)
    assignment = await channel.receive()
    if not isinstance(assignment, Assignment):
        return
    try:
        session = WorkerSession(assignment, channel.send)
        channel.send(await session.prepare())
    except Exception as error:
        channel.send(_unable(assignment.worker, error))
        await channel.close()
        return
    go = await channel.receive()
    if not isinstance(go, Go):
        return
    listening = asyncio.ensure_future(_obey(channel, session))
    running = asyncio.ensure_future(session.run(go.at_monotonic_s))
    await asyncio.wait({listening, running}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        listening.cancel()
        running.result()
    await channel.close()


def _unable(worker: int, error: Exception) -> Unable:
    """What the run is told; a traceback from every worker would bury it."""
    if isinstance(error, SquallError):
        return Unable(type(error).__name__, str(error))
    why = f"{type(error).__name__}: {error}"
    return Unable(WorkerFailure.__name__, f"load worker {worker} could not prepare: {why}")


async def _obey(channel: Channel, session: WorkerSession) -> None:
    """Carry out controls until the other side is gone."""
    while (message := await channel.receive()) is not None:
        if isinstance(message, Change):
            session.change(message)
        elif isinstance(message, Abort):
            session.abort()


def _come_first() -> None:
    """Run before other programs, where that is allowed: a late send is nobody's fault but ours.

    Linux may group processes by session, and then a priority counts inside its group only; the
    group has one of its own (``autogroup`` in sched(7)).
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICENESS))


def main() -> None:
    """Run on the socket whose file descriptor is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _come_first()
    raise_limit()
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.setblocking(False)
    uvloop.run(work(sock))


if __name__ == "__main__":
    main()
