"""What this worker could do at best with calls of many records, measured with the run's parts."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Iterable

from squall.load_generator.engine.blocks import BlockMaker
from squall.load_generator.engine.record_connection import RecordConnection
from squall.load_generator.engine.record_dispatcher import RecordDispatcher
from squall.load_generator.target_spec import RecordCalls
from squall.models import RetryPolicy

_CALLS = 16
_TRIPS = 4
_PIECE = 65_536


class _Sink(asyncio.WriteTransport):
    """Takes requests and keeps the size of the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.size = sum(map(len, list_of_data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""


def record_capacity_tps(maker: BlockMaker, calls: RecordCalls) -> float:
    """Records per second of one core: making, signing, sending, answers, and the kernel's part.

    A ceiling, as ``calibration.capacity_tps``: the target's own use of the machine is not in it.
    ``maker`` follows ``calibration_schedule`` and is used up.
    """
    dispatcher = RecordDispatcher(
        maker, calls, RetryPolicy(), 1, 1.0, random.Random(0), time.monotonic, _ignore
    )
    connection = RecordConnection(dispatcher)
    sink = _Sink()
    dispatcher.begin(time.monotonic() - 2.0)  # everything is due
    connection.connection_made(sink)
    call = connection.call
    assert call is not None
    answers = {len(call.seqs): calls.sample_answer(len(call.seqs))}
    started, records = time.thread_time(), 0
    for _ in range(_CALLS):
        call = connection.call
        assert call is not None
        count = len(call.seqs)
        if count not in answers:
            answers[count] = calls.sample_answer(count)
        records += count
        connection.data_received(answers[count])
    dispatcher.absorb()
    engine_s = time.thread_time() - started
    return records / (engine_s + _CALLS * _loopback_s(sink.size, len(answers[count])))


def _ignore(at_once: bool) -> None:
    """No connection ends here."""


def _loopback_s(request_bytes: int, answer_bytes: int) -> float:
    """CPU time of sending one and receiving the other over loopback TCP, seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    with near, far:
        trips = [_carried(near, far, size) for size in (request_bytes, answer_bytes) * _TRIPS]
    sent = sum(trip[0] for trip in trips[::2])
    received = sum(trip[1] for trip in trips[1::2])
    return (sent + received) / _TRIPS


def _carried(near: socket.socket, far: socket.socket, size: int) -> tuple[float, float]:
    """CPU time of sending and of receiving so many bytes, a piece at a time."""
    piece = bytes(_PIECE)
    sent = received = 0.0
    for at in range(0, size, _PIECE):
        left = min(_PIECE, size - at)
        started = time.thread_time()
        near.sendall(piece[:left])
        between = time.thread_time()
        while left:
            left -= len(far.recv(_PIECE))
        sent += between - started
        received += time.thread_time() - between
    return sent, received
