from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.wire.answers import decision_body, error_body, response
from fraud_platform.wire.validation import Problem


def test_a_decision_is_written_as_documented() -> None:
    body = decision_body("k3v9x2ab-000000001234", "APPROVE", 0.0312, 0.97, '["R00"]')
    assert body == (
        b'{"transaction_id":"k3v9x2ab-000000001234","decision":"APPROVE","risk_score":0.0312,'
        b'"confidence":0.97,"reason_codes":["R00"]}'
    )


@pytest.mark.parametrize(("risk", "text"), [(0.0, b"0.0000"), (1.0, b"1.0000"), (0.5, b"0.5000")])
def test_four_decimals_always(risk: float, text: bytes) -> None:
    assert b'"risk_score":' + text + b"," in decision_body("x-1", "REVIEW", risk, 0.5, "[]")


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_id_comes_back(transaction_id: str) -> None:
    body = decision_body(transaction_id, "APPROVE", 0.1, 0.9, "[]")
    assert orjson.loads(body)["transaction_id"] == transaction_id


def test_an_error_carries_its_first_problem_and_all_of_several() -> None:
    one, two = Problem("a", "first", "x"), Problem("b", "second", "")
    assert orjson.loads(error_body([one])) == {
        "error": {"code": "a", "message": "first", "field": "x"}
    }
    several = orjson.loads(error_body([two, one]))["error"]
    assert "field" not in several
    assert [problem["code"] for problem in several["problems"]] == ["b", "a"]


def test_heads() -> None:
    assert response(200, b"{}").startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nIdempotent-Replay: true\r\n" in response(200, b"{}", replay=True)
    assert b"\r\nRetry-After: 1\r\n" in response(503, b"{}")
    assert b"\r\nConnection: close\r\n" in response(400, b"{}", keep_alive=False)
    assert response(200, b"{}").endswith(b"Content-Length: 2\r\n\r\n{}")
