from __future__ import annotations

import time
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fraud_platform.documents import document, transaction

from fraud_platform.stream.envelope import (
    LANES,
    Arrival,
    Invalid,
    RecordReader,
    Unreadable,
    content_digest,
    explicit_hash_key,
    lane_of,
    pack,
)
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import Validator


@pytest.fixture
def reader() -> RecordReader:
    return RecordReader(Validator(current_currencies()))


text = st.text(max_size=20)
transactions = st.builds(
    Transaction,
    transaction_id=text, digest=st.binary(min_size=16, max_size=16), type=st.integers(0, 3),
    amount=st.integers(1, 10**8), currency=text, user=text, card=text, device=text | st.none(),
    merchant=text | st.none(), payee=text | st.none(), category=text | st.none(),
    channel=st.integers(0, 4), country=text, latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180), billing_country=text, ip=text | st.none(),
    event_s=st.floats(0, 2e9), account_age_days=st.integers(-1, 1000),
    card_age_days=st.integers(-1, 1000), device_age_days=st.integers(-1, 1000),
    cvv=st.integers(0, 2), avs=st.integers(0, 2), authentication=st.integers(0, 2),
    original=text | st.none(),
)  # fmt: skip


@given(st.lists(st.tuples(transactions, st.floats(0, 2e9)), max_size=20))
def test_a_pack_is_read_as_it_was_written(rows: list[tuple[Transaction, float]]) -> None:
    arrivals = [Arrival(t, at_s) for t, at_s in rows]
    reader = RecordReader(Validator(current_currencies()))
    assert reader.read(pack(arrivals), 0.0) == arrivals


def test_a_pack_takes_a_fraction_of_the_json() -> None:
    packed = pack([Arrival(transaction(n), 1.0) for n in range(50)])
    assert len(packed) < 0.3 * sum(len(orjson.dumps(document(n))) for n in range(50))


def rows(*changes: tuple[int, object]) -> bytes:
    row: list[object] = [*transaction(1), 1.0]
    row[1] = transaction(1).digest.hex()
    for place, value in changes:
        row[place] = value
    return zlib.compress(orjson.dumps({"v": 1, "rows": [row]}))


@pytest.mark.parametrize(
    "data",
    [
        b"x", b"x\x9cnot compressed", rows((3, "a text")), rows((1, "no hexadecimal")),
        rows((25, None)), zlib.compress(b'{"v":2,"rows":[]}'), zlib.compress(b'{"v":1}'),
        zlib.compress(b'{"v":1,"rows":[[1,2]]}'), zlib.compress(b"[]"),
        zlib.compress(b'{"v":1,"rows":5}'), zlib.compress(b" " * 5_000_000),
        b"not json", b"\xff\xfe", b"[]", b"5", b"{}", b'{"transaction_id":7}', b"[" * 100_000,
        b'{"transaction_id":"' + b"a" * 129 + b'"}', b'{"transaction_id":""}',
    ],
)  # fmt: skip
def test_what_is_no_transaction_is_unreadable(reader: RecordReader, data: bytes) -> None:
    read = reader.read(data, time.time())
    assert isinstance(read, Unreadable)
    assert read.problems[0].message


def test_a_single_transaction_is_read_like_the_gateway_reads_it(reader: RecordReader) -> None:
    now_s = time.time()
    made = document(5)
    read = reader.read(orjson.dumps(made, option=orjson.OPT_INDENT_2), now_s)
    assert isinstance(read, list)
    assert read[0].arrived_s == now_s
    assert read[0].transaction.digest == content_digest(dict(reversed(made.items())))
    assert read[0].transaction == transaction(5)._replace(digest=content_digest(made))


def test_an_invalid_transaction_keeps_its_id(reader: RecordReader) -> None:
    read = reader.read(orjson.dumps(document(5, amount=-3, country="Germany")), time.time())
    assert isinstance(read, Invalid)
    assert (read.transaction_id, read.amount) == ("testrun1-000000000005", -3)
    assert {problem.code for problem in read.problems} == {
        "amount_not_positive", "field_too_long",
    }  # fmt: skip


def test_lanes_are_fixed_and_spread_evenly_over_shards() -> None:
    assert [lane_of(user) for user in ("u-1", "u-2", "ä", "")] == [12, 6, 3, 0]
    assert {lane_of(f"u-{n}") for n in range(500)} == set(range(LANES))
    for shards in (1, 2, 4, 8, 16):
        width = (1 << 128) // shards
        lanes = [int(explicit_hash_key(lane)) // width for lane in range(LANES)]
        assert [lanes.count(shard) for shard in range(shards)] == [LANES // shards] * shards
