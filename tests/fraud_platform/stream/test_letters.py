"""Letters fit the queue, whatever the record holds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fraud_platform.documents import transaction
from tests.fraud_platform.stream.function_parts import ARRIVED_S, SHARD, World, packed

from fraud_platform.learning.model import LearnedModel
from fraud_platform.stream.adapters.bucket_and_queue import SqsLetters
from fraud_platform.stream.backoff import Patience
from fraud_platform.stream.envelope import RecordReader, Unreadable
from fraud_platform.stream.letters import (
    DATA_BYTES,
    ReadRecord,
    beginning,
    letter_of_unreadable,
)
from fraud_platform.stream.processor import ShardRecord
from fraud_platform.stream.session import AwsSession
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.validation import Problem, Validator

OLD_LIMIT = 256 * 1024
"""Of one message and of all in a call, for queues made before August 2025; 1 MiB since."""
WORST_KEY = "\x01" * 256
READER = RecordReader(Validator(current_currencies()))


def letter(data: bytes) -> dict[str, Any]:
    read = READER.read(data, ARRIVED_S)
    assert isinstance(read, Unreadable)
    return letter_of_unreadable(ReadRecord(SHARD, 7, WORST_KEY, data), read)


def size(document: object) -> int:
    return len(orjson.dumps(document))


@pytest.mark.parametrize(
    "data",
    [
        b"\x01" * 100_000,
        b'"' * 1_000_000,
        b"\xff" * 1_000_000,
        b"\x00\\\xe4" * 40_000,
        orjson.dumps({"amount": 1e308, **{f"{n}": n for n in range(50_000)}}),
        zlib.compress(orjson.dumps({"v": "\x01" * 600_000, "rows": []})),
    ],
    ids=["control", "quotes", "latin", "mixed", "fields", "version"],
)
def test_ten_letters_fit_one_call(data: bytes) -> None:
    made = letter(data)
    assert 10 * size(made) <= OLD_LIMIT
    told = made["stream_record"]
    assert told["bytes"] == len(data)
    assert told["sha256"] == sha256(data).hexdigest()
    assert (told["shard_id"], told["sequence_number"]) == (SHARD, "7")
    assert data.startswith(told["data"].encode("latin-1"))
    assert told["data"]
    assert made["problems"]


def test_the_largest_letter_fits_too() -> None:
    problems = tuple(Problem("field_out_of_range", "\x01" * 9_999, "x" * 40) for _ in range(30))
    record = ReadRecord(SHARD, 10**56, WORST_KEY, b"\x01" * 1_000_000)
    assert 10 * size(letter_of_unreadable(record, Unreadable(problems))) <= OLD_LIMIT


def test_a_short_record_is_shown_whole() -> None:
    told = letter(b"no json: \x07\xe4")["stream_record"]
    assert told["data"].encode("latin-1") == b"no json: \x07\xe4"


@given(st.binary(max_size=300), st.integers(0, 400))
@example(b"\x01" * 100, 599)
@example(b"\x01" * 100, 600)
def test_a_beginning_is_as_long_as_fits(data: bytes, most: int) -> None:
    text = data.decode("latin-1")
    shown = beginning(text, most)
    assert text.startswith(shown)
    assert size(shown) - 2 <= most
    assert shown == text or size(text[: len(shown) + 1]) - 2 > most


def test_a_batch_with_such_records_is_decided_at_once(model: LearnedModel) -> None:
    world = World()
    junk = [ShardRecord(b"\x01" * 100_000, "k", n, ARRIVED_S) for n in range(10)]
    outcomes = world.environment(model).process(SHARD, [*junk, *packed([transaction(1)], 50)])
    assert len(outcomes) == 1
    assert sum(size(message) for message in world.letters.messages) <= OLD_LIMIT
    assert [m["stream_record"]["sequence_number"] for m in world.letters.messages] == [
        str(n) for n in range(10)
    ]
    world.close()


@pytest.fixture
def queue(twin_url: str) -> Iterator[tuple[AwsSession, str, Any]]:
    """A queue as it was made before the limit was raised."""
    session = AwsSession("us-east-1", twin_url)
    client, name = session.client("sqs"), f"letters-{uuid4().hex[:8]}"
    attributes = {"MaximumMessageSize": str(OLD_LIMIT)}
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    yield (
        session,
        name,
        lambda: client.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"]["ApproximateNumberOfMessages"],
    )
    client.delete_queue(QueueUrl=url)


def test_the_queue_takes_them(queue: tuple[AwsSession, str, Any]) -> None:
    session, name, held = queue
    letters = SqsLetters(session, name, Patience(10.0))
    letters.send([letter(b"\x01" * 100_000) for _ in range(25)])
    assert held() == "25"


def test_what_is_too_much_for_one_call_goes_in_several(
    queue: tuple[AwsSession, str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, name, held = queue
    letters = SqsLetters(session, name, Patience(10.0))
    calls: list[int] = []
    send = letters._send

    def counted(entries: list[dict[str, str]]) -> None:
        calls.append(len(entries))
        send(entries)

    monkeypatch.setattr(letters, "_send", counted)
    letters.send([{"text": "x" * 200_000}, *[{"text": "x" * 50_000}] * 12, {"text": ""}])
    letters.send([])
    assert held() == "14"
    assert calls == [2, 5, 5, 2]
    assert DATA_BYTES < OLD_LIMIT
