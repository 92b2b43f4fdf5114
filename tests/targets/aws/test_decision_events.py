"""Decision events: what is read of them, and what is passed over."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from squall.models import Decision, DecisionEvent
from squall.targets.aws.address import DecisionFormat
from squall.targets.aws.decision_events import EventReader

TAG = "abcdefgh"
ID = f"{TAG}-000000000007"
READER = EventReader(DecisionFormat(), TAG)


def read(*documents: Any) -> list[DecisionEvent]:
    return [event for document in documents for event in READER.read(orjson.dumps(document))]


def test_the_platforms_event() -> None:
    (event,) = read(
        {"transaction_id": ID, "decision": "REVIEW", "risk_score": 0.4, "amount": 1250,
         "replay": False}
    )  # fmt: skip
    assert event[:5] == (ID, Decision.REVIEW, False, 0.4, False)
    assert event.amount_minor == 1250


def test_a_list_in_one_record_holds_many() -> None:
    events = read([{"transaction_id": ID, "decision": "APPROVE"}, {"transaction_id": ID}, 7])
    assert [event.decision for event in events] == [Decision.APPROVE, Decision.NONE]


@pytest.mark.parametrize(
    ("fields", "refused", "replay"),
    [
        ({"decision": "REFUSED"}, True, False),
        ({"decision": "rejected"}, True, False),
        ({"decision": "DECLINED"}, False, False),
        ({"decision": "APPROVE", "replay": True}, False, True),
        ({"decision": "APPROVE", "replay": False, "conflict": "0a1b"}, False, True),
    ],
)
def test_refusals_and_replays(fields: dict[str, Any], refused: bool, replay: bool) -> None:
    (event,) = read({"transaction_id": ID, **fields})
    assert (event.refused, event.replay) == (refused, replay)


def test_one_event_has_one_digest_and_another_has_another() -> None:
    one = {"transaction_id": ID, "decision": "APPROVE"}
    first, again, other = read(one, one, {**one, "decision": "DECLINE"})
    assert first.digest == again.digest != other.digest
    assert 0 not in (first.digest, other.digest)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json but " + TAG.encode() + b"-",
        b"[1,2]",
        b'{"transaction_id":7,"x":"abcdefgh-"}',
        b'{"transaction_id":"other123-000000000007","x":"abcdefgh-"}',
        b'{"id":"abcdefgh-000000000007"}',
    ],
)
def test_everything_else_is_passed_over(content: bytes) -> None:
    assert list(READER.read(content)) == []
    assert list(READER.read_base64(base64.b64encode(content).decode())) == []


def test_broken_base64_is_passed_over() -> None:
    assert list(READER.read_base64("a")) == []


def test_parts_may_be_elsewhere() -> None:
    form = DecisionFormat("event.id", "event.word", "event.risk", "again", "minor")
    document = {"event": {"id": ID, "word": "DECLINE", "risk": 1}, "again": 1, "minor": 12.5}
    (event,) = EventReader(form, TAG).read(orjson.dumps(document))
    assert event[:5] == (ID, Decision.DECLINE, False, 1.0, True)
    assert event.amount_minor is None
