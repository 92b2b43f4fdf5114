"""Reading decisions: by id, by run, and what a restart needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import orjson

from fraud_platform.agents.coordinator import WORDS
from fraud_platform.agents.explained import explained
from fraud_platform.errors import StoreError
from fraud_platform.store.records import Original, Stored

PAGE_LIMIT = 20_000
"""Most rows in one page of the decision log."""

_DETAIL = "SELECT answer, votes, explanation, row FROM decisions WHERE id = ? ORDER BY row LIMIT 1"
# SQLite writes the JSON itself: one call per page, with the interpreter free meanwhile.
_PAGE = """
SELECT group_concat(
         '{"transaction_id":' || json_quote(id) || ',"decision":"' || decision
         || '","amount":' || amount || '}'),
       count(*), max(row)
FROM (SELECT row, id, decision, amount FROM decisions
      WHERE run = ? AND row > ? ORDER BY row LIMIT ?)
"""


_EXPLAINED = """
SELECT row, answer, amount, explanation FROM decisions
WHERE run = ? AND row > ? ORDER BY row LIMIT ?
"""
_CUSTOMER = "SELECT decision, count(*) FROM decisions WHERE user = ? GROUP BY decision"
_CUSTOMER_RECENT = """
SELECT id, decision, amount, currency FROM decisions WHERE user = ? ORDER BY row DESC LIMIT 3
"""


class DecisionReader:
    """Read access for one thread at a time. Every method raises ``StoreError``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def stored(self, transaction_id: str) -> Stored | None:
        """Digest and answer of the first decision on this id."""
        row = self._one("SELECT digest, answer FROM decisions WHERE id = ? ORDER BY row LIMIT 1",
                        transaction_id)  # fmt: skip
        return None if row is None else Stored(*row)

    def original(self, transaction_id: str) -> Original | None:
        """What a refund of this id is checked against."""
        row = self._one(
            "SELECT type, user, amount, currency FROM decisions WHERE id = ? ORDER BY row LIMIT 1",
            transaction_id,
        )
        return None if row is None else Original(*row)

    def refunds(self, original: str) -> dict[str, int]:
        """Amounts of the decided refunds of a purchase, by their ids."""
        try:
            rows = self._connection.execute(
                "SELECT id, amount FROM decisions WHERE original = ?", (original,)
            )
            return dict(rows.fetchall())
        except sqlite3.Error as error:
            raise _unreadable(error) from error

    def detail(self, transaction_id: str) -> tuple[bytes, bytes, str | None] | None:
        """Answer, votes and explanation of a decision."""
        row = self._one(_DETAIL, transaction_id)
        return None if row is None else (row[0], row[1], row[2])

    def page(self, run: str, cursor: int, limit: int) -> bytes:
        """One page of a run's decision log, as the JSON answer.

        ``cursor`` is the last row already read (0 at first). Nothing is left out or merged: a
        transaction decided twice stands there twice.
        """
        row = self._one(_PAGE, run, cursor, limit)
        assert row is not None, "an aggregate always has a row"
        items, count, last = row
        complete = count < limit
        following = "null" if complete else str(last)
        return (
            f'{{"items":[{items or ""}],"next_cursor":{following},'
            f'"complete":{"true" if complete else "false"}}}'
        ).encode()

    def explained_page(self, run: str, cursor: int, limit: int) -> bytes:
        """The same page with whole decisions and their explanations."""
        try:
            rows = self._connection.execute(_EXPLAINED, (run, cursor, limit)).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        items = [{**explained(answer, told), "amount": amount} for _, answer, amount, told in rows]
        complete = len(rows) < limit
        following = None if complete else rows[-1][0]
        return orjson.dumps({"items": items, "next_cursor": following, "complete": complete})

    def customer(self, user: str) -> bytes | None:
        """What the log says of a customer, as the JSON answer; None where it says nothing."""
        try:
            counted = dict(self._connection.execute(_CUSTOMER, (user,)).fetchall())
            recent = self._connection.execute(_CUSTOMER_RECENT, (user,)).fetchall()
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        if not counted:
            return None
        decisions = {word: counted.get(word, 0) for word in WORDS}
        names = ("transaction_id", "decision", "amount", "currency")
        return orjson.dumps(
            {
                "user_id": user,
                "known_since_s": None,
                "transactions": sum(decisions.values()),
                "decisions": decisions,
                "recent": [dict(zip(names, row, strict=True)) for row in recent],
                "habits": None,
            }
        )

    def ids(self) -> Iterator[list[str]]:
        """Every id in the log, in groups."""
        try:
            cursor = self._connection.execute("SELECT id FROM decisions")
            while rows := cursor.fetchmany(10_000):
                yield [row[0] for row in rows]
        except sqlite3.Error as error:
            raise _unreadable(error) from error

    def count(self) -> int:
        """Decisions in the log (its highest row: rows are never removed)."""
        row = self._one("SELECT coalesce(max(row), 0) FROM decisions")
        assert row is not None, "an aggregate always has a row"
        return int(row[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _one(self, statement: str, *parameters: str | int) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection.execute(statement, parameters).fetchone()
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        return row


def _unreadable(error: sqlite3.Error) -> StoreError:
    return StoreError(f"the decision store cannot be read: {error}")
