"""A user's own file as load."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from squall.errors import ConfigurationError, DataFileError
from squall.load_generator.transactions import FactorySpec, ReplaySpec
from squall.load_generator.transactions.files import write_transactions
from squall.models import Label, TransactionBatch, Typology, index_of

TAG = "test0000"


def sample(size: int = 5) -> pa.Table:
    return pa.table(
        {
            "id": [f"own-{n}" for n in range(size)],
            "amount": [100 * (n + 1) for n in range(size)],
            "currency": ["USD", "EUR", "JPY", "USD", "BHD"][:size],
            "note": ['say "hi"', None, "é", "", "x" * 30][:size],
            "at": [datetime(2026, 1, n + 1, 12, tzinfo=UTC) for n in range(size)],
            "is_fraud": [False, True, False, False, True][:size],
        }
    )


def written(tmp_path: Path, suffix: str, table: pa.Table) -> Path:
    path = tmp_path / f"mine{suffix}"
    if suffix == ".parquet":
        pq.write_table(table, path)
    elif suffix == ".csv":
        pa_csv.write_csv(table, path)
    else:
        lines = [json.dumps(row, default=str) for row in table.to_pylist()]
        path.write_text("\n".join(lines) + "\n")
    return path


def read(batch: TransactionBatch, name: str) -> list[object]:
    return [json.loads(value.tobytes()) for value in batch.columns[name].json]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_every_format_is_sent_as_it_is(tmp_path: Path, suffix: str) -> None:
    spec = ReplaySpec.open(written(tmp_path, suffix, sample()))
    spec = pickle.loads(pickle.dumps(spec))
    assert spec.rows == 5
    assert spec.available_fields == {
        "id", "amount", "currency", "note", "at", "transaction_id", "source_id"
    }  # fmt: skip
    batch = spec.build(TAG).batch(np.arange(5))
    assert read(batch, "amount") == [100, 200, 300, 400, 500]
    assert read(batch, "source_id") == read(batch, "id") == [f"own-{n}" for n in range(5)]
    assert read(batch, "note")[0] == 'say "hi"'
    assert batch.label.tolist() == [0, 1, 0, 0, 1]
    assert batch.amount_minor.tolist() == [100, 200, 300, 400, 500]
    assert batch.value_usd[0] == pytest.approx(1.0)
    assert batch.value_usd[4] == pytest.approx(0.5 / 0.376)
    assert [index_of(str(i), TAG) for i in read(batch, "transaction_id")] == list(range(5))


def test_a_plan_longer_than_the_file_goes_round_it(tmp_path: Path) -> None:
    source = ReplaySpec.open(written(tmp_path, ".parquet", sample())).build(TAG)
    batch = source.batch(np.array([0, 5, 12, 2]))
    assert read(batch, "amount") == [100, 100, 300, 300]
    assert len(set(map(str, read(batch, "transaction_id")))) == 4


def test_fields_can_be_chosen_and_are_checked(tmp_path: Path) -> None:
    spec = ReplaySpec.open(written(tmp_path, ".parquet", sample()))
    batch = spec.build(TAG, frozenset({"amount"})).batch(np.arange(3))
    assert set(batch.columns) == {"amount"}
    with pytest.raises(ConfigurationError, match="nonsense"):
        spec.build(TAG, frozenset({"nonsense"}))


def test_decimal_amounts_are_units_of_money(tmp_path: Path) -> None:
    table = pa.table({"amount": [12.34, 5.0], "currency": ["USD", "JPY"]})
    batch = ReplaySpec.open(written(tmp_path, ".parquet", table)).build(TAG).batch(np.arange(2))
    assert batch.amount_minor.tolist() == [1234, 5]
    assert read(batch, "amount") == [12.34, 5.0]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_a_generated_file_keeps_its_truth(tmp_path: Path, suffix: str) -> None:
    made = FactorySpec(seed=1, planned=2_000, epoch_s=1_795_000_000.0).build("gen00000")
    path = tmp_path / f"made{suffix}"
    write_transactions(made, 2_000, path, labels=True, progress=lambda done: None)
    whole = made.batch(np.arange(2_000))
    again = ReplaySpec.open(path).build(TAG).batch(np.arange(2_000))
    assert np.array_equal(again.label, whole.label)
    assert np.array_equal(again.typology, whole.typology)
    assert np.array_equal(again.edge_case, whole.edge_case)
    plain = whole.label != Label.EDGE_CASE
    assert np.array_equal(again.amount_minor[plain], whole.amount_minor[plain])
    assert (again.expected <= 1).all(), "new ids: nothing is repeated in a replay"
    assert Typology.NONE in again.typology


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "must end in"),
        ("a.parquet", b"not parquet", "a.parquet: "),
        ("a.csv", b"a,b\n1,2\n3\n", "a.csv: .*3"),
        ("a.csv", b"a,b\n", "no transactions"),
        ("a.csv", b"a,a\n1,2\n", "column a: is there twice"),
        ("a.jsonl", b'{"a": 1}\n{"a": }\n', "row 2: is not JSON"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', "row 2: must be a JSON object"),
        ("a.jsonl", b'{"a": 1}\n{"a": "x"}\n', "row 2: column a"),
        ("a.csv", b"label\nfraud\nmaybe\n", "row 2: column label: 'maybe'"),
        ("a.csv", b"is_fraud,typology\n1,bust_out\n0,bust_out\n", "row 2: column typology: 'bust"),
        ("a.csv", b"amount\n1\nten\n", "column amount"),
        (
            "a.csv",
            b"amount,currency\n1,USD\n2,XBT\n3,XBT\n",
            "row 2 and 1 more: column currency: 'XBT' has no exchange rate.*EUR.*column amount",
        ),
        ("a.csv", b"amount,currency\n1,USD\n2,\n", "row 2: column currency: '' has no"),
    ],
)
def test_bad_files_say_where(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        ReplaySpec.open(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"missing\.csv"):
        ReplaySpec.open(tmp_path / "missing.csv")


def test_labels_come_from_whichever_column_has_them(tmp_path: Path) -> None:
    unknown, fraud, legitimate = Label.UNKNOWN, Label.FRAUD, Label.LEGITIMATE
    for content, label, typology in (
        ("id\na\nb\nc\n", [unknown] * 3, [0, 0, 0]),
        ("is_fraud\n1\n0\n1\n", [fraud, legitimate, fraud], [0, 0, 0]),
        ("id,is_fraud\na,1\nb,\nc,0\n", [fraud, unknown, legitimate], [0, 0, 0]),
        (
            "id,label\na,fraud\nb,\nc,unknown\n",
            [fraud, unknown, unknown],
            [0, 0, 0],
        ),
        (
            "id,typology\na,bust_out\nb,none\nc,\n",
            [fraud, legitimate, unknown],
            [Typology.BUST_OUT, 0, 0],
        ),
        (
            "is_fraud,typology\n1,bust_out\n,bust_out\n0,\n",
            [fraud, fraud, legitimate],
            [Typology.BUST_OUT, Typology.BUST_OUT, 0],
        ),
    ):
        path = tmp_path / "mine.csv"
        path.write_text(content)
        batch = ReplaySpec.open(path).build(TAG).batch(np.arange(3))
        assert batch.label.tolist() == label, content
        assert batch.typology.tolist() == typology, content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("amount,is_fraud\n1,0\n2,1\n", ()),
        ("amount\n1\n2\n", ("mine.csv has no labels",)),
        ("amount,is_fraud\n1,\n2,1\n", ("1 of 2 rows of mine.csv have no label",)),
        ("is_fraud\n0\n1\n", ("mine.csv has no column amount",)),
        ("id\na\nb\n", ("mine.csv has no labels", "mine.csv has no column amount")),
    ],
)
def test_what_a_file_does_not_say_is_said(
    tmp_path: Path, content: str, said: tuple[str, ...]
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(content)
    spec = ReplaySpec.open(path)
    assert len(spec.notes) == len(said)
    assert all(note.startswith(start) for note, start in zip(spec.notes, said, strict=True))
    assert spec.amounts_known is ("amount" in content)


def test_an_edge_case_may_have_any_currency(tmp_path: Path) -> None:
    labels = ["edge_case", "", "edge_case"]
    table = pa.table({"amount": [1, 2, 3], "currency": ["XBT", "usd", None], "label": labels})
    batch = ReplaySpec.open(written(tmp_path, ".parquet", table)).build(TAG).batch(np.arange(3))
    assert batch.amount_minor.tolist() == [1, 2, 3]
    assert batch.value_usd[1] == pytest.approx(0.02)
