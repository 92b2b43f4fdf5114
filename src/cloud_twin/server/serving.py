"""The running server: one loopback port, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from cloud_twin.clock import SystemClock
from cloud_twin.errors import TwinError
from cloud_twin.server.assembly import Twin, assemble
from cloud_twin.server.http import HttpConnection

log = logging.getLogger(__name__)

STALLED_S = 30.0
"""A request whose rest does not come for so long is given up."""
DRAIN_S = 0.5
"""How long connections may take to get their last answers out."""
BACKLOG = 4096
_SWEEP_S = 5.0


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to listen and what to start from. ``port`` 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    ready_file: str | None = None
    seed: int = 0


def serve(options: ServeOptions) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``TwinError`` where it cannot listen."""
    listener = bind(options.host, options.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options, listener))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on a loopback address. Raises ``TwinError``."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise TwinError(f"--host {host}: must be an address, such as 127.0.0.1") from None
    if not address.is_loopback:
        raise TwinError(
            f"--host {host}: the twin takes any credentials and runs code, so it listens on"
            " loopback addresses only; use 127.0.0.1"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
    except OSError as error:
        listener.close()
        in_use = error.errno == 98
        why = "is already in use" if in_use else f"cannot be used ({error.strerror})"
        raise TwinError(f"{host} port {port} {why}; choose another with --port") from error
    listener.setblocking(False)
    return listener


async def _serve(options: ServeOptions, listener: socket.socket) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    twin = assemble(SystemClock(), options.seed)
    _calm_the_collector()
    async with running(twin, listener):
        announce(options.ready_file, listener)
        await ended.wait()


@contextlib.asynccontextmanager
async def running(twin: Twin, listener: socket.socket) -> AsyncIterator[None]:
    """The port open inside the block; everything ended after it."""
    connections: set[HttpConnection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(twin.dispatcher, connections), sock=listener, backlog=BACKLOG
    )
    sweeping = asyncio.create_task(_sweep(connections))
    try:
        yield
    finally:
        sweeping.cancel()
        server.close()
        for connection in list(connections):
            connection.drain()
        await twin.close()
        await _gone(lambda: not connections)
        for connection in list(connections):
            connection.abort()


def announce(ready_file: str | None, listener: socket.socket) -> None:
    """One line on standard output (and in a file) that says where the twin is."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    line = orjson.dumps(
        {"ready": True, "url": f"http://{shown}:{port}", "port": port, "pid": os.getpid()}
    )
    if ready_file is not None:
        path = Path(ready_file)
        unfinished = path.with_name(path.name + ".part")
        try:
            unfinished.write_bytes(line + b"\n")
            unfinished.replace(path)
        except OSError as error:
            raise TwinError(f"--ready-file {path}: cannot be written ({error.strerror})") from error
    sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()


def _calm_the_collector() -> None:
    """What is made at the start is never looked at again; a batch's garbage frees itself."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _sweep(connections: set[HttpConnection]) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        for connection in list(connections):
            connection.give_up_if_stalled(STALLED_S)


async def _gone(condition: Callable[[], bool]) -> None:
    deadline_s = asyncio.get_running_loop().time() + DRAIN_S
    while not condition() and asyncio.get_running_loop().time() < deadline_s:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
