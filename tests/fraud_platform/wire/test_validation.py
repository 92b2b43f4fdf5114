from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fraud_platform.documents import Document, document, timestamp

from fraud_platform.wire.timestamps import event_seconds
from fraud_platform.wire.transaction import AMOUNT_LIMIT, Transaction
from fraud_platform.wire.validation import FIELD_NAMES, Refusal, Validator

CURRENCIES = frozenset({"EUR", "JPY", "KWD", "USD"})


def read(made: object, escaped: bool = False) -> Transaction | Refusal:
    return Validator(CURRENCIES).read(made, b"digest", time.time(), escaped)


def codes(made: object, escaped: bool = False) -> list[str]:
    answer = read(made, escaped)
    assert isinstance(answer, Refusal), answer
    assert answer.status == 422
    return [problem.code for problem in answer.problems]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 0}, "amount_not_positive"),
        ({"amount": -5, "type": "refund", "original_transaction_id": "x-1"}, "amount_not_positive"),
        ({"amount": 2**63 - 1}, "amount_above_limit"),
        ({"amount": AMOUNT_LIMIT + 1}, "amount_above_limit"),
        ({"amount": 1e30}, "amount_above_limit"),
        ({"amount": 12.5}, "amount_not_integer"),
        ({"amount": 12.0}, "amount_not_integer"),
        ({"amount": "12"}, "field_type"),
        ({"amount": True}, "field_type"),
        ({"currency": "XXX"}, "currency_unknown"),
        ({"currency": "ZZZ"}, "currency_unknown"),
        ({"timestamp": "2027-02-29T12:00:00.000Z"}, "timestamp_invalid"),
        ({"timestamp": "2026-02-28T12:00:00.000"}, "timestamp_invalid"),
        ({"timestamp": "yesterday"}, "timestamp_invalid"),
        ({"timestamp": timestamp(86_400)}, "timestamp_in_future"),
        ({"timestamp": timestamp(-401 * 86_400)}, "timestamp_too_old"),
        ({"city": "Ber\x00lin"}, "control_character"),
        ({"user_id": "u\n"}, "control_character"),
        ({"type": "gift"}, "field_value"),
        ({"channel": "smoke"}, "field_value"),
        ({"user_id": ""}, "field_value"),
        ({"user_id": "u" * 129}, "field_too_long"),
        ({"city": "c" * 513}, "field_too_long"),
        ({"latitude": 91}, "field_out_of_range"),
        ({"country": "DEU"}, "field_too_long"),
        ({"country": "D"}, "field_value"),
        ({"device_age_days": -1}, "field_out_of_range"),
        ({"type": "refund"}, "field_missing"),
    ],
)
def test_refuses_with_the_documented_code(changes: Document, code: str) -> None:
    assert codes(document(**changes), escaped=True) == [code]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": AMOUNT_LIMIT - 1},
        {"amount": AMOUNT_LIMIT},
        {"amount": 1, "currency": "JPY"},
        {"amount": 1, "currency": "KWD"},
        {"timestamp": timestamp(60)},
        {"timestamp": timestamp(-399 * 86_400)},
        {"timestamp": "2026-03-29T02:30:00.000+01:00"},  # inside a daylight-saving gap
        {"timestamp": "2026-10-25T02:30:00+02:00"},  # in a fold, without milliseconds
        {"city": "Mu\u0308nchen"},
        {"city": "\u202eםילשורי"},
        {"city": "Веrlin"},
        {"latitude": 52, "longitude": -180},
        {"device_id": None, "ip": None, "device_age_days": None, "channel": "chip"},
        {"type": "refund", "original_transaction_id": "x-1"},
        {"unknown_field": 1},
    ],
)
def test_accepts(changes: Document) -> None:
    assert isinstance(read(document(**changes), escaped=True), Transaction)


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_every_field_must_be_there(name: str) -> None:
    made = document()
    del made[name]
    assert codes(made) == ["field_missing"]


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        (-300.0, None),
        (-300.001, "timestamp_in_future"),
        (400 * 86_400.0, None),
        (400 * 86_400.001, "timestamp_too_old"),
    ],
)
def test_the_clock_is_checked_to_the_millisecond(age_s: float, expected: str | None) -> None:
    made = document(timestamp="2026-05-01T12:00:00.000Z")
    now_s = event_seconds(made["timestamp"]) + age_s
    answer = Validator(CURRENCIES).read(made, b"digest", now_s, escaped=False)
    found = answer.problems[0].code if isinstance(answer, Refusal) else None
    assert found == expected


def test_names_every_problem() -> None:
    made = document(amount=0, currency="XXX", latitude=100)
    assert sorted(codes(made)) == ["amount_not_positive", "currency_unknown", "field_out_of_range"]


@pytest.mark.parametrize("made", [[], "text", 5, None])
def test_refuses_what_is_not_an_object(made: object) -> None:
    assert codes(made) == ["not_an_object"]


_WILD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=140),
    st.sampled_from(["purchase", "refund", "match", "EUR", "DE", "none", timestamp(-60)]),
    st.lists(st.integers(), max_size=1),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FIELD_NAMES), _WILD, max_size=4))
def test_the_fast_path_gives_the_answer_of_the_full_checks(changes: dict[str, Any]) -> None:
    made = document(**changes)
    now_s = time.time()
    warm = Validator(CURRENCIES)
    for shape in (document(), document(device_id=None), document(**changes)):
        warm.read(shape, b"", now_s, escaped=True)
    slow = Validator(CURRENCIES).read(made, b"d", now_s, escaped=True)
    # A control character cannot be in JSON without an escape.
    escaped = any(isinstance(v, str) and any(c < " " for c in v) for v in made.values())
    assert warm.read(made, b"d", now_s, escaped) == slow
