from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from benchmarks.harness.processes import BenchmarkError
from benchmarks.servers.nginx import free_port
from benchmarks.servers.raw_client import RawClient


class Handler(BaseHTTPRequestHandler):
    """Answers with its connection's number; /old closes, /chunked is chunked, /no is refused."""

    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        content = str(self.connections).encode()
        self.send_response(400 if self.path == "/no" else 200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
        else:
            self.send_header("Content-Length", str(len(content)))
        if self.path == "/old":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Handler.connections = 0
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def request(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi".encode()


def test_calls_share_a_connection_until_the_server_closes_it(port: int) -> None:
    paths = ("/", "/chunked", "/old", "/", "/")
    with RawClient(port, timeout_s=10) as client:
        assert [client.call(request(path)) for path in paths] == [b"1", b"1", b"1", b"2", b"2"]


def test_a_refusal_is_an_error_with_what_was_said(port: int) -> None:
    with RawClient(port, timeout_s=10) as client:
        with pytest.raises(BenchmarkError, match="answered 400: 1"):
            client.call(request("/no"))
        assert client.call(request("/")) == b"1"


def test_nobody_there_is_an_error() -> None:
    with (
        RawClient(free_port(), timeout_s=10) as client,
        pytest.raises(BenchmarkError, match="no answer from port"),
    ):
        client.call(request("/"))
