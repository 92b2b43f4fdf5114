"""What is sent, byte for byte, and what workers are told."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.targets.batches import batch, column

from squall.load_generator.target_spec import Endpoint
from squall.models import FIELDS, Outcome
from squall.targets import HttpTarget, TargetFile

VALUES = batch(
    {
        "transaction_id": column(["run-000000000001", "run-000000000002"]),
        "amount": column([7, 1250]),
        "city": column(["Zürich & Co/\r\nX-Evil: 1", "Bern"]),
    }
)


def target(**parts: Any) -> HttpTarget:
    url = parts.pop("url", "http://127.0.0.1:8080")
    described = {"name": "test", "url": url, "request": parts}
    return HttpTarget(TargetFile.model_validate(described), ("transaction_id", "amount", "city"))


JSON_HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n"
EVIL = "Z\u00fcrich & Co/\r\nX-Evil: 1".encode()


@pytest.mark.parametrize(
    ("request_part", "head", "body"),
    [
        (
            {},
            JSON_HEAD,
            b'{"transaction_id":"run-000000000001","amount":7   ,'
            b'"city":"Z\xc3\xbcrich & Co/\\r\\nX-Evil: 1"}',
        ),
        (
            {
                "method": "PUT",
                "path": "/v1/${transaction_id}?city=${city}&a=${amount}",
                "headers": {"Idempotency-Key": "${transaction_id}", "City": "${city}!"},
                "content_type": "text/plain",
                "text": "${amount} at ${city}",
            },
            b"PUT /v1/run-000000000001?city=Z%C3%BCrich%20%26%20Co%2F%0D%0AX-Evil%3A%201&a=7 "
            b"HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nIdempotency-Key: run-000000000001\r\n"
            b"City: Z\xc3\xbcrich & Co/  X-Evil: 1!\r\nContent-Type: text/plain\r\n",
            b"7 at " + EVIL,
        ),
        (
            {"method": "GET", "path": "/check?id=${transaction_id}"},
            b"GET /check?id=run-000000000001 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n",
            b"",
        ),
        ({"method": "GET", "body": {"n": 1}}, JSON_HEAD.replace(b"POST", b"GET"), b'{"n":1}'),
        (
            {"text": "", "content_type": "text/plain"},
            JSON_HEAD.replace(b"application/json", b"text/plain"),
            b"",
        ),
        (
            {"text": '{"c":"${city}"}'},
            JSON_HEAD,
            b'{"c":"Z\xc3\xbcrich & Co/\\r\\nX-Evil: 1"}',
        ),
        (
            {"text": "<c>${city}</c>", "content_type": "application/xml"},
            JSON_HEAD.replace(b"json", b"xml"),
            b"<c>Z\xc3\xbcrich &amp; Co/  X-Evil: 1</c>",
        ),
        (
            {
                "text": "amount=${amount}&city=${city}",
                "content_type": "application/x-www-form-urlencoded",
            },
            JSON_HEAD.replace(b"json", b"x-www-form-urlencoded"),
            b"amount=7&city=Z%C3%BCrich%20%26%20Co%2F%0D%0AX-Evil%3A%201",
        ),
    ],
)
def test_requests(request_part: dict[str, Any], head: bytes, body: bytes) -> None:
    requests = target(**request_part).spec.writer().write(VALUES)
    assert bytes(requests[0]) == head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("url", "endpoint", "host"),
    [
        ("http://h", Endpoint("h", 80), b"h"),
        ("https://h/", Endpoint("h", 443, tls=True), b"h"),
        ("http://H.example:81", Endpoint("h.example", 81), b"H.example:81"),
        ("http://[::1]:81", Endpoint("::1", 81), b"[::1]:81"),
    ],
)
def test_where_to_connect(url: str, endpoint: Endpoint, host: bytes) -> None:
    spec = target(url=url).spec
    assert spec.endpoint == endpoint
    assert b"\r\nHost: " + host + b"\r\n" in bytes(spec.writer().write(VALUES)[0])


def test_only_the_fields_referred_to_are_asked_for() -> None:
    assert target(body={"a": "${amount}"}).spec.fields == {"amount"}
    assert target(path="/${city}", method="DELETE").spec.fields == {"city"}
    assert target().spec.fields == {"transaction_id", "amount", "city"}


def test_a_worker_gets_the_same_target() -> None:
    spec = HttpTarget(
        TargetFile.model_validate(
            {
                "name": "test",
                "url": "http://h",
                "request": {"body": {"id": "${transaction_id}"}},
                "answer": {"id": "id", "score": "s", "decide_by_score": {"decline": 0.5}},
            }
        ),
        FIELDS,
    ).spec
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec
    assert bytes(copy.writer().write(VALUES)[0]) == bytes(spec.writer().write(VALUES)[0])
    assert copy.reader().read(200, b'{"id":"a","s":0.7}').outcome is Outcome.ACCEPTED
