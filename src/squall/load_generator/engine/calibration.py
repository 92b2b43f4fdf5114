"""What this worker could do at best, measured before the run with the run's own parts."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import Callable

import orjson

from squall.load_generator.engine.blocks import BlockMaker
from squall.load_generator.engine.connection import Connection
from squall.load_generator.engine.dispatcher import Dispatcher
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.load_generator.target_spec import Reading, pack_end
from squall.models import ArrivalProcess, Decision, Outcome, RetryPolicy
from squall.models.load_spec import MAX_TPS, SustainedSpec

_CONNECTIONS = 64
_ROUNDS = 64
_TRIPS = 400
_ANSWER_BODY = (
    b'{"transaction_id":"00000000-000000000000","decision":"APPROVE",'
    b'"risk_score":0.0312,"confidence":0.97}'
)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_ANSWER_BODY),
    _ANSWER_BODY,
)


class _Sink(asyncio.WriteTransport):
    """Takes requests and keeps the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.request = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.request = bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""


class _AnyReader:
    """Reads the canned answer at the price of a real one."""

    def read(self, status: int, body: bytes) -> Reading:
        return Reading(Outcome.ACCEPTED, Decision.APPROVE)

    def quick(self, status: int, body: bytes, wire_id: str) -> int:
        orjson.loads(body)
        return pack_end(Outcome.ACCEPTED, Decision.APPROVE)


def calibration_schedule() -> RateController:
    """A schedule with work for any number of workers' calibrations."""
    load = SustainedSpec(type="sustained", rate_tps=MAX_TPS, duration_s=1.0)
    return RateController(build(load, 0), ArrivalProcess.EVEN, 0)


def capacity_tps(maker: BlockMaker) -> float:
    """Requests per second of one core: making, sending and reading them, and the kernel's part.

    The dispatcher is driven with canned answers over a transport that swallows requests; the
    kernel's send and receive are measured apart over loopback. A ceiling: the target's own use of
    the machine is not in it. ``maker`` follows ``calibration_schedule`` and is used up.
    """
    turn: deque[Callable[[], None]] = deque()
    dispatcher = Dispatcher(
        maker,
        _AnyReader(),
        RetryPolicy(),
        1,
        1.0,
        random.Random(0),
        time.monotonic,
        _ignore,
        turn.append,
    )
    connections = [Connection(dispatcher) for _ in range(_CONNECTIONS)]
    sink = _Sink()
    dispatcher.begin(time.monotonic() - 2.0)  # everything is due
    for connection in connections:
        connection.connection_made(sink)
    dispatcher.tick()  # which finds it starved
    dispatcher.heads.learn(_ANSWER[: _ANSWER.index(b"\r\n\r\n") + 4])
    started = time.thread_time()
    for _ in range(_ROUNDS):
        for connection in connections:
            connection.data_received(_ANSWER)
        turn.popleft()()
    dispatcher.absorb()
    engine_s = (time.thread_time() - started) / (_ROUNDS * _CONNECTIONS)
    return 1 / (engine_s + _loopback_s(sink.request))


def _ignore(at_once: bool) -> None:
    """No connection ends here."""


def _loopback_s(request: bytes) -> float:
    """CPU time of one send and one receive over loopback TCP, seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with near, far:
        started = time.thread_time()
        for _ in range(_TRIPS):
            near.sendall(request)
            far.recv(65_536)
        return (time.thread_time() - started) / _TRIPS
