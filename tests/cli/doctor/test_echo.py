import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.cli.doctor.echo import EchoProtocol, answer, echo_server, request_length

WIRE_ID = "doctor00-000000000007"


def request(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: %d\r\n\r\n%b" % (len(body), body)


BODY = b'{"transaction_id":"%b","amount":5}' % WIRE_ID.encode()


class Sink(asyncio.WriteTransport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


@given(st.lists(st.integers(1, 400), max_size=30))
def test_requests_are_answered_however_they_are_cut(cuts: list[int]) -> None:
    stream = request(BODY) * 3
    sink, protocol = Sink(), EchoProtocol()
    protocol.connection_made(sink)
    for size in (*cuts, len(stream)):
        protocol.data_received(stream[:size])
        stream = stream[size:]
    assert len(sink.written) == 3
    assert all(WIRE_ID.encode() in written for written in sink.written)


def test_an_incomplete_request_waits() -> None:
    whole = request(BODY)
    assert request_length(whole[:-1]) is None
    assert request_length(whole[:10]) is None
    assert request_length(whole + b"GET") == len(whole)
    assert request_length(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == 27


def test_an_answer_approves_the_transaction() -> None:
    head, body = answer(request(BODY)).split(b"\r\n\r\n")
    assert json.loads(body)["transaction_id"] == WIRE_ID
    assert f"Content-Length: {len(body)}".encode() in head


async def test_the_server_is_a_process_that_ends_with_its_block() -> None:
    with echo_server() as url:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(BODY))
        assert WIRE_ID.encode() in await asyncio.wait_for(reader.readuntil(b"}"), 10)
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
