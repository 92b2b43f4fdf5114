"""The shortcut never says anything but what the exact reader says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from squall.load_generator.target_spec import NO_SCORE, Reading, pack_end, score_bin
from squall.models import Decision, Outcome
from squall.targets.answers import (
    AnswerFormat,
    JsonAnswerReader,
    ScoreBands,
    at_path,
    number_of,
    parse_path,
)

WIRE_ID = "k3v9x2ab-000000000007"
WORDS = {
    "APPROVE": Decision.APPROVE,
    "true": Decision.APPROVE,
    "2": Decision.REVIEW,
    "DECLINE": Decision.DECLINE,
}
FORMATS = {
    "flat": AnswerFormat(id=("id",), decision=("d",), words=WORDS, score=("s",)),
    "flat, out of 1,000": AnswerFormat(decision=("d",), words=WORDS, score=("s",), score_max=1e3),
    "decision alone": AnswerFormat(decision=("d",), words=WORDS),
    "nested": AnswerFormat(id=("a", "id"), decision=("a", 0, "d"), words=WORDS, score=("s",)),
    "score alone": AnswerFormat(id=("id",), score=("s",), bands=ScoreBands(0.5, 0.9)),
    "id alone": AnswerFormat(id=("id",)),
    "status alone": AnswerFormat(),
    "position": AnswerFormat(id=(0,), decision=(1,), words=WORDS),
}

KEYS = st.sampled_from(["id", "d", "s", "a", "0", "1", "other"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([WIRE_ID, "k3v9x2ab-000000000008", *WORDS, "REVIEW", ""])
    | st.floats(0, 1)
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
LIKELY = st.fixed_dictionaries(
    {"id": st.just(WIRE_ID), "d": LEAVES, "s": LEAVES}, optional={"a": DOCUMENTS}
)
BODIES = (
    (DOCUMENTS | LIKELY).map(lambda document: json.dumps(document).encode())
    | st.binary(max_size=60)
    | st.sampled_from([b"", b"null", b'{"id":', b'{"id":"%b","d":"\xff"}' % WIRE_ID.encode()])
)


@pytest.mark.parametrize("name", FORMATS)
@given(body=BODIES, status=st.sampled_from([200, 202, 204, 302, 404, 500, 503]))
@example(b'{"id":"%b","d":"APPROVE","s":0.5}' % WIRE_ID.encode(), 200)
@example(b'{"id":"%b","d":"APPROVE","s":1e308}' % WIRE_ID.encode(), 200)
@example(b'{"id":"%b","d":true,"s":1}' % WIRE_ID.encode(), 200)
@example(b'["%b",2]' % WIRE_ID.encode(), 200)
def test_the_shortcut_agrees_with_the_reader(name: str, body: bytes, status: int) -> None:
    reader = JsonAnswerReader(FORMATS[name])
    end = reader.quick(status, body, WIRE_ID)
    if end != -1:
        reading = reader.read(status, body)
        score = NO_SCORE if reading.score is None else score_bin(reading.score)
        assert end == pack_end(reading.outcome, reading.decision, score)
        assert reading.outcome is Outcome.ACCEPTED
        assert reading.wire_id in (None, WIRE_ID)


@pytest.mark.parametrize(
    ("name", "document", "end"),
    [
        (
            "flat",
            {"id": WIRE_ID, "d": "DECLINE", "s": 0.25},
            pack_end(Outcome.ACCEPTED, Decision.DECLINE, score_bin(0.25)),
        ),
        (
            "flat, out of 1,000",
            {"d": "APPROVE", "s": 250.0},
            pack_end(Outcome.ACCEPTED, Decision.APPROVE, score_bin(0.25)),
        ),
        (
            "nested",
            {"a": {"id": WIRE_ID, "0": {"d": 2}}, "s": 1},
            pack_end(Outcome.ACCEPTED, Decision.REVIEW, score_bin(1.0)),
        ),
        ("id alone", {"id": WIRE_ID}, pack_end(Outcome.ACCEPTED)),
        ("id alone", {"id": "another"}, -1),
        ("flat", {"id": "another", "d": "APPROVE", "s": 0.25}, -1),
    ],
)
def test_the_usual_answer_takes_the_shortcut(name: str, document: Any, end: int) -> None:
    assert JsonAnswerReader(FORMATS[name]).quick(200, json.dumps(document).encode(), WIRE_ID) == end


OK = {"id": WIRE_ID, "d": "APPROVE", "s": 0.5}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({**OK, "id": 7}, "answer_without_id"),
        ({"d": "APPROVE", "s": 0.5}, "answer_without_id"),
        ({**OK, "s": None}, "answer_without_score"),
        ({**OK, "s": True}, "answer_without_score"),
        ({**OK, "s": "0.5"}, "answer_without_score"),
        ({**OK, "d": "MAYBE"}, "unknown_decision"),
        ({**OK, "d": 3}, "unknown_decision"),
        ({**OK, "d": None}, "answer_without_decision"),
        ({**OK, "d": ["APPROVE"]}, "answer_without_decision"),
        ({**OK, "d": 2.0}, "answer_without_decision"),
        ([], "answer_without_id"),
        ("text", "answer_without_id"),
    ],
)
def test_an_answer_that_lacks_something_leaves_the_outcome_open(document: Any, kind: str) -> None:
    reading = JsonAnswerReader(FORMATS["flat"]).read(200, json.dumps(document).encode())
    assert reading == Reading(Outcome.INDETERMINATE, kind=kind)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b'{"s":NaN}', b'{"s":1e999}'])
def test_an_answer_that_is_not_json(body: bytes) -> None:
    reading = JsonAnswerReader(FORMATS["flat"]).read(200, body)
    assert reading == Reading(Outcome.INDETERMINATE, kind="answer_not_json")


def test_where_nothing_is_asked_of_an_answer_any_body_will_do() -> None:
    assert JsonAnswerReader(AnswerFormat()).read(200, b"<html>") == Reading(Outcome.ACCEPTED)


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([400, 401, 403, 404, 409, 413, 422, 429, 499], Outcome.REJECTED),
        ([501, 503, 505, 507, 511], Outcome.REJECTED),
        ([500, 502, 504, 508, 520, 524, 599], Outcome.INDETERMINATE),
        ([203, 204, 206, 301, 302, 303, 304, 307, 308], Outcome.INDETERMINATE),
    ],
)
def test_outcome_of_every_other_status(statuses: list[int], outcome: Outcome) -> None:
    reader = JsonAnswerReader(FORMATS["flat"])
    for status in statuses:
        assert reader.read(status, b"{}") == Reading(outcome, kind=f"http_{status}")
        assert reader.quick(status, b"{}", WIRE_ID) == -1


@pytest.mark.parametrize(
    ("score", "decision"),
    [
        (0, Decision.APPROVE),
        (499.9, Decision.APPROVE),
        (500, Decision.REVIEW),
        (900, Decision.DECLINE),
        (5000, Decision.DECLINE),
    ],
)
def test_decisions_by_score_use_the_targets_own_units(score: float, decision: Decision) -> None:
    bands = ScoreBands(500, 900)
    reader = JsonAnswerReader(AnswerFormat(score=("s",), score_max=1000, bands=bands))
    reading = reader.read(200, json.dumps({"s": score}).encode())
    assert (reading.decision, reading.score) == (decision, score / 1000)


@pytest.mark.parametrize(
    ("bands", "decisions"),
    [
        (ScoreBands(None, 0.5), [Decision.APPROVE, Decision.DECLINE]),
        (ScoreBands(0.5, None), [Decision.APPROVE, Decision.REVIEW]),
    ],
)
def test_one_band_alone(bands: ScoreBands, decisions: list[Decision]) -> None:
    assert [bands.decide(0.4), bands.decide(0.6)] == decisions


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ("list.1", "y"),
        ("list.1.2", None),
        ("list.2", None),
        ("list.-1", None),
        ("list.x", None),
        ("digits.0", "zero"),
        ("digits.007", "bond"),
        ("missing.deep", None),
        ("null", None),
    ],
)
def test_paths(path: str, value: object) -> None:
    document = {
        "a": {"b": 1},
        "list": ["x", "y"],
        "digits": {"0": "zero", "007": "bond"},
        "null": None,
    }
    assert at_path(document, parse_path(path)) == value


def test_a_score_is_a_finite_number() -> None:
    given_and_read = [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (float("inf"), None)]
    for value, number in given_and_read:
        assert number_of(value) == number


@given(st.floats(allow_nan=False))
def test_every_score_has_a_bin(score: float) -> None:
    assert 0 <= score_bin(score) < NO_SCORE
