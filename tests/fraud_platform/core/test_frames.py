from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.core.frames import FrameReader, frame
from fraud_platform.errors import LinkError

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(), _PLAIN), max_size=4), st.integers(1, 50))
def test_messages_survive_any_cutting(messages: list[tuple[object, ...]], size: int) -> None:
    stream = b"".join(frame(message) for message in messages)
    reader = FrameReader()
    got: list[tuple[object, ...]] = []
    for start in range(0, len(stream), size):
        got += reader.feed(stream[start : start + size])
    assert got == messages


def test_nonsense_is_refused() -> None:
    with pytest.raises(LinkError, match="at most"):
        FrameReader().feed(struct.pack("<I", 2**31) + b"x")
