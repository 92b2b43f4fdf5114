"""The database behind the store: its address, its connections, and its troubles in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from squall.errors import StoreError

STORE_VARIABLE = "SQUALL_STORE"
"""Environment variable with the URL of the store."""


def default_url(environ: Mapping[str, str], home: Path) -> str:
    """The store to use when none is given: ``$SQUALL_STORE``, else a file in the user's data."""
    given = environ.get(STORE_VARIABLE)
    if given:
        return given
    data = environ.get("XDG_DATA_HOME")
    base = Path(data) if data and Path(data).is_absolute() else home / ".local" / "share"
    return f"sqlite:///{base / 'squall' / 'results.db'}"


def make_engine(url: str, lock_timeout_s: float) -> Engine:
    """An engine for ``url``: a path, ``sqlite:///PATH`` or ``postgresql://…``.

    Raises ``StoreError`` for any other address, a missing driver or a directory that cannot be
    made.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        _make_directory(address)
        engine = create_engine(
            address, poolclass=NullPool, connect_args={"timeout": lock_timeout_s}
        )
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine
    try:
        return create_engine(
            address,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": max(2, round(lock_timeout_s)),
                "options": f"-c lock_timeout={round(lock_timeout_s * 1000)}",
            },
        )
    except ImportError:
        raise StoreError(
            "PostgreSQL needs its driver: install it with `pip install 'squall[postgres]'`"
        ) from None


def display_name(url: str) -> str:
    """The store as messages name it: a path, or the URL without its password."""
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        return address.database or "memory"
    return address.set(drivername="postgresql").render_as_string(hide_password=True)


def describe_error(error: SQLAlchemyError, store: str) -> str:
    """One sentence on what is wrong and what to do."""
    cause = str(getattr(error, "orig", None) or error).strip()
    text = cause.splitlines()[0] if cause else type(error).__name__
    for sign, meaning in _MEANINGS:
        if sign in cause.lower():
            return f"the results store {store} {meaning} ({text})"
    return f"the results store {store} cannot be used: {text}"


_MEANINGS = (
    (
        "is locked",
        "is locked by another program; wait for it, or give another store with --store",
    ),
    ("is full", "has no room left: free space on its disk, or give another store with --store"),
    ("no space left", "has no room left: free space on its disk"),
    ("readonly", "is read-only: make it writable, or give another store with --store"),
    ("read-only", "is read-only: make it writable, or give another store with --store"),
    (
        "unable to open",
        "cannot be opened: check that its directory exists and is yours to write, or give another "
        "store with --store",
    ),
    (
        "not a database",
        "is damaged or not a squall database: move it away, or give another store with --store",
    ),
    ("malformed", "is damaged: move it away, or give another store with --store"),
    ("lock timeout", "is locked by another program; wait for it"),
    ("connection refused", "does not answer: start the database, or check the address"),
    ("no such file", "does not answer: start the database, or check the address"),
    ("could not translate", "has an unknown host name: check the address"),
    ("authentication failed", "refused the user name or password"),
    ("does not exist", "does not exist on that server: create it, or check its name"),
)


def _address(url: str) -> URL:
    if "://" not in url and url:
        return URL.create("sqlite", database=url)
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(_unusable(url)) from None
    if address.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return address.set(drivername="postgresql+psycopg")
    if address.drivername == "sqlite":
        return address
    raise StoreError(_unusable(address.render_as_string(hide_password=True)))


def _unusable(url: str) -> str:
    return (
        f"{url or 'an empty text'} is no results store: write a file's path, sqlite:///PATH or "
        "postgresql://user@host/database (--store or SQUALL_STORE)"
    )


def _make_directory(address: URL) -> None:
    if not address.database or address.database == ":memory:":
        raise StoreError(_unusable("sqlite without a file"))
    directory = Path(address.database).parent
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the directory {directory} of the results store cannot be made: {error.strerror}; "
            "give another store with --store or SQUALL_STORE"
        ) from None


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions: we do
    connection.execute("PRAGMA foreign_keys = ON")


def _on_sqlite_begin(connection: Connection) -> None:
    """Take the write lock at once where the transaction will write.

    A read that later turns into a write cannot wait for another writer; this can.
    """
    write = connection.get_execution_options().get("squall_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
