"""Frames are those that botocore reads, and damage is seen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.bedrock.event_stream import event, message

NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=40)
HEADERS = st.dictionaries(NAMES, st.text(max_size=60), max_size=5)


@settings(deadline=None)
@given(st.lists(st.tuples(HEADERS, st.binary(max_size=300)), max_size=5), st.integers(1, 50))
def test_messages_are_read_as_written_however_they_are_cut(
    written: list[tuple[dict[str, str], bytes]], step: int
) -> None:
    data = b"".join(message(headers, payload) for headers, payload in written)
    buffer = EventStreamBuffer()
    found: list[Any] = []
    for at in range(0, len(data), step):
        buffer.add_data(data[at : at + step])
        found += [(each.headers, each.payload) for each in buffer]

    assert found == written


@settings(deadline=None)
@given(st.integers(0, 7))
def test_a_flipped_bit_is_seen(bit: int) -> None:
    data = bytearray(event("messageStop", {"stopReason": "end_turn"}))
    data[len(data) // 2] ^= 1 << bit
    buffer = EventStreamBuffer()
    buffer.add_data(bytes(data))

    with pytest.raises(ChecksumMismatch):
        next(buffer)


def test_an_event_names_its_kind_and_holds_json() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(event("contentBlockDelta", {"delta": {"text": "é"}}))
    found: Any = next(buffer)

    assert found.headers == {
        ":event-type": "contentBlockDelta",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    assert json.loads(found.payload) == {"delta": {"text": "é"}}
