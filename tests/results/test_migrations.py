"""A store of version 1, as an earlier squall left it, is brought up to date with its runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.results.example import small_results

from squall.results import TestResultsStore, to_json
from squall.results.schema import VERSION

_VERSION_1 = """
CREATE TABLE squall_schema (version INTEGER NOT NULL);
INSERT INTO squall_schema VALUES (1);
CREATE TABLE runs (
    run_id VARCHAR(128) NOT NULL PRIMARY KEY,
    scenario VARCHAR(128) NOT NULL,
    started_at VARCHAR(40) NOT NULL,
    finished_at VARCHAR(40) NOT NULL,
    status VARCHAR(20) NOT NULL,
    verdict VARCHAR(20) NOT NULL,
    seed BIGINT NOT NULL,
    planned BIGINT, accepted BIGINT, peak_tps DOUBLE, error_rate DOUBLE, response_ms_p95 DOUBLE,
    document TEXT
);
CREATE INDEX runs_by_start ON runs (started_at);
"""

RESULTS = small_results()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(_VERSION_1)
        insert = (
            "INSERT INTO runs (run_id, scenario, started_at, finished_at, status, verdict, seed, "
            "document) VALUES (?, 'peak_load', ?, '', ?, 'not_judged', 1, ?)"
        )
        connection.execute(
            insert, (RESULTS.run_id, "2026-03-14", "completed", to_json(RESULTS).decode())
        )
        connection.execute(insert, ("unfinished", "2026-03-13", "running", None))
        connection.execute(insert, ("damaged", "2026-03-12", "completed", "{"))
    connection.close()
    return path


def test_runs_are_kept_and_gain_the_new_columns(old: Path) -> None:
    with TestResultsStore(str(old)) as store:
        assert store.get(RESULTS.run_id) == RESULTS
        summary = store.list()[0]
        assert summary.target == RESULTS.target
        assert summary.lost == 0
        assert summary.recall == RESULTS.detection.recall
        assert [run.run_id for run in store.list()][1:] == ["unfinished", "damaged"]


def test_seconds_move_out_of_the_documents(old: Path) -> None:
    TestResultsStore(str(old)).close()
    with sqlite3.connect(old) as connection:
        count = connection.execute("SELECT count(*) FROM seconds").fetchone()[0]
        version = connection.execute("SELECT version FROM squall_schema").fetchone()[0]
        inside = connection.execute(
            "SELECT json_array_length(document, '$.seconds') FROM runs WHERE run_id = ?",
            (RESULTS.run_id,),
        ).fetchone()[0]
    connection.close()
    assert (count, version, inside) == (len(RESULTS.seconds), VERSION, 0)


def test_it_happens_once(old: Path) -> None:
    for _ in range(2):
        with TestResultsStore(str(old)) as store:
            assert store.get(RESULTS.run_id) == RESULTS


def test_version_2_gains_the_decision_p95(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    TestResultsStore(str(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE seconds DROP COLUMN decision_p95")
        connection.execute("UPDATE squall_schema SET version = 2")
    connection.close()
    with TestResultsStore(str(path)) as store:
        store.save(RESULTS)
        assert store.get(RESULTS.run_id) == RESULTS
