from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.services.dynamodb.keys import KeyAttribute, KeySchema, hash_prefix, successor

schema = KeySchema(KeyAttribute("h", "S"), KeyAttribute("r", "B"))
parts = st.binary(min_size=1, max_size=6) | st.lists(
    st.sampled_from((b"\x00", b"\x01", b"\xff")), min_size=1, max_size=4
).map(b"".join)


def key(hash_: str, range_: bytes) -> bytes:
    return schema.of_item({"h": {"S": hash_}, "r": {"B": base64.b64encode(range_).decode()}})


@given(st.text(min_size=1, max_size=4), parts, parts)
def test_keys_of_one_partition_are_ordered_by_their_sort_keys(
    hash_: str, one: bytes, two: bytes
) -> None:
    assert (key(hash_, one) < key(hash_, two)) == (one < two)
    assert (key(hash_, one) == key(hash_, two)) == (one == two)


@given(st.text(min_size=1, max_size=4), st.text(min_size=1, max_size=4), parts)
def test_a_partition_is_a_range_of_keys_of_its_own(mine: str, other: str, range_: bytes) -> None:
    prefix = hash_prefix(mine.encode())
    end = successor(prefix)
    within = key(other, range_) >= prefix and (end is None or key(other, range_) < end)
    assert within == (mine == other)


@given(st.binary(max_size=4), st.binary(max_size=4))
def test_the_successor_is_above_all_that_begin_alike(prefix: bytes, rest: bytes) -> None:
    above = successor(prefix)
    if above is not None:
        assert prefix + rest < above
        assert not above.startswith(prefix)
    else:
        assert prefix.strip(b"\xff") == b""
