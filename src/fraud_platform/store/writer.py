"""Appending decisions in groups.

Rows go in by multi-row statements, so that SQLite works on many rows in one call and the
interpreter is free for other threads meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from fraud_platform.errors import StoreError
from fraud_platform.store.records import Record
from fraud_platform.store.schema import COLUMNS, VERSION

_CHUNKS = (128, 16, 1)
"""Rows per statement; few sizes, so that SQLite prepares each once."""


def _insertion(rows: int) -> str:
    row = f"({','.join('?' * COLUMNS)})"
    names = ",".join(Record._fields)
    return f"INSERT INTO decisions ({names}) VALUES {','.join([row] * rows)}"


class DecisionWriter:
    """The only writer of the decision store; one thread at a time may use it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._insertions = {rows: _insertion(rows) for rows in _CHUNKS}

    def append(self, records: Sequence[Record]) -> None:
        """Append in one transaction; raises ``StoreError`` with nothing appended."""
        execute = self._connection.execute
        with self._transaction():
            start = 0
            for size in _CHUNKS:
                statement = self._insertions[size]
                while len(records) - start >= size:
                    part = records[start : start + size]
                    execute(statement, tuple(chain.from_iterable(part)))
                    start += size

    def probe(self) -> None:
        """Commit a page that says nothing new; raises ``StoreError`` where that fails.

        What is rolled back stays in memory, and would succeed on a full disk: only a commit writes
        to the log.
        """
        with self._transaction():
            self._connection.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            yield
            execute("COMMIT")
        except sqlite3.Error as error:
            try:
                if self._connection.in_transaction:
                    execute("ROLLBACK")
            except sqlite3.Error:
                pass  # the first error says what is wrong
            raise StoreError(f"the decision store cannot be written: {error}") from error

    def close(self) -> None:
        """Fold the log into the file and close."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
        except sqlite3.Error as error:
            raise StoreError(f"the decision store cannot be closed: {error}") from error
