"""The store's behaviour, the same on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.results.example import small_results
from tests.results.postgres import Server, running_server

from squall.errors import StoreError
from squall.models import TestResults, TestStatus, Verdict
from squall.results import RunFilter, TestResultsStore

SMALL = small_results()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> str:
    return str(tmp_path / "runs.db") if request.param == "sqlite" else server.new_database()


@pytest.fixture
def store(url: str) -> Iterator[TestResultsStore]:
    with TestResultsStore(url) as opened:
        yield opened


def _run(run_id: str, day: int, **changes: object) -> TestResults:
    started = f"2026-03-{day:02d}T09:30:00.000Z"
    results = dataclasses.replace(SMALL, run_id=run_id, started_at=started)
    return dataclasses.replace(results, **changes)  # type: ignore[arg-type]


def test_a_result_comes_back_exactly(store: TestResultsStore, passed: TestResults) -> None:
    strange = dataclasses.replace(
        passed, notes=("é ␀ \x00 \u202e \U0001f4a5", "'; DROP TABLE runs")
    )
    store.save(strange)
    assert store.get(strange.run_id) == strange


def test_saving_again_replaces(store: TestResultsStore) -> None:
    store.save(SMALL)
    shorter = dataclasses.replace(SMALL, seconds=SMALL.seconds[:3], verdict=Verdict.ABORTED)
    store.save(shorter)
    assert store.get(SMALL.run_id) == shorter
    assert store.count() == 1


def test_a_run_is_known_from_its_start(store: TestResultsStore) -> None:
    store.start("r1", scenario="burst", target="inline", seed=7, started_at="2026-03-01T00:00:00Z")
    assert store.list()[0].status is TestStatus.RUNNING
    assert store.list()[0].planned is None
    store.set_status("r1", TestStatus.DRAINING)
    assert store.list()[0].status is TestStatus.DRAINING
    with pytest.raises(StoreError, match=r"has no result yet \(it is draining\)"):
        store.get("r1")
    store.save(_run("r1", 1))
    assert store.get("r1").run_id == "r1"
    assert store.list()[0].status is TestStatus.COMPLETED


def test_what_is_listed(store: TestResultsStore) -> None:
    store.save(_run("a", 1))
    store.save(_run("b", 3, verdict=Verdict.FAILED))
    store.save(_run("c", 2, scenario="burst"))

    def ids(which: RunFilter | None = None) -> list[str]:
        return [summary.run_id for summary in store.list(which)]

    assert ids() == ["b", "c", "a"]
    assert ids(RunFilter(limit=2)) == ["b", "c"]
    assert ids(RunFilter(scenario="burst")) == ["c"]
    assert ids(RunFilter(verdict=Verdict.FAILED)) == ["b"]
    assert ids(RunFilter(since="2026-03-02")) == ["b", "c"]
    assert ids(RunFilter(scenario="burst", verdict=Verdict.FAILED)) == []
    summary = store.list(RunFilter(scenario="burst"))[0]
    assert summary.accepted == SMALL.accounting.accepted
    assert summary.response_ms_p99 == SMALL.latency_ms.response.p99
    assert summary.recall == SMALL.detection.recall


def test_delete_forgets_everything(store: TestResultsStore, url: str) -> None:
    store.save(_run("a", 1))
    store.save(_run("b", 2))
    store.delete("a")
    assert [summary.run_id for summary in store.list()] == ["b"]
    with pytest.raises(StoreError, match="there is no run a"):
        store.get("a")
    with pytest.raises(StoreError, match="there is no run a"):
        store.delete("a")
    with pytest.raises(StoreError, match="there is no run a"):
        store.set_status("a", TestStatus.FAILED)


def test_references(store: TestResultsStore) -> None:
    with pytest.raises(StoreError, match="no runs in"):
        store.resolve("latest")
    for day, run_id in enumerate(("20260301T1-aa", "20260302T1-bb", "20260302T2-cc"), start=1):
        store.save(_run(run_id, day))
    store.start("20260309T1-dd", scenario="x", target="", seed=1, started_at="2026-03-09")
    assert store.resolve("latest") == "20260302T2-cc"  # the running one has no result
    assert store.resolve("latest~2") == "20260301T1-aa"
    assert store.resolve("20260301") == "20260301T1-aa"
    assert store.resolve("20260309") == "20260309T1-dd"
    assert store.resolve("20260302T1-bb") == "20260302T1-bb"
    for reference, said in (
        ("latest~3", "has 3 finished runs"),
        ("20260302", "is the start of 2 runs"),
        ("20260301T1-ab", "did you mean 20260301T1-aa"),
        ("lastest", "did you mean latest"),
        ("zzzz", "`squall runs list` shows"),
        ("", "there is no run"),
    ):
        with pytest.raises(StoreError) as caught:
            store.resolve(reference)
        assert said in str(caught.value)


def test_two_programs_share_a_store(store: TestResultsStore, url: str) -> None:
    with TestResultsStore(url) as other:
        store.save(_run("a", 1))
        other.save(_run("b", 2))
        assert store.count() == other.count() == 2


def _sqlalchemy_url(url: str) -> str:
    if url.startswith("postgresql"):
        return url.replace("postgresql:", "postgresql+psycopg:")
    return f"sqlite:///{url}"


def test_a_newer_store_is_refused_untouched(url: str) -> None:
    TestResultsStore(url).close()
    engine = create_engine(_sqlalchemy_url(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE squall_schema SET version = 99"))
    with pytest.raises(StoreError, match="has version 99, made by a newer squall"):
        TestResultsStore(url)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT version FROM squall_schema")) == 99
    engine.dispose()


def test_a_damaged_document_is_one_message_and_harms_no_other(
    store: TestResultsStore, url: str
) -> None:
    store.save(_run("a", 1))
    store.save(_run("b", 2))
    engine = create_engine(_sqlalchemy_url(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET document = '{\"run_id\": 1' WHERE run_id = 'a'"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"run a in .* is not a squall result"):
        store.get("a")
    assert store.get("b").run_id == "b"
    assert len(store.list()) == 2


def test_a_failed_save_leaves_what_was_there(store: TestResultsStore, url: str) -> None:
    store.save(SMALL)
    twice = dataclasses.replace(SMALL, seconds=(*SMALL.seconds, SMALL.seconds[0]))
    with pytest.raises(StoreError):  # the same second twice breaks a key, after other rows went in
        store.save(twice)
    assert store.get(SMALL.run_id) == SMALL
