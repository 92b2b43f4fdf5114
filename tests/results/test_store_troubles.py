"""Everything that can be wrong with a database is one clear message, and the result survives."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from tests.results.example import small_results

from squall.errors import StoreError
from squall.models import TestResults
from squall.results import TestResultsStore, default_url, from_json, rescue

RESULTS = small_results()


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Root may write everywhere; what a user meets must be tried as a user."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared_dir() -> Iterator[Path]:
    """A directory that another user can reach (pytest's own are closed to others)."""
    with tempfile.TemporaryDirectory(prefix="squall-store-") as name:
        os.chmod(name, 0o755)
        yield Path(name)
        os.chmod(name, 0o755)


def _message(error: pytest.ExceptionInfo[StoreError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert "sqlalche.me" not in text
    return text


def test_a_locked_store(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with TestResultsStore(str(path), lock_timeout_s=0.05) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError) as caught:
            store.save(RESULTS)
        assert "is locked by another program" in _message(caught)
        assert str(path) in _message(caught)
        other.execute("ROLLBACK")
        other.close()
        store.save(RESULTS)  # and it works again
        assert store.get(RESULTS.run_id) == RESULTS


def test_a_full_disk(tmp_path: Path, passed: TestResults) -> None:
    """SQLite's own page limit gives the very error of a full disk."""

    def limit_pages(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA max_page_count = 20")

    TestResultsStore(str(tmp_path / "runs.db")).close()
    event.listen(Engine, "connect", limit_pages)
    try:
        with TestResultsStore(str(tmp_path / "runs.db")) as store:
            with pytest.raises(StoreError) as caught:
                store.save(passed)
            assert "has no room left" in _message(caught)
            assert store.list() == ()
    finally:
        event.remove(Engine, "connect", limit_pages)


def test_a_read_only_directory(shared_dir: Path) -> None:
    shared_dir.chmod(0o555)
    with _unprivileged():
        with pytest.raises(StoreError) as caught:
            TestResultsStore(str(shared_dir / "runs.db"))
        assert "cannot be opened" in _message(caught)
        with pytest.raises(StoreError) as caught:
            TestResultsStore(str(shared_dir / "new" / "runs.db"))
        assert "cannot be made: Permission denied" in _message(caught)


def test_a_read_only_store_can_still_be_read(shared_dir: Path) -> None:
    path = shared_dir / "runs.db"
    with TestResultsStore(str(path)) as store:
        store.save(RESULTS)
    path.chmod(0o444)
    shared_dir.chmod(0o555)
    with _unprivileged(), TestResultsStore(str(path)) as store:
        assert store.get(RESULTS.run_id) == RESULTS
        with pytest.raises(StoreError) as caught:
            store.delete(RESULTS.run_id)
        assert "is read-only" in _message(caught)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError) as caught:
        TestResultsStore(str(path))
    assert "is damaged or not a squall database" in _message(caught)
    assert path.read_bytes().startswith(b"this is not")


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with TestResultsStore(str(path)) as store:
        store.save(RESULTS)
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        path.write_bytes(content)
        with pytest.raises(StoreError) as caught:
            store.get(RESULTS.run_id)
    assert "damaged" in _message(caught)


def test_a_directory_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        TestResultsStore(str(tmp_path))
    assert "cannot be opened" in _message(caught)


def test_tables_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (name TEXT)")
    connection.close()
    with pytest.raises(StoreError) as caught:
        TestResultsStore(str(path))
    assert "holds runs of another program" in _message(caught)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is no results store"),
        ("mysql://host/db", "is no results store"),
        ("sqlite://", "is no results store"),
        ("://", "is no results store"),
        ("postgresql://nobody@/none?host=/nonexistent", "does not answer"),
        ("postgresql://u:secret@127.0.0.1:1/none", "does not answer"),
    ],
)
def test_addresses_that_cannot_work(url: str, said: str) -> None:
    with pytest.raises(StoreError) as caught:
        TestResultsStore(url)
    assert said in _message(caught)
    assert "secret" not in _message(caught)


def test_the_default_store() -> None:
    home = Path("/home/someone")
    assert default_url({}, home) == "sqlite:////home/someone/.local/share/squall/results.db"
    assert default_url({"XDG_DATA_HOME": "/data"}, home) == "sqlite:////data/squall/results.db"
    assert default_url({"XDG_DATA_HOME": "relative"}, home).startswith("sqlite:////home")
    assert default_url({"SQUALL_STORE": "postgresql://h/d"}, home) == "postgresql://h/d"


def test_missing_directories_are_made(tmp_path: Path) -> None:
    with TestResultsStore(default_url({}, tmp_path)) as store:
        store.save(RESULTS)
    assert (tmp_path / ".local" / "share" / "squall" / "results.db").is_file()


def test_a_result_is_rescued_to_the_first_place_that_takes_it(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    path = rescue(RESULTS, [blocked / "below", tmp_path / "new" / "place"])
    assert path.parent == tmp_path / "new" / "place"
    assert RESULTS.run_id in path.name
    assert from_json(path.read_bytes()) == RESULTS


def test_when_nothing_takes_it_every_reason_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match=r"could not be kept anywhere: .*a: .*; .*b: "):
        rescue(RESULTS, [blocked / "a", blocked / "b"])
