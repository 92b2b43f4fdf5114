from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson
import pytest

from fraud_platform.errors import StoreError
from fraud_platform.store.reader import DecisionReader
from fraud_platform.store.records import Original, Record, Stored
from fraud_platform.store.schema import DATABASE, open_for_reading, open_for_writing
from fraud_platform.store.writer import DecisionWriter


def record(number: int, run: str = "run00001", original: str | None = None) -> Record:
    return Record(
        id=f"{run}-{number:012d}", run=run, digest=bytes([number % 256]) * 16, type=0,
        decision="APPROVE", amount=100 + number, currency="EUR", user="u-1", original=original,
        answer=b'{"a":%d}' % number, votes=b"v", explanation=None, event_s=1.5,
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 15, 16, 17, 127, 128, 129, 300])
def test_everything_appended_is_there_in_order(tmp_path: Path, count: int) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    writer.append([record(number) for number in range(count)])
    reader = DecisionReader(open_for_reading(tmp_path))
    page = orjson.loads(reader.page("run00001", 0, 20_000))
    assert [item["amount"] for item in page["items"]] == [100 + n for n in range(count)]
    assert page["complete"] is True
    assert page["next_cursor"] is None
    assert reader.count() == count
    assert sum(len(ids) for ids in reader.ids()) == count
    reader.close()
    writer.close()


def test_pages_follow_each_other_and_runs_are_apart(tmp_path: Path) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    for number in range(25):
        writer.append([record(number), record(number, run="other")])
    reader = DecisionReader(open_for_reading(tmp_path))
    seen: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        page = orjson.loads(reader.page("run00001", cursor, 10))
        seen += [item["transaction_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        assert page["complete"] is (cursor is None)
    assert seen == [record(number).id for number in range(25)]
    assert orjson.loads(reader.page("nobody", 0, 10)) == {
        "items": [], "next_cursor": None, "complete": True,
    }  # fmt: skip


def test_a_double_decision_shows_twice(tmp_path: Path) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    writer.append([record(1)])
    writer.append([record(1)])
    reader = DecisionReader(open_for_reading(tmp_path))
    page = orjson.loads(reader.page("run00001", 0, 10))
    assert [item["transaction_id"] for item in page["items"]] == [record(1).id] * 2


def test_ids_with_quotes_come_back(tmp_path: Path) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    odd = record(1)._replace(id='odd"-\\ü')
    writer.append([odd])
    reader = DecisionReader(open_for_reading(tmp_path))
    assert orjson.loads(reader.page("run00001", 0, 10))["items"][0]["transaction_id"] == odd.id


def test_look_ups(tmp_path: Path) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    purchase, refund = record(1), record(2, original=record(1).id)
    writer.append([purchase, refund])
    reader = DecisionReader(open_for_reading(tmp_path))
    assert reader.stored(purchase.id) == Stored(purchase.digest, purchase.answer)
    assert reader.stored("none") is None
    assert reader.original(purchase.id) == Original(0, "u-1", 101, "EUR")
    assert reader.refunds(purchase.id) == {refund.id: 102}
    assert reader.refunds(refund.id) == {}
    assert reader.detail(purchase.id) == (purchase.answer, b"v", None)
    assert reader.detail("none") is None


def test_a_failed_append_leaves_nothing(tmp_path: Path) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    broken = record(2)._replace(decision=None)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="cannot be written"):
        writer.append([record(1), broken])
    writer.append([record(3)])
    assert DecisionReader(open_for_reading(tmp_path)).count() == 1


def test_a_probe_goes_to_the_log_and_says_nothing(tmp_path: Path) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    writer.append([record(1)])
    log = tmp_path / f"{DATABASE}-wal"
    before = log.stat().st_size
    writer.probe()
    assert log.stat().st_size > before
    assert DecisionReader(open_for_reading(tmp_path)).count() == 1
    writer.close()
    open_for_writing(tmp_path).close()
    with pytest.raises(StoreError, match="cannot be written"):
        writer.probe()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        open_for_reading(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match="choose another --data-dir"):
        open_for_writing(tmp_path)
    (tmp_path / DATABASE).unlink()
    other = sqlite3.connect(tmp_path / DATABASE)
    other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(StoreError, match="another version of the platform"):
        open_for_writing(tmp_path)


def test_whole_decisions_are_listed_with_reasons_in_words(tmp_path: Path) -> None:
    """What was clear has no explanation on record, and is told nevertheless."""
    answer = (
        b'{"transaction_id":"run00001-%012d","decision":"APPROVE","risk_score":0.0312,'
        b'"confidence":0.97,"reason_codes":["%s"]}'
    )
    rows = [
        record(1)._replace(answer=answer % (1, b"R00")),
        record(2)._replace(answer=answer % (2, b"R05")),
        record(3)._replace(answer=answer % (3, b"R05"), explanation="Approved, and why."),
    ]
    writer = DecisionWriter(open_for_writing(tmp_path))
    writer.append([*rows, record(4, run="other")])
    reader = DecisionReader(open_for_reading(tmp_path))
    first = orjson.loads(reader.explained_page("run00001", 0, 2))
    rest = orjson.loads(reader.explained_page("run00001", first["next_cursor"], 2))
    assert (first["complete"], rest["complete"], rest["next_cursor"]) == (False, True, None)
    told = [item["explanation"] for item in (*first["items"], *rest["items"])]
    assert told == [
        "Approved at a risk of 0.03. The agents agreed.",
        "Approved at a risk of 0.03. Noted: new device. The agents agreed.",
        "Approved, and why.",
    ]
    item = first["items"][1]
    assert (item["amount"], item["confidence"]) == (102, 0.97)
    assert item["reasons"] == {"R05": "new device"}
    reader.close()
    writer.close()
