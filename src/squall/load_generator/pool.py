"""Where load workers run. Local processes here; another machine's are the same to the engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Protocol

from squall.load_generator.messages import Assignment, Channel, Message
from squall.load_generator.open_files import check_limit
from squall.load_generator.plan import LoadPlan

_END_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """A message from one worker; None when that worker is gone."""

    worker: int
    message: Message | None


class WorkerPool(Protocol):
    """Runs the workers of one plan.

    What the two sides say to each other is in ``messages``. A pool hands it on whole and in order,
    and reports the end of a worker, with None, after everything else from it. A worker on another
    host has another ``time.monotonic``: there a pool has to translate ``Go.at_monotonic_s``, the
    only instant of a clock that is sent, into that host's. All other times are seconds of the run.
    """

    async def start(self, plan: LoadPlan) -> None:
        """Start ``plan.workers`` workers and give each its assignment.

        Raises ``ConfigurationError`` where they could not have so many connections.
        """
        ...

    def send(self, message: Message) -> None:
        """Say something to all workers that are alive."""
        ...

    async def receive(self) -> WorkerMessage:
        """The next thing any worker says, or its end."""
        ...

    @property
    def cores(self) -> int:
        """Processor cores that its workers share, on all its hosts together."""
        ...

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Ids of the workers' processes where they are this machine's; else empty."""
        ...

    async def close(self) -> None:
        """End all workers."""
        ...


class LocalPool:
    """One process per worker on this machine, each on its own socket pair."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._channels: list[Channel] = []
        self._inbox: asyncio.Queue[WorkerMessage] = asyncio.Queue()
        self._listeners: list[asyncio.Task[None]] = []

    async def start(self, plan: LoadPlan) -> None:
        """Start the processes; they import in parallel."""
        check_limit(plan.client.connections, plan.workers)
        for worker in range(plan.workers):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            with theirs:
                self._processes.append(
                    subprocess.Popen(
                        [
                            sys.executable,
                            "-m",
                            "squall.load_generator.engine.worker",
                            str(theirs.fileno()),
                        ],
                        stdin=subprocess.DEVNULL,
                        pass_fds=[theirs.fileno()],
                        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                    )
                )
            channel = await Channel.over(ours)
            channel.send(Assignment(plan, worker))
            self._channels.append(channel)
            self._listeners.append(asyncio.create_task(self._listen(worker, channel)))

    async def _listen(self, worker: int, channel: Channel) -> None:
        while True:
            message = await channel.receive()
            self._inbox.put_nowait(WorkerMessage(worker, message))
            if message is None:
                return

    def send(self, message: Message) -> None:
        """Say something to all workers that are alive."""
        for channel, listener in zip(self._channels, self._listeners, strict=True):
            if not listener.done():
                with contextlib.suppress(ConnectionError):
                    channel.send(message)

    async def receive(self) -> WorkerMessage:
        """The next thing any worker says, or its end."""
        return await self._inbox.get()

    @property
    def cores(self) -> int:
        """Processor cores that this process, and so its workers, may use."""
        return len(os.sched_getaffinity(0))

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Ids of the workers' processes."""
        return tuple(process.pid for process in self._processes)

    async def close(self) -> None:
        """Close the sockets, which ends the workers; kill those that do not end."""
        for listener in self._listeners:
            listener.cancel()
        for channel in self._channels:
            with contextlib.suppress(ConnectionError):
                await channel.close()
        for process in self._processes:
            try:
                await asyncio.to_thread(process.wait, _END_DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._channels.clear()
        self._processes.clear()
        self._listeners.clear()
