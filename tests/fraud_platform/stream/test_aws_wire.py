from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from fraud_platform.stream.aws_wire import AwsCallError, AwsJson
from fraud_platform.stream.backoff import Backoff, Patience
from fraud_platform.stream.session import AwsSession

Answer = tuple[int, object]


class Server(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.requests: list[dict[str, str]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append({k.lower(): v for k, v in self.headers.items()})
        status, document = self.server.answers.pop(0)
        if status == 0:
            self.close_connection = True
            return
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Not a word."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def wire(server: Server, waits: list[float], patience_s: float = 30.0) -> AwsJson:
    session = AwsSession("eu-west-1", f"http://127.0.0.1:{server.server_address[1]}")
    return AwsJson(
        session, "dynamodb", "DynamoDB_20120810", "1.0", Patience(patience_s),
        Backoff(0.1, 2.0), sleep=waits.append,
    )  # fmt: skip


def refusal(code: str) -> object:
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "as told"}


def test_a_call_is_signed_and_decoded(server: Server) -> None:
    server.answers = [(200, {"Items": []})]
    assert wire(server, []).call("Query", {"TableName": "t"}) == {"Items": []}
    (request,) = server.requests
    assert request["x-amz-target"] == "DynamoDB_20120810.Query"
    assert request["content-type"] == "application/x-amz-json-1.0"
    assert "/eu-west-1/dynamodb/aws4_request" in request["authorization"]
    assert "x-amz-target" in request["authorization"].partition("SignedHeaders=")[2]


@pytest.mark.parametrize(
    "first",
    [
        (400, refusal("ProvisionedThroughputExceededException")),
        (400, refusal("ThrottlingException")),
        (500, refusal("InternalServerError")),
        (503, b"<html>busy</html>"),
        (0, None),
    ],
)
def test_what_passes_is_tried_again(server: Server, first: Answer) -> None:
    server.answers = [first, first, (200, {"ok": True})]
    waits: list[float] = []
    made = wire(server, waits)
    assert made.call("Query", {}) == {"ok": True}
    assert len(waits) == 2
    assert made.retries == 2
    invocations = {request["amz-sdk-invocation-id"] for request in server.requests}
    assert len(invocations) == 1
    assert [r["amz-sdk-request"].partition(";")[0] for r in server.requests] == [
        "attempt=1", "attempt=2", "attempt=3",
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ExpiredIteratorException"])
def test_what_does_not_pass_is_told_at_once(server: Server, code: str) -> None:
    server.answers = [(400, refusal(code))]
    with pytest.raises(AwsCallError, match="as told") as caught:
        wire(server, []).call("Query", {})
    assert caught.value.code == code


def test_patience_ends(server: Server) -> None:
    server.answers = [(400, refusal("ThrottlingException"))]
    with pytest.raises(AwsCallError, match="ThrottlingException"):
        wire(server, [], patience_s=0.0).call("Query", {})


def test_once_is_once(server: Server) -> None:
    server.answers = [(500, {})]
    with pytest.raises(AwsCallError):
        wire(server, []).call("PutRecords", {}, once=True)


def test_backoff_is_full_jitter() -> None:
    class Half:
        def random(self) -> float:
            return 0.5

    waits = [Backoff(0.1, 2.0).wait_s(n, Half()) for n in range(1, 9)]  # type: ignore[arg-type]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0]
