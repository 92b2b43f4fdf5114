"""``TestResultsStore``: runs kept in SQLite (the default) or PostgreSQL.

Owns the database; knows nothing of where a user's files live (``default_url`` is given the
environment). Every trouble with the database is one ``StoreError`` that names the store; a result
that cannot be stored is kept with ``rescue``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from squall.errors import DataFileError, StoreError
from squall.models import Second, TestResults, TestStatus, Verdict
from squall.results.database import default_url, describe_error, display_name, make_engine
from squall.results.document import from_json, to_json
from squall.results.references import pick
from squall.results.schema import RUNS, SECONDS, VERSION, current_version, summary_of, upgrade

__all__ = ["RunFilter", "RunSummary", "TestResultsStore", "default_url", "rescue"]

_ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of ``squall runs list``; None is "not measured" or "not finished"."""

    run_id: str
    scenario: str
    started_at: str
    finished_at: str
    status: TestStatus
    verdict: Verdict
    target: str
    seed: int
    planned: int | None
    accepted: int | None
    lost: int | None
    peak_tps: float | None
    error_rate: float | None
    response_ms_p95: float | None
    response_ms_p99: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list. ``since`` is an RFC 3339 instant or date: started then or later."""

    scenario: str | None = None
    verdict: Verdict | None = None
    since: str | None = None
    limit: int | None = None


_SUMMARY = [RUNS.c[f.name] for f in fields(RunSummary)]


class TestResultsStore:
    """Runs and their results.

    Opening it creates the database or brings an older one up to date. Usable as a context manager.
    Every method raises ``StoreError`` with one message when the database cannot be used: locked,
    full, read-only, damaged, newer than this program, or out of reach.
    """

    __test__ = False

    def __init__(self, url: str, *, lock_timeout_s: float = 10.0) -> None:
        self.name = display_name(url)
        """The store as messages call it: the file, or the URL without its password."""
        self._engine = make_engine(url, lock_timeout_s)
        with self._transaction(write=False) as connection:
            version = current_version(connection)
        if version != VERSION:
            with self._transaction() as connection:
                upgrade(connection, self.name)

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Give back connections and files."""
        self._engine.dispose()

    def start(self, run_id: str, *, scenario: str, target: str, seed: int, started_at: str) -> None:
        """Note that a run has begun, so that it is listed even if nothing more is ever heard."""
        with self._transaction() as connection:
            connection.execute(
                insert(RUNS).values(
                    run_id=run_id,
                    scenario=scenario,
                    target=target,
                    seed=seed,
                    started_at=started_at,
                    status=TestStatus.RUNNING.value,
                    verdict=Verdict.NOT_JUDGED.value,
                )
            )

    def set_status(self, run_id: str, status: TestStatus) -> None:
        """Note where a run is."""
        with self._transaction() as connection:
            done = connection.execute(
                update(RUNS).where(RUNS.c.run_id == run_id).values(status=status.value)
            )
            if done.rowcount == 0:
                raise StoreError(self._unknown(run_id))

    def save(self, results: TestResults) -> None:
        """Keep a result, over anything known of the same run; all of it or nothing."""
        tree = json.loads(to_json(results))
        rows, tree["seconds"] = tree["seconds"], []
        values = {"document": json.dumps(tree, ensure_ascii=False), **summary_of(tree)}
        run_id = results.run_id
        with self._transaction() as connection:
            connection.execute(delete(SECONDS).where(SECONDS.c.run_id == run_id))
            done = connection.execute(update(RUNS).where(RUNS.c.run_id == run_id).values(**values))
            if done.rowcount == 0:
                connection.execute(insert(RUNS).values(run_id=run_id, **values))
            for at in range(0, len(rows), _ROWS_AT_ONCE):
                part = [{"run_id": run_id, **row} for row in rows[at : at + _ROWS_AT_ONCE]]
                connection.execute(insert(SECONDS), part)

    def get(self, run_id: str) -> TestResults:
        """The whole result of a run, exactly as it was saved."""
        with self._transaction(write=False) as connection:
            row = connection.execute(
                select(RUNS.c.document, RUNS.c.status).where(RUNS.c.run_id == run_id)
            ).one_or_none()
            if row is None:
                raise StoreError(self._unknown(run_id))
            if row.document is None:
                raise StoreError(
                    f"run {run_id} has no result yet (it is {row.status}); if its squall was "
                    f"killed, remove it with: squall runs delete {run_id}"
                )
            seconds = connection.execute(
                select(SECONDS).where(SECONDS.c.run_id == run_id).order_by(SECONDS.c.at_s)
            ).mappings()
            rows = tuple(_second(second) for second in seconds)
        try:
            results = from_json(row.document, f"run {run_id} in {self.name}")
        except DataFileError as error:
            raise StoreError(str(error)) from None
        return dataclasses.replace(results, seconds=rows)

    def list(self, which: RunFilter | None = None) -> tuple[RunSummary, ...]:
        """Summaries of runs, newest first."""
        wanted = which or RunFilter()
        query = select(*_SUMMARY).order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc())
        if wanted.scenario is not None:
            query = query.where(RUNS.c.scenario == wanted.scenario)
        if wanted.verdict is not None:
            query = query.where(RUNS.c.verdict == wanted.verdict.value)
        if wanted.since is not None:
            query = query.where(RUNS.c.started_at >= wanted.since)
        if wanted.limit is not None:
            query = query.limit(wanted.limit)
        with self._transaction(write=False) as connection:
            return tuple(_summary(row) for row in connection.execute(query).mappings())

    def count(self) -> int:
        """How many runs there are."""
        with self._transaction(write=False) as connection:
            return connection.scalar(select(func.count()).select_from(RUNS)) or 0

    def resolve(self, reference: str) -> str:
        """The run id that ``reference`` means: an id, the start of one, ``latest``, ``latest~1``.

        ``latest`` is the newest run that has a result.

        Raises ``StoreError`` when no run or more than one is meant, with what comes closest.
        """
        query = select(RUNS.c.run_id, RUNS.c.document.is_not(None).label("finished"))
        query = query.order_by(RUNS.c.started_at.desc(), RUNS.c.run_id.desc())
        with self._transaction(write=False) as connection:
            rows = connection.execute(query).all()
        ids = [row.run_id for row in rows]
        return pick(reference, ids, [row.run_id for row in rows if row.finished], self.name)

    def delete(self, run_id: str) -> None:
        """Forget a run."""
        with self._transaction() as connection:
            connection.execute(delete(SECONDS).where(SECONDS.c.run_id == run_id))
            done = connection.execute(delete(RUNS).where(RUNS.c.run_id == run_id))
            if done.rowcount == 0:
                raise StoreError(self._unknown(run_id))

    @contextmanager
    def _transaction(self, write: bool = True) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(squall_write=write)
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise StoreError(describe_error(error, self.name)) from error

    def _unknown(self, run_id: str) -> str:
        return f"there is no run {run_id} in {self.name}; `squall runs list` shows those there are"


def rescue(results: TestResults, directories: Sequence[Path]) -> Path:
    """Write a result that the store did not take to the first directory that accepts it.

    Returns the file; ``squall runs import FILE`` puts it into a store later. Raises ``StoreError``
    when no directory accepts it.
    """
    document = to_json(results)
    reasons = []
    for directory in directories:
        path = directory / f"squall-{results.run_id}.json"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path.write_bytes(document)
        except OSError as error:
            reasons.append(f"{directory}: {error.strerror}")
            continue
        return path
    raise StoreError("the result could not be kept anywhere: " + "; ".join(reasons))


def _second(row: RowMapping) -> Second:
    values: Mapping[str, Any] = {f.name: row[f.name] for f in fields(Second)}
    return Second(**values)


def _summary(row: RowMapping) -> RunSummary:
    values: dict[str, Any] = dict(row)
    values["status"] = TestStatus(values["status"])
    values["verdict"] = Verdict(values["verdict"])
    return RunSummary(**values)
