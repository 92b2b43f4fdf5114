"""The decision store's tables and how a connection to it is set up.

One SQLite file in write-ahead mode. ``decisions`` is an append-only log: ``row`` gives the order,
nothing is unique but ``row``, so that a transaction decided twice would show as two rows.

Durability: with ``synchronous=NORMAL`` a committed decision survives the death of every process
of the platform (the operating system holds the pages); with ``FULL`` it survives the loss of power
as well, at the price of one fsync per group commit.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from fraud_platform.errors import StoreError

DATABASE = "decisions.sqlite3"
"""File name in the data directory."""
VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  run TEXT NOT NULL,
  digest BLOB NOT NULL,
  type INTEGER NOT NULL,
  decision TEXT NOT NULL,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  user TEXT NOT NULL,
  original TEXT,
  answer BLOB NOT NULL,
  votes BLOB NOT NULL,
  explanation TEXT,
  event_s REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS decisions_by_id ON decisions (id);
CREATE INDEX IF NOT EXISTS decisions_by_run ON decisions (run, row);
CREATE INDEX IF NOT EXISTS decisions_by_user ON decisions (user);
CREATE INDEX IF NOT EXISTS refunds_by_original ON decisions (original)
  WHERE original IS NOT NULL;
"""
COLUMNS = 13
"""Columns written for one decision; ``row`` gives itself."""


def open_for_writing(data_dir: Path, *, power_safe: bool = False) -> sqlite3.Connection:
    """The one writing connection, with the tables made; transactions are begun by hand.

    Raises ``StoreError`` where the file cannot be made, is not a database, or is of another
    version of the platform.
    """
    path = data_dir / DATABASE
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if power_safe else 'NORMAL'}")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA busy_timeout=5000")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            connection.close()
            raise StoreError(
                f"{path}: made by another version of the platform (format {version}, this is"
                f" {VERSION}); choose another --data-dir"
            )
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version={VERSION}")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}; choose another --data-dir or free the disk") from error
    return connection


def open_for_reading(data_dir: Path) -> sqlite3.Connection:
    """A connection that can only read; raises ``StoreError``."""
    path = data_dir / DATABASE
    try:
        connection = sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=1")
        connection.execute("PRAGMA cache_size=-16384")
        connection.execute("PRAGMA mmap_size=268435456")
        connection.execute("SELECT 1 FROM decisions LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    return connection
