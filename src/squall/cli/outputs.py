"""Where a run's result goes: the store, the reports, a JSON file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from squall.errors import ConfigurationError, SquallError, StoreError
from squall.models import TestResults, TestStatus
from squall.orchestrator import RunPlan
from squall.results import TestResultsStore, default_url, rescue, to_json, write_reports

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
                option = "--report" if self.report else "reports"
                problems.append(
                    f"{option}: {problem}; choose another with --report DIR, or --no-report"
                )
        found = [problem for problem in problems if problem]
        if found:
            raise ConfigurationError("\n".join(found))

    @contextmanager
    def kept(self, plan: RunPlan) -> Iterator[Keep]:
        """Open the store and note that the run has begun; gives what keeps its result.

        A run that ends without a result is noted as failed. Raises ``StoreError`` where the store
        cannot be used.
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
            finally:
                if not written:
                    store.set_status(plan.run_id, TestStatus.FAILED)

    def _write(self, results: TestResults, store: TestResultsStore | None) -> Written:
        """Write everything that can be written; nothing that fails keeps the rest from it."""
        lines: list[str] = []
        problems: list[str] = []
        directory = self.report or REPORTS / results.run_id
        if not self.no_report:
            try:
                files = write_reports(results, directory)
                lines.append(f"Report:  {_first_html(files)}")
            except SquallError as error:
                problems.append(str(error))
        if self.json is not None:
            try:
                self._write_json(results, self.json)
                if self.json != "-":
                    lines.append(f"JSON:    {self.json}")
            except OSError as error:
                problems.append(f"--json {self.json}: cannot be written: {error.strerror}")
        if store is not None:
            try:
                store.save(results)
                lines.append(f"Kept as  {results.run_id}  (squall runs show {results.run_id})")
            except StoreError as error:
                problems.append(_rescued(results, error, directory))
        return Written(tuple(lines), tuple(problems))

    @staticmethod
    def _write_json(results: TestResults, where: str) -> None:
        document = to_json(results)
        if where == "-":
            sys.stdout.write(document.decode())
            sys.stdout.flush()
        else:
            Path(where).write_bytes(document)


def _rescued(results: TestResults, error: StoreError, directory: Path) -> str:
    """Keep a result that the store would not take, and say where."""
    try:
        path = rescue(results, (directory, Path.cwd(), Path.home()))
    except StoreError as worse:
        return f"{error}\n{worse}"
    return f"{error}\nthe result is in {path}; put it into a store with: squall runs import {path}"


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
