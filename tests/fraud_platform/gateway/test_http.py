from __future__ import annotations

import asyncio
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.gateway.http import HttpConnection, Reply


class Recorder:
    """An application that remembers its requests; answers at once unless told to wait."""

    def __init__(self, wait: bool = False) -> None:
        self.requests: list[tuple[bytes, bytes, bytes]] = []
        self.replies: list[Reply] = []
        self.wait = wait
        self.to_release = 0

    def released(self) -> None:
        self.to_release -= 1

    def handle(self, method: bytes, target: bytes, body: bytes, reply: Reply) -> None:
        self.requests.append((method, target, body))
        self.replies.append(reply)
        if not self.wait:
            reply.send(200, b"%d" % len(self.requests))

    def body_limit(self, target: bytes) -> int:
        return 1000

    def opened(self, connection: HttpConnection) -> None:
        pass

    def closed(self, connection: HttpConnection) -> None:
        pass


class Line:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.paused = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


def connect(application: Recorder) -> tuple[HttpConnection, Line]:
    line = Line()
    connection = HttpConnection(application)
    connection.connection_made(cast(asyncio.Transport, line))
    return connection, line


def post(body: bytes, *headers: bytes, target: bytes = b"/v1/transactions") -> bytes:
    lines = [b"POST %b HTTP/1.1" % target, b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*pieces: bytes) -> bytes:
    head = b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (*pieces, b""))


REQUESTS = [
    post(b'{"a":1}'),
    post(b""),
    post(b"x" * 900, b"Content-Type: application/json", b"User-Agent: t"),
    post(b"{}", b"connection: keep-alive"),
    post(b"{}", target=b"/v1/transactions/batch"),
    chunked(b'{"a"', b":1}"),
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/decisions?run=a&cursor=0 HTTP/1.1\r\nHost: x\r\n\r\n",
]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=6),
    st.lists(st.integers(1, 400), max_size=12),
)
def test_cutting_the_stream_anywhere_changes_nothing(
    requests: list[bytes], cuts: list[int]
) -> None:
    """Whole requests take the fast path, pieces the parser: same requests, same bytes."""
    whole, pieces = Recorder(), Recorder()
    connection, line = connect(whole)
    for request in requests:
        connection.data_received(request)
    other, other_line = connect(pieces)
    stream = b"".join(requests)
    for size in cuts:
        if stream[:size]:
            other.data_received(stream[:size])
        stream = stream[size:]
    if stream:
        other.data_received(stream)
    assert pieces.requests == whole.requests
    assert len(whole.requests) == len(requests)
    assert other_line.written == line.written


def test_answers_keep_the_order_of_the_requests() -> None:
    application = Recorder(wait=True)
    connection, line = connect(application)
    connection.data_received(post(b"1") + post(b"2") + post(b"3"))
    third, first, second = (application.replies[k] for k in (2, 0, 1))
    third.send(200, b"third")
    assert line.written == b""
    first.send(200, b"first")
    second.send(200, b"second")
    assert [line.written.index(word) for word in (b"first", b"second", b"third")] == sorted(
        line.written.index(word) for word in (b"first", b"second", b"third")
    )


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /v1/transactions HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
        (post(b"x" * 2_000_000), b"413"),
    ],
)
def test_what_cannot_be_read_on_is_answered_and_cut(stream: bytes, status: bytes) -> None:
    application = Recorder()
    connection, line = connect(application)
    for start in range(0, len(stream), 65_536):
        connection.data_received(stream[start : start + 65_536])
    assert line.written.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in line.written
    assert line.closed
    assert application.requests == []


def test_two_lengths_are_not_guessed_at() -> None:
    application = Recorder()
    connection, line = connect(application)
    connection.data_received(
        b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        b"Content-Length: 3\r\n\r\n{}"
    )
    assert application.requests == []
    assert line.written.startswith(b"HTTP/1.1 400")


def test_a_body_that_is_too_large_is_refused_and_the_line_stays_usable() -> None:
    application = Recorder()
    connection, line = connect(application)
    connection.data_received(post(b"x" * 1001))
    assert line.written.startswith(b"HTTP/1.1 413")
    assert b"body_too_large" in line.written
    assert not line.closed
    connection.data_received(post(b"{}"))
    assert len(application.requests) == 1


def test_connection_close_is_honoured() -> None:
    application = Recorder()
    connection, line = connect(application)
    connection.data_received(post(b"{}", b"Connection: close"))
    assert b"Connection: close" in line.written
    assert line.closed


def test_expect_100_continue() -> None:
    application = Recorder()
    connection, line = connect(application)
    request = post(b"{}", b"Expect: 100-continue")
    connection.data_received(request[:-2])
    assert line.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.data_received(request[-2:])
    assert len(application.requests) == 1


def test_draining_answers_what_was_asked_then_closes() -> None:
    application = Recorder(wait=True)
    connection, line = connect(application)
    connection.data_received(post(b"{}"))
    connection.drain()
    assert not line.closed
    application.replies[0].send(200, b"late")
    assert b"late" in line.written
    assert b"Connection: close" in line.written
    assert line.closed
    idle, idle_line = connect(application)
    idle.drain()
    assert idle_line.closed


def test_a_fault_of_ours_is_not_blamed_on_the_client() -> None:
    class Faulty(Recorder):
        def handle(self, method: bytes, target: bytes, body: bytes, reply: Reply) -> None:
            raise ArithmeticError

    connection, line = connect(Faulty())
    for request in (post(b"{}"), post(b"{}", target=b"/v1/transactions/batch")):
        line.written = b""
        connection.data_received(request)
        assert line.written.startswith(b"HTTP/1.1 500")
    assert not line.closed


def test_a_client_that_only_asks_is_not_read_from() -> None:
    application = Recorder(wait=True)
    connection, line = connect(application)
    connection.data_received(post(b"{}") * 1024)
    assert line.paused
    application.replies[0].send(200, b"x")
    assert not line.paused


def test_answers_after_the_client_has_gone_are_dropped() -> None:
    application = Recorder(wait=True)
    connection, line = connect(application)
    connection.data_received(post(b"{}"))
    connection.connection_lost(None)
    application.replies[0].send(200, b"x")
    assert line.written == b""


def test_connections_that_are_to_go_end_with_their_next_answer() -> None:
    """So many and no more, and the others stay."""
    application = Recorder()
    lines = [connect(application) for _ in range(4)]
    application.to_release = 2
    for connection, _ in lines:
        connection.data_received(post(b"{}"))
    assert [line.closed for _, line in lines] == [True, True, False, False]
    assert [b"Connection: close" in line.written for _, line in lines] == [
        True, True, False, False,
    ]  # fmt: skip
    assert application.to_release == 0


def test_what_was_pipelined_is_answered_before_a_connection_goes() -> None:
    application = Recorder(wait=True)
    connection, line = connect(application)
    application.to_release = 1
    for _ in range(3):
        connection.data_received(post(b"{}"))
    for number in (1, 0):
        application.replies[number].send(200, b"%d" % number)
    assert b"Connection: close" not in line.written
    application.replies[2].send(200, b"2")
    assert line.written.endswith(b"Connection: close\r\n\r\n2")
    assert line.written.count(b"200 OK") == 3
    assert line.closed
