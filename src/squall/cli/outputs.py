"""Where a run's result goes: the store, the reports, a JSON file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from squall.cli.console import OutputLost, complain
from squall.cli.files import write_anywhere, write_whole
from squall.errors import ConfigurationError, SquallError, StoreError
from squall.models import TestResults, TestStatus
from squall.orchestrator import RunPlan
from squall.results import TestResultsStore, default_url, to_json, write_reports

REPORTS = Path(".squall") / "reports"
"""Below the working directory, one directory per run."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, as lines for the user, and what could not be."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]


Keep = Callable[[TestResults], Written]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Everything a user said about where the result goes."""

    json: str | None = None
    report: Path | None = None
    no_report: bool = False
    store: str | None = None
    no_store: bool = False

    def check(self) -> None:
        """Find out before the run what could not be written after it.

        Raises ``ConfigurationError`` with every problem.
        """
        problems = []
        if self.report is not None and self.no_report:
            problems.append("--report and --no-report exclude each other")
        if self.store is not None and self.no_store:
            problems.append("--store and --no-store exclude each other")
        if self.json is not None and self.json != "-":
            problems.append(_unwritable_file("--json", Path(self.json)))
        if not self.no_report:
            where = self.report or REPORTS
            problem = _unwritable_directory(where)
            if problem:
                problems.append(
                    f"--report: {problem}; choose another directory"
                    if self.report
                    else f"reports: {problem}; choose another with --report DIR, or --no-report"
                )
        found = [problem for problem in problems if problem]
        if found:
            raise ConfigurationError("\n".join(found))

    @contextmanager
    def kept(self, plan: RunPlan) -> Iterator[Keep]:
        """Open the store and note that the run has begun; gives what keeps its result.

        A run that is stopped before it has a result is noted as aborted, one that ends without it
        for any other reason as failed. Raises ``StoreError`` where the store cannot be used.
        """
        if self.no_store:
            yield lambda results: self._write(results, None)
            return
        with TestResultsStore(self.store or default_url(os.environ, Path.home())) as store:
            store.start(
                plan.run_id,
                scenario=plan.config.scenario.name,
                target=plan.config.target,
                seed=plan.config.seed,
                started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            written: list[Written] = []

            def keep(results: TestResults) -> Written:
                written.append(self._write(results, store))
                return written[-1]

            try:
                yield keep
            except BaseException as error:
                if not written:
                    failed = isinstance(error, Exception)
                    status = TestStatus.FAILED if failed else TestStatus.ABORTED
                    for problem in _noted(store, plan.run_id, status):
                        error.add_note(problem)
                raise
            if not written:
                for problem in _noted(store, plan.run_id, TestStatus.ABORTED):
                    complain(problem)

    def _write(self, results: TestResults, store: TestResultsStore | None) -> Written:
        """Write everything that can be written; nothing that fails keeps the rest from it.

        Where the store fails, or all of it, the result goes to another place.
        """
        kept = False
        lines: list[str] = []
        problems: list[str] = []
        directory = self.report or REPORTS / results.run_id
        if not self.no_report:
            try:
                files = write_reports(results, directory)
                kept = True
                lines.append(f"Report:  {_first_html(files)}")
            except SquallError as error:
                problems.append(str(error))
        if self.json is not None:
            try:
                write_json(self.json, to_json(results))
                kept = True
                if self.json != "-":
                    lines.append(f"JSON:    {self.json}")
            except SquallError as error:
                problems.append(str(error))
        if store is not None:
            try:
                store.save(results)
                kept = True
                lines.append(f"Kept as  {results.run_id}  (squall runs show {results.run_id})")
            except StoreError as error:
                kept = False  # what is elsewhere may not be found by who looks for it there
                problems.append(str(error))
                problems += _noted(store, results.run_id, TestStatus.FAILED)
        if problems and not kept:
            problems.append(_rescued(results, directory))
        return Written(tuple(lines), tuple(problems))


def write_json(where: str, content: bytes) -> None:
    """Write a document where ``--json`` says: a file, or ``-`` for the screen.

    Raises ``ConfigurationError`` where it cannot be written.
    """
    try:
        if where == "-":
            sys.stdout.write(content.decode())
            sys.stdout.flush()
        else:
            write_whole(Path(where), content)
    except OSError as error:
        raise ConfigurationError(f"--json {where}: cannot be written: {error.strerror}") from error
    except OutputLost as lost:
        raise ConfigurationError(f"--json {where}: cannot be written: {lost.reason}") from lost


def rescue_places(report: Path | None) -> tuple[Path, ...]:
    """Where a result goes that could not be written where it was wanted; the first that takes it.

    ``report`` is where its reports go.
    """
    places = (Path.cwd(), Path.home())
    return places if report is None else (report, *places)


def _rescued(results: TestResults, directory: Path) -> str:
    """Keep a result somewhere, and say where."""
    name = f"squall-{results.run_id}.json"
    try:
        path = write_anywhere(name, to_json(results), rescue_places(directory))
    except OSError as error:
        return str(error)
    return f"the result is in {path}; put it into a store with: squall runs import {path}"


def _noted(store: TestResultsStore, run_id: str, status: TestStatus) -> list[str]:
    """Note in the store how a run without a result ended; what kept it from that, if anything."""
    try:
        store.set_status(run_id, status)
    except StoreError as error:
        return [f"run {run_id} stays listed as running: {error}"]
    return []


def _first_html(files: list[Path]) -> Path:
    return next((file for file in files if file.suffix == ".html"), files[0])


def _unwritable_file(option: str, path: Path) -> str:
    parent = path.parent
    if path.is_dir():
        return f"{option} {path}: is a directory; name a file"
    if not parent.is_dir():
        return f"{option} {path}: there is no directory {parent}"
    if not os.access(path if path.exists() else parent, os.W_OK):
        return f"{option} {path}: cannot be written; choose another file"
    return ""


def _unwritable_directory(directory: Path) -> str:
    """Why nothing could be written into a directory that may not exist yet; empty if it could."""
    nearest = directory.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir():
        return f"{nearest} is a file, not a directory"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest} cannot be written"
    return ""
