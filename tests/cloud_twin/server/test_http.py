"""Requests out of any stream of bytes, answers in order: on a transport that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.server import http
from cloud_twin.server.http import HttpConnection
from cloud_twin.server.reply import Reply
from cloud_twin.server.request import Request

DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


class Memory(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


@dataclass
class Recorder:
    """Keeps requests and their replies; answers when told to, or at once."""

    at_once: bool = True
    requests: list[Request] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)

    def handle(self, request: Request, reply: Reply) -> None:
        self.requests.append(request)
        self.replies.append(reply)
        if self.at_once:
            self.answer(len(self.replies) - 1)

    def refuse(self, request: Request, reply: Reply, status: int, why: str) -> None:
        self.refused.append((status, why))
        reply.send(status, {}, why.encode(), DATE)

    def answer(self, number: int) -> None:
        self.replies[number].send(200, {}, f"answer {number}".encode(), DATE)


def connect(application: Recorder) -> tuple[HttpConnection, Memory]:
    connection = HttpConnection(application, set())
    transport = Memory()
    connection.connection_made(transport)
    return connection, transport


def plain(target: str, body: bytes = b"", *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: twin", *headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(target: str, body: bytes, size: int) -> bytes:
    head = f"PUT {target} HTTP/1.1\r\nHost: twin\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + coded + b"0\r\nX-Checksum: abc\r\n\r\n"


def seen(requests: list[Request]) -> list[tuple[str, str, str, bytes]]:
    return [(each.method, each.path, each.query, each.body) for each in requests]


BODIES = st.binary(max_size=300)
REQUESTS = st.lists(
    st.one_of(
        st.builds(lambda body: plain("/a/b%2Fc?x=1&y", body, "X-One: 1"), BODIES),
        st.builds(lambda body, size: chunked("/k", body, size), BODIES, st.integers(1, 40)),
        st.builds(lambda: plain("/", method="HEAD")),
        st.builds(lambda: plain("/up", b"later", "Expect: 100-continue")),
    ),
    min_size=1,
    max_size=5,
)


@given(requests=REQUESTS, data=st.data())
def test_any_fragmentation_gives_the_same_calls(requests: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(requests)
    whole, pieces = Recorder(), Recorder()
    connection, transport = connect(whole)
    connection.data_received(stream)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    fragmented, fragmented_transport = connect(pieces)
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if start < stop:
            fragmented.data_received(stream[start:stop])
    assert seen(pieces.requests) == seen(whole.requests)
    assert [each.headers for each in pieces.requests] == [each.headers for each in whole.requests]
    assert len(whole.requests) == len(requests)
    assert transport.written.count(b"HTTP/1.1 200") == len(requests)
    assert fragmented_transport.written.count(b"HTTP/1.1 200") == len(requests)


@given(order=st.permutations(range(5)))
def test_answers_leave_in_the_order_of_the_requests(order: list[int]) -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    connection.data_received(b"".join(plain(f"/{number}") for number in range(5)))
    for number in order:
        application.answer(number)
    bodies = [part.split(b"\r\n\r\n")[1] for part in transport.written.split(b"HTTP/1.1 200")[1:]]
    assert bodies == [f"answer {number}".encode() for number in range(5)]


def test_the_address_keeps_its_encoding_and_headers_are_lower_case() -> None:
    application = Recorder()
    connection, _ = connect(application)
    connection.data_received(plain("/b/a%2Fb?list-type=2&x=%20", b"", "X-Two: 1", "x-two: 2"))
    (request,) = application.requests
    assert (request.path, request.query) == ("/b/a%2Fb", "list-type=2&x=%20")
    assert request.headers["x-two"] == "1,2"
    assert request.arguments() == {"list-type": "2", "x": " "}


def test_an_absolute_target_is_reduced_to_its_path() -> None:
    application = Recorder()
    connection, _ = connect(application)
    connection.data_received(plain("http://127.0.0.1:1/b/k?x=1"))
    assert (application.requests[0].path, application.requests[0].query) == ("/b/k", "x=1")


def test_trailers_of_a_chunked_body_are_headers() -> None:
    application = Recorder()
    connection, _ = connect(application)
    connection.data_received(chunked("/k", b"hello", 2))
    assert application.requests[0].headers["x-checksum"] == "abc"


def test_a_client_that_expects_is_invited_once_earlier_answers_are_out() -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    upload = plain("/up", b"body", "Expect: 100-continue")
    head, body = upload[:-4], upload[-4:]
    connection.data_received(plain("/first") + head)
    assert transport.written == b""
    application.answer(0)
    assert transport.written.endswith(b"answer 0HTTP/1.1 100 Continue\r\n\r\n")
    connection.data_received(body)
    assert application.requests[1].body == b"body"


def test_an_answer_to_head_has_a_length_and_no_body() -> None:
    application = Recorder()
    connection, transport = connect(application)
    connection.data_received(plain("/", method="HEAD"))
    assert b"content-length: 8\r\n" in transport.written
    assert transport.written.endswith(b"\r\n\r\n")


def test_connection_close_is_honoured() -> None:
    application = Recorder()
    connection, transport = connect(application)
    connection.data_received(plain("/", b"", "Connection: close"))
    assert b"connection: close\r\n" in transport.written
    assert transport.closed


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=["tls", "negative length", "chunk size", "upgrade"],
)
def test_what_is_not_http_is_refused_once(nonsense: bytes) -> None:
    application = Recorder()
    connection, transport = connect(application)
    connection.data_received(nonsense)
    connection.data_received(nonsense)
    assert [status for status, _ in application.refused] == [400]
    assert transport.closed


def test_a_head_that_is_too_long_is_refused() -> None:
    application = Recorder()
    connection, transport = connect(application)
    connection.data_received(plain("/", b"", "X-Long: " + "x" * http.HEAD_LIMIT_BYTES))
    assert [status for status, _ in application.refused] == [431]
    assert transport.closed


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    monkeypatch.setattr(http, "BODY_LIMIT_BYTES", 100)
    application = Recorder()
    connection, transport = connect(application)
    connection.data_received(plain("/", b"x" * 101) if declared else chunked("/", b"x" * 101, 20))
    assert [status for status, _ in application.refused] == [413]
    assert application.requests == []
    assert transport.closed


def test_a_dropped_answer_closes_the_line_when_its_turn_comes() -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    connection.data_received(plain("/0") + plain("/1") + plain("/2"))
    application.replies[1].drop()
    application.answer(2)
    assert not transport.closed
    application.answer(0)
    assert transport.closed
    assert transport.written.endswith(b"answer 0")


def test_a_client_that_pipelines_without_end_is_not_read() -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    connection.data_received(plain("/") * http.PIPELINE_LIMIT)
    assert not transport.reading
    application.answer(0)
    assert transport.reading


def test_a_lost_line_takes_no_answer() -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    connection.data_received(plain("/") + b"POST / HT")
    connection.connection_lost(ConnectionResetError())
    application.answer(0)
    assert transport.written == b""


def test_a_request_that_stays_unfinished_is_given_up() -> None:
    application = Recorder()
    connection, transport = connect(application)
    connection.data_received(b"POST / HTTP/1.1\r\nHost: twin\r\nContent-Length: 9\r\n\r\nhalf")
    connection.give_up_if_stalled(3600.0)
    assert application.refused == []
    connection.give_up_if_stalled(-1.0)
    assert [status for status, _ in application.refused] == [408]
    assert transport.closed


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_a_stream_is_sent_as_it_comes_and_the_next_answer_waits() -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    connection.data_received(plain("/0") + plain("/1"))
    going_on = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        await going_on.wait()
        yield b"second"

    application.replies[0].send_stream(200, {}, chunks(), DATE)
    application.answer(1)
    await until(lambda: b"3\r\none\r\n" in transport.written)
    assert b"answer 1" not in transport.written
    going_on.set()
    await until(lambda: transport.written.endswith(b"answer 1"))
    assert b"3\r\none\r\n6\r\nsecond\r\n0\r\n\r\nHTTP/1.1 200" in transport.written


async def test_a_stream_that_breaks_off_cuts_the_line() -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    connection.data_received(plain("/"))

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("disk full")

    application.replies[0].send_stream(200, {}, chunks(), DATE)
    await until(lambda: transport.closed)
    assert not transport.written.endswith(b"0\r\n\r\n")


async def test_a_stream_ends_with_its_reader() -> None:
    application = Recorder(at_once=False)
    connection, transport = connect(application)
    connection.data_received(plain("/"))
    ended = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await asyncio.Event().wait()
        finally:
            ended.set()

    application.replies[0].send_stream(200, {}, chunks(), DATE)
    await until(lambda: b"one" in transport.written)
    connection.connection_lost(None)
    async with asyncio.timeout(5):
        await ended.wait()
