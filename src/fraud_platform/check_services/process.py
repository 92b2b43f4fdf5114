"""The program ``fraud-platform checks``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import time
from collections.abc import Callable

import uvloop

from fraud_platform.check_services.http import HEAD_LIMIT, serve_connection
from fraud_platform.check_services.service import CheckServices
from fraud_platform.errors import UsageError
from fraud_platform.serving import announce, bind


def run_checks(given: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT; raises ``UsageError``."""
    if not 0 <= given.port <= 65_535:
        raise UsageError(f"--port {given.port}: must be 0 to 65535")
    listener = bind(given.host, given.port, 1)[0]
    port = listener.getsockname()[1]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(given.seed, listener, lambda: announce(given.ready_file, port)))


async def _serve(seed: int, listener: socket.socket, ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    services = CheckServices(seed, time.monotonic)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        connections.add(task)
        try:
            await serve_connection(services.handle, reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            connections.discard(task)

    server = await asyncio.start_server(connected, sock=listener, limit=HEAD_LIMIT)
    ready()
    await stop.wait()
    server.close()
    for task in list(connections):
        task.cancel()
    if connections:
        await asyncio.wait(connections, timeout=2.0)
