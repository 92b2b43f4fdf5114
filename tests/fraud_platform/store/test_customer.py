"""What the decision log says of a customer."""

from __future__ import annotations

from pathlib import Path

import orjson

from fraud_platform.store.reader import DecisionReader
from fraud_platform.store.records import Record
from fraud_platform.store.schema import open_for_reading, open_for_writing
from fraud_platform.store.writer import DecisionWriter


def record(number: int, user: str, decision: str) -> Record:
    return Record(
        id=f"run00001-{number:012d}", run="run00001", digest=bytes(16), type=0, decision=decision,
        amount=100 + number, currency="EUR", user=user, original=None, answer=b"{}", votes=b"",
        explanation=None, event_s=1.5,
    )  # fmt: skip


def test_counts_and_the_newest_decisions(tmp_path: Path) -> None:
    writer = DecisionWriter(open_for_writing(tmp_path))
    words = ("APPROVE", "APPROVE", "REVIEW", "APPROVE", "DECLINE")
    writer.append([record(n, "u-1", word) for n, word in enumerate(words)])
    writer.append([record(9, "u-2", "APPROVE")])
    reader = DecisionReader(open_for_reading(tmp_path))
    shown = orjson.loads(reader.customer("u-1") or b"")
    assert shown["decisions"] == {"APPROVE": 3, "REVIEW": 1, "DECLINE": 1}
    assert shown["transactions"] == 5
    assert [one["amount"] for one in shown["recent"]] == [104, 103, 102]
    assert (shown["habits"], shown["known_since_s"]) == (None, None)
    assert reader.customer("u-3") is None


def test_customers_are_found_by_an_index(tmp_path: Path) -> None:
    connection = open_for_writing(tmp_path)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT id FROM decisions WHERE user = 'u' ORDER BY row DESC LIMIT 3"
    ).fetchall()
    assert "decisions_by_user" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
