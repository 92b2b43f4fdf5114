"""Columns are JSON of one width that reads back as the values."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.load_generator.transactions import FIELDS, FactorySpec
from squall.load_generator.transactions.fields import amount_renderer
from squall.load_generator.transactions.rows import blank_rows
from squall.models import Label, TransactionBatch, index_of

EPOCH_S = 1_795_000_000.0


@given(st.lists(st.integers(1, 99_999_999), min_size=1, max_size=50))
def test_amounts_read_back(amounts: list[int]) -> None:
    rows = blank_rows(np.arange(len(amounts)))
    rows.amount = np.array(amounts, np.int64)
    written = amount_renderer()(rows).json
    assert [json.loads(text.tobytes()) for text in written] == amounts


@pytest.fixture(scope="module")
def batch() -> TransactionBatch:
    spec = FactorySpec(seed=5, planned=20_000, epoch_s=EPOCH_S, reference_lag=500)
    return spec.build("k3v9x2ab").batch(np.arange(20_000))


def test_all_fields_in_order(batch: TransactionBatch) -> None:
    assert tuple(batch.columns) == FIELDS


def test_every_value_is_json_of_its_type(batch: TransactionBatch) -> None:
    strings = dict.fromkeys(FIELDS, str)
    numbers = {"amount", "account_age_days", "card_age_days", "device_age_days"}
    reals = {"latitude", "longitude"}
    nullable = {
        "device_id", "merchant_id", "payee_id", "merchant_category", "ip", "device_age_days",
        "original_transaction_id",
    }  # fmt: skip
    for name in strings:
        column = batch.columns[name]
        values = [json.loads(text.tobytes()) for text in column.json]
        kind = int if name in numbers else float if name in reals else str
        kinds = {type(v) for v in values}
        assert kinds <= ({kind, type(None)} if name in nullable else {kind}), name
        if column.embeddable:
            assert all(len(json.dumps(v)) == column.width for v in values), name


def test_ids_are_those_of_the_arrivals(batch: TransactionBatch) -> None:
    ids = [json.loads(text.tobytes()) for text in batch.columns["transaction_id"].json]
    assert [index_of(i, "k3v9x2ab") for i in ids] == batch.wire_index.tolist()


def test_ids_beyond_a_hundred_million() -> None:
    spec = FactorySpec(seed=5, planned=1_000, epoch_s=EPOCH_S)
    first = 123_456_789_000
    batch = spec.build("k3v9x2ab", frozenset({"transaction_id"})).batch(
        np.arange(first, first + 50)
    )
    ids = [json.loads(text.tobytes()) for text in batch.columns["transaction_id"].json]
    assert [index_of(i, "k3v9x2ab") for i in ids] == batch.wire_index.tolist()


def test_presence_follows_type_and_channel(batch: TransactionBatch) -> None:
    names = ("type", "channel", "merchant_id", "payee_id", "device_id", "ip", "cvv")
    read = {n: [json.loads(text.tobytes()) for text in batch.columns[n].json] for n in names}
    for row in np.flatnonzero(batch.label != Label.EDGE_CASE):
        v = {name: values[row] for name, values in read.items()}
        remote = v["channel"] in ("online", "transfer")
        assert (v["device_id"] is not None) == (v["ip"] is not None) == remote
        assert (v["payee_id"] is not None) == (v["channel"] == "transfer")
        assert (v["merchant_id"] is None) == (v["channel"] in ("transfer", "atm"))
        assert v["channel"] == "online" or v["cvv"] == "absent"
