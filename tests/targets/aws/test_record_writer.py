"""Records hold the transactions, byte for byte as JSON, under keys that Kinesis takes."""

from __future__ import annotations

import base64

import numpy as np
import orjson
import pytest

from squall.load_generator.transactions import FactorySpec
from squall.models import FIELDS, Column, Mix, TransactionBatch
from squall.targets.aws.record_writer import PARTITION_KEY_MAX, RecordWriter
from squall.targets.template import JsonBody, TemplateWriter


def batch_of(rows: int, edge_cases: float = 0.3) -> TransactionBatch:
    spec = FactorySpec(seed=3, mix=Mix(0.1, edge_cases), planned=100_000, epoch_s=1.79e9)
    return spec.build("abcdefgh").batch(np.arange(rows))


def bodies_of(batch: TransactionBatch) -> list[bytes]:
    template = TemplateWriter([], JsonBody({field: f"${{{field}}}" for field in FIELDS}))
    return [bytes(request).partition(b"\r\n\r\n")[2] for request in template.write(batch)]


def test_every_record_is_its_transaction() -> None:
    batch = batch_of(600)
    assert batch.overrides
    keys = batch.columns["user_id"].json
    entries = RecordWriter(FIELDS, "user_id").write(batch)
    for row, (entry, body) in enumerate(zip(entries, bodies_of(batch), strict=True)):
        record = orjson.loads(bytes(entry))
        assert set(record) == {"Data", "PartitionKey"}
        data = base64.b64decode(record["Data"], validate=True)
        assert data.rstrip(b" ") == body.rstrip(b" ")
        assert record["PartitionKey"] == orjson.loads(keys[row].tobytes())


def test_records_are_constant_where_transactions_are() -> None:
    batch = batch_of(100, edge_cases=0.0)
    lengths = {len(entry) for entry in RecordWriter(FIELDS, "user_id").write(batch)}
    assert len(lengths) == 1


def column(*texts: bytes) -> Column:
    width = max(map(len, texts))
    rows = b"".join(text.ljust(width) for text in texts)
    return Column(np.frombuffer(rows, np.uint8).reshape(len(texts), width))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b'"short"', "short"),
        (b'"\\u00e9\\n"', "é\n"),
        (b"12", "12"),
        (b"null", "abcdefgh-000000000000"),
        (b'""', "abcdefgh-000000000000"),
        (orjson.dumps("é" * 300), "é" * PARTITION_KEY_MAX),
    ],
)
def test_any_field_makes_a_key_that_kinesis_takes(text: bytes, key: str) -> None:
    made = batch_of(1, edge_cases=0.0)
    batch = TransactionBatch(
        made.index,
        made.wire_index,
        {**made.columns, "city": column(text)},
        made.label,
        made.typology,
        made.edge_case,
        made.expected,
        made.amount_minor,
        made.value_usd,
    )
    (entry,) = RecordWriter(("transaction_id",), "city").write(batch)
    assert orjson.loads(bytes(entry))["PartitionKey"] == key


def test_the_fields_that_are_needed_are_said() -> None:
    assert RecordWriter(("amount",), "card_id").fields == {"amount", "card_id", "transaction_id"}
