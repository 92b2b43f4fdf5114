"""The Kinesis event, byte for byte what AWS documents, and the reading of answers."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cloud_twin.lambda_.fakes import ROLE, STREAM

from cloud_twin.ports import StreamRecord
from cloud_twin.services.lambda_.mappings.event import (
    ENVELOPE_BYTES,
    RecordTexts,
    first_failure,
    kinesis_event,
)
from cloud_twin.services.lambda_.mappings.planner import Item

TEXTS = RecordTexts(STREAM, "us-east-1", "shardId-000000000006", ROLE)


def test_the_event_has_the_documented_shape() -> None:
    record = StreamRecord("4959", "1", "SGVsbG8=", 1545084650.987)
    assert json.loads(kinesis_event(TEXTS.items([record], 0))) == {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "1",
                    "sequenceNumber": "4959",
                    "data": "SGVsbG8=",
                    "approximateArrivalTimestamp": 1545084650.987,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": "shardId-000000000006:4959",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": ROLE,
                "awsRegion": "us-east-1",
                "eventSourceARN": STREAM,
            }
        ]
    }


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=40)), max_size=10))
def test_every_key_and_every_byte_survives(rows: list[tuple[str, bytes]]) -> None:
    rows = [(key.encode("utf-8", "ignore").decode() or "k", data) for key, data in rows]
    records = [
        StreamRecord(str(n), key, base64.b64encode(data).decode(), 1.0)
        for n, (key, data) in enumerate(rows)
    ]
    event = json.loads(kinesis_event(TEXTS.items(records, 0)))
    found = [
        (r["kinesis"]["partitionKey"], base64.b64decode(r["kinesis"]["data"]))
        for r in event["Records"]
    ]
    assert found == rows


def test_the_size_of_an_event_is_known_from_its_parts() -> None:
    records = [StreamRecord(str(n), "key", "AAAA", 1.0) for n in range(5)]
    parts = TEXTS.items(records, 0)
    assert len(kinesis_event(parts)) == ENVELOPE_BYTES + sum(len(i.text) + 1 for i in parts) - 1


ITEMS = [Item(n, str(100 + n), 0.0, "") for n in range(5)]


@pytest.mark.parametrize(
    ("payload", "first"),
    [
        (b"null", None),
        (b"{}", None),
        (b'{"other": 1}', None),
        (b'{"batchItemFailures": null}', None),
        (b'{"batchItemFailures": []}', None),
        (b'{"batchItemFailures": [{"itemIdentifier": "103"}]}', 3),
        (b'{"batchItemFailures": [{"itemIdentifier": "104"}, {"itemIdentifier": "101"}]}', 1),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', 0),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', 0),
        (b'{"batchItemFailures": [{"itemIdentifier": "999"}]}', 0),
        (b'{"batchItemFailures": [{"wrong": "103"}]}', 0),
        (b'{"batchItemFailures": ["103"]}', 0),
        (b'{"batchItemFailures": "103"}', 0),
        (b"not json", 0),
        (b'"text"', 0),
    ],
)
def test_what_an_answer_says_of_failures(payload: bytes, first: int | None) -> None:
    assert first_failure(payload, ITEMS) == first
