"""What Bedrock answers, through the real boto3 and a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from tests.fraud_platform.reasoning.made_cases import a_case, answer_text

from fraud_platform.reasoning.bedrock import BedrockModel, BedrockOptions
from fraud_platform.reasoning.model import (
    Attempt,
    ModelCallError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from fraud_platform.reasoning.prompt import CASE_OPENS, MAX_ANSWER_TOKENS, prompt_of

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def converse_answer(stop: str = "end_turn") -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": answer_text()}]}},
        "stopReason": stop,
        "usage": {"inputTokens": 700, "outputTokens": 60, "totalTokens": 760},
        "metrics": {"latencyMs": 5},
    }


class Endpoint:
    """Answers Converse with what it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.error = ""
        self.body: object = converse_answer()
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                read = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.seen.append((self.path, headers, orjson.loads(read)))
                body = orjson.dumps(endpoint.body)
                self.send_response(endpoint.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if endpoint.error:
                    self.send_header("x-amzn-ErrorType", endpoint.error)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def fail(self, status: int, error: str) -> None:
        self.status, self.error, self.body = status, error, {"message": f"{error}, says Bedrock"}

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    made = Endpoint()
    yield made
    made.close()


def model_at(url: str, **options: Any) -> BedrockModel:
    return BedrockModel(BedrockOptions(MODEL, url, "us-east-1", **options))


def ask(model: BedrockModel, number: int = 1) -> Any:
    return model.ask(prompt_of(a_case()), Attempt("an-invocation", number, 5))


def test_an_answer_is_read_with_its_tokens(endpoint: Endpoint) -> None:
    text = ask(model_at(endpoint.url))
    assert text.text == answer_text()
    assert (text.input_tokens, text.output_tokens, text.complete) == (700, 60, True)
    path, _, body = endpoint.seen[0]
    assert path == f"/model/{MODEL.replace(':', '%3A')}/converse"
    assert body["messages"][0]["content"][0]["text"].startswith(CASE_OPENS)
    assert body["inferenceConfig"] == {"maxTokens": MAX_ANSWER_TOKENS, "temperature": 0.0}


def test_attempts_are_numbered_under_one_invocation(endpoint: Endpoint) -> None:
    model = model_at(endpoint.url)
    for number in (1, 2):
        ask(model, number)
    headers = [headers for _, headers, _ in endpoint.seen]
    assert [h["amz-sdk-invocation-id"] for h in headers] == ["an-invocation"] * 2
    assert [h["amz-sdk-request"] for h in headers] == ["attempt=1; max=5", "attempt=2; max=5"]
    assert headers[0]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/")


@pytest.mark.parametrize("stop", ["max_tokens", "content_filtered", "guardrail_intervened"])
def test_an_answer_that_was_cut_off_says_so(endpoint: Endpoint, stop: str) -> None:
    endpoint.body = converse_answer(stop)
    assert not ask(model_at(endpoint.url)).complete


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (429, "ThrottlingException", ThrottledError),
        (429, "ModelNotReadyException", UnavailableError),
        (408, "ModelTimeoutException", UnavailableError),
        (500, "InternalServerException", UnavailableError),
        (503, "ServiceUnavailableException", UnavailableError),
        (400, "ValidationException", RefusedError),
        (400, "ServiceQuotaExceededException", RefusedError),
        (403, "AccessDeniedException", RefusedError),
        (404, "ResourceNotFoundException", RefusedError),
        (424, "ModelErrorException", RefusedError),
    ],
)
def test_every_error_is_told_apart_and_nothing_is_retried_inside(
    endpoint: Endpoint, status: int, error: str, expected: type[ModelCallError]
) -> None:
    endpoint.fail(status, error)
    with pytest.raises(expected, match="says Bedrock"):
        ask(model_at(endpoint.url))
    assert len(endpoint.seen) == 1


def test_an_answer_without_its_parts_is_a_failure_of_the_service(endpoint: Endpoint) -> None:
    model = model_at(endpoint.url)
    bodies: list[dict[str, Any]] = [
        {"output": {}},
        {"output": {"message": {"role": "assistant"}}},
        {},
    ]
    for body in bodies:
        endpoint.body = body
        with pytest.raises(UnavailableError):
            ask(model)


def test_nobody_there_is_unavailable(endpoint: Endpoint) -> None:
    model = model_at(endpoint.url)
    endpoint.close()
    with pytest.raises(UnavailableError):
        ask(model)


def test_no_answer_in_time_is_unavailable(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(
        ThreadingHTTPServer, "finish_request", lambda *_: released.wait(20.0), raising=True
    )
    try:
        with pytest.raises(UnavailableError, match="timeout"):
            ask(model_at(endpoint.url, read_timeout_s=0.2))
    finally:
        released.set()


def test_missing_credentials_are_a_refusal_with_the_sdks_words(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(RefusedError, match="credentials"):
        ask(model_at(endpoint.url))
