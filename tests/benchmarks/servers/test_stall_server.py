from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from benchmarks.servers.answer import ANSWER, answer_is_right, body, constant_body
from benchmarks.servers.nginx import free_port
from benchmarks.servers.stall_pace import StallPlan
from benchmarks.servers.stall_server import request_size
from benchmarks.servers.stalling import BASELINE_REQUESTS, StallingServer

REQUEST = b"POST /tx HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (REQUEST, len(REQUEST)),
        (REQUEST + b"POST", len(REQUEST)),
        (REQUEST[:-3], len(REQUEST)),
        (REQUEST[:30], None),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27),
        (b"POST / HTTP/1.1\r\ncontent-length:12\r\nHost: x\r\n\r\n", 47 + 12),
        (b"", None),
    ],
)
def test_the_size_of_a_request(data: bytes, size: int | None) -> None:
    assert request_size(data) == size


def test_bodies_differ_and_keep_their_length() -> None:
    bodies = {body(number) for number in range(1000)}
    assert len(bodies) == 1000
    assert {len(text) for text in bodies} == {len(constant_body())}
    assert 280 <= len(constant_body()) <= 320
    assert answer_is_right(ANSWER)


def ask(connection: socket.socket) -> None:
    """One request in two pieces, and its answer."""
    connection.sendall(REQUEST[:20])
    connection.sendall(REQUEST[20:])
    answer = b""
    while not answer.endswith(ANSWER):
        answer += connection.recv(4096)


def test_it_answers_every_request_and_stalls(tmp_path: Path) -> None:
    """The real process, over three of its periods."""
    plan = StallPlan(stall_s=0.2, period_s=0.4, drain_tps=5000)
    asked = 0
    with StallingServer(plan, 0.1, tmp_path) as server:
        assert server.baseline_s > 0
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            until = time.monotonic() + 3 * plan.period_s
            while time.monotonic() < until or asked < plan.start_after:
                ask(connection)
                asked += 1
        report = server.finish()
    assert report.received == report.answered == asked + BASELINE_REQUESTS
    assert report.connections == 2
    assert report.stalls
    for stall in report.stalls:
        assert stall.end_s == pytest.approx(plan.period_s * round(stall.end_s / plan.period_s))
    assert report.drain_tps() is None or 0 < (report.drain_tps() or 0) < 6000


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] > 0
