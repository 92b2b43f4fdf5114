from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fraud_platform.reasoning.made_cases import EXPLANATION, answer_text

from fraud_platform.reasoning.answer import MalformedAnswerError, read_answer, readable


def test_a_good_answer_is_read() -> None:
    opinion = read_answer("\n" + answer_text("DECLINE", 1) + "\n")
    assert opinion.decision == "DECLINE"
    assert opinion.confidence == 1.0
    assert opinion.explanation == EXPLANATION
    assert opinion.factors == ("new device",)


BAD = [
    "",
    "REVIEW",
    "null",
    "[]",
    "{}",
    "```json\n" + answer_text() + "\n```",
    "Here it is: " + answer_text(),
    answer_text() + answer_text(),
    answer_text()[:-1],
    answer_text(decision="review"),
    answer_text(decision="BLOCK"),
    answer_text(decision=["REVIEW"]),
    answer_text(confidence=1.01),
    answer_text(confidence=-0.1),
    answer_text(confidence=True),
    answer_text(confidence="0.8"),
    answer_text(confidence=None),
    answer_text().replace("0.8", "NaN"),
    answer_text(explanation=""),
    answer_text(explanation="Too short."),
    answer_text(explanation="The device is new and the amount is"),
    answer_text(explanation="The amount is {amount_scaled} times the usual one."),
    answer_text(explanation="The amount is high. " * 200),
    answer_text(explanation=["The device is new and the amount is high."]),
    answer_text(explanation="The device is new\x00 and the amount is high."),
    answer_text(factors=[]),
    answer_text(factors="new device"),
    answer_text(factors=["new device"] * 9),
    answer_text(factors=["new device", 3]),
    answer_text(factors=["x" * 161]),
    answer_text(factors=[" "]),
    answer_text(extra=1),
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_anything_else_is_a_failure(text: str) -> None:
    with pytest.raises(MalformedAnswerError):
        read_answer(text)


@settings(deadline=None)
@given(st.text())
def test_no_text_does_worse_than_that(text: str) -> None:
    try:
        opinion = read_answer(text)
    except MalformedAnswerError:
        return
    assert readable(opinion.explanation)


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=30), st.lists))
def test_no_value_in_a_field_does_worse(value: object) -> None:
    for field in ("decision", "confidence", "explanation", "factors"):
        try:
            changes: dict[str, Any] = {field: value}
            text = answer_text(**changes)
        except TypeError:  # a text that has no encoding
            return
        try:
            opinion = read_answer(text)
        except MalformedAnswerError:
            continue
        assert 0.0 <= opinion.confidence <= 1.0


def test_white_space_is_made_plain() -> None:
    text = answer_text(explanation="The device is new.\n\nThe amount   is high.\n")
    assert read_answer(text).explanation == "The device is new. The amount is high."
