"""``squall runs``: the runs that were kept, and what they say."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Console

from squall.cli.console import make_console
from squall.cli.runs_view import comparison_view, runs_table
from squall.errors import ConfigurationError, DataFileError, Problem
from squall.models import TestResults, Verdict
from squall.results import (
    FORMATS,
    Comparison,
    RunFilter,
    RunSummary,
    TerminalSummary,
    TestResultsStore,
    compare,
    default_url,
    from_json,
    to_json,
    write_reports,
)
from squall.results.reports import check_formats

runs = typer.Typer(
    name="runs",
    help="List, show, compare, export and delete the runs that were kept. A run is named by its "
    "id, the start of it, latest, latest~1 …, or the JSON file of a result.",
    no_args_is_help=True,
)

_PIPED_WIDTH = 160
_AGE = re.compile(r"(\d+)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Results store: a file or postgresql://user@host/database. Default: $SQUALL_STORE, "
        "else a file in your data directory.",
    ),
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write as JSON; - is the screen.")
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours.")]
RUN_HELP = "Run id, the start of one, latest, latest~1, or a result's JSON file."


@runs.command("list")
def list_runs(
    scenario: Annotated[str | None, typer.Option(help="Only runs of this scenario.")] = None,
    verdict: Annotated[Verdict | None, typer.Option(help="Only runs with this verdict.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only runs started since: 2026-03-14, an instant, 24h, 7d or 2w."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 20,
    store: Store = None,
    json: Json = None,
    no_color: NoColor = False,
) -> None:
    """List runs, newest first."""
    which = RunFilter(scenario, verdict, _since(since, datetime.now(UTC)), limit)
    with _open(store) as opened:
        found = opened.list(which)
        total = opened.count()
        name = opened.name
    if json:
        _write(json, TypeAdapter(tuple[RunSummary, ...]).dump_json(found, indent=2) + b"\n")
        return
    console = _console(no_color)
    if not found:
        console.print(
            f"No runs in {name}." if not total else f"None of the {total} runs in {name} match.",
            highlight=False,
        )
        return
    console.print(runs_table(found))
    if len(found) < total:
        console.print(f"{len(found)} of {total} runs", style="dim", highlight=False)


@runs.command("show")
def show_run(
    run: Annotated[str, typer.Argument(help=RUN_HELP)] = "latest",
    store: Store = None,
    json: Json = None,
    no_color: NoColor = False,
) -> None:
    """Show what a run measured."""
    results = _load([run], store)[0]
    if json:
        _write(json, to_json(results))
        return
    _console(no_color).print(TerminalSummary(results))


@runs.command("compare")
def compare_runs(
    run: Annotated[
        list[str], typer.Argument(help=f"Two runs or more; the first is the baseline. {RUN_HELP}")
    ],
    fail_on_worse: Annotated[
        bool, typer.Option("--fail-on-worse", help="Exit 1 when anything became worse.")
    ] = False,
    store: Store = None,
    json: Json = None,
    no_color: NoColor = False,
) -> None:
    """Compare runs: what changed, by how much, and whether it is more than noise."""
    comparison = compare(_load(run, store))
    if json:
        _write(json, TypeAdapter(Comparison).dump_json(comparison, indent=2) + b"\n")
    if json != "-":
        _console(no_color).print(comparison_view(comparison))
    if fail_on_worse and comparison.worse:
        raise typer.Exit(1)


@runs.command("export")
def export_run(
    run: Annotated[str, typer.Argument(help=RUN_HELP)] = "latest",
    formats: Annotated[
        str, typer.Option("--format", help=f"Comma-separated: {', '.join(FORMATS)}.")
    ] = ",".join(FORMATS),
    out: Annotated[Path | None, typer.Option(help="Directory; default: squall-RUN here.")] = None,
    store: Store = None,
) -> None:
    """Write a run's reports: HTML, Markdown, JSON, JUnit XML, CSV, HdrHistogram log."""
    chosen = [name.strip() for name in formats.split(",") if name.strip()]
    check_formats(chosen)
    results = _load([run], store)[0]
    for path in write_reports(results, out or Path(f"squall-{results.run_id}"), chosen):
        typer.echo(str(path))


@runs.command("import")
def import_runs(
    file: Annotated[list[Path], typer.Argument(help="JSON files of results.")],
    store: Store = None,
) -> None:
    """Put results from JSON files into the store, for instance one that it had no room for."""
    found = [_read(path) for path in file]
    with _open(store) as opened:
        for results in found:
            opened.save(results)
            typer.echo(f"{results.run_id} is in {opened.name}")


@runs.command("delete")
def delete_runs(
    run: Annotated[list[str], typer.Argument(help="Run ids, starts of ids, or latest.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: Store = None,
) -> None:
    """Delete runs for good."""
    with _open(store) as opened:
        ids = list(dict.fromkeys(opened.resolve(reference) for reference in run))
        if not yes:
            listed = ", ".join(ids)
            if not typer.confirm(f"Delete {listed} from {opened.name} for good?"):
                typer.echo("Nothing was deleted.")
                return
        for run_id in ids:
            opened.delete(run_id)
            typer.echo(f"deleted {run_id}")


def _open(url: str | None) -> TestResultsStore:
    return TestResultsStore(url or default_url(os.environ, Path.home()))


def _load(references: list[str], store: str | None) -> list[TestResults]:
    """The results that are meant; the store is opened only if one of them is not a file."""
    if all(_is_file(reference) for reference in references):
        return [_read(Path(reference)) for reference in references]
    with _open(store) as opened:
        return [
            _read(Path(reference)) if _is_file(reference) else opened.get(opened.resolve(reference))
            for reference in references
        ]


def _is_file(reference: str) -> bool:
    return reference.endswith(".json") or os.sep in reference


def _read(path: Path) -> TestResults:
    try:
        document = path.read_bytes()
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror}") from None
    return from_json(document, str(path))


def _since(text: str | None, now: datetime) -> str | None:
    if text is None:
        return None
    age = _AGE.fullmatch(text)
    try:
        if age:
            moment = now - timedelta(hours=int(age[1]) * _HOURS[age[2]])
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        problem = Problem(
            "--since", "", f"{text} is no time: write 2026-03-14, an instant, 24h, 7d or 2w"
        )
        raise ConfigurationError(str(problem)) from None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _write(target: str, content: bytes) -> None:
    if target == "-":
        sys.stdout.write(content.decode())
        sys.stdout.flush()
        return
    try:
        Path(target).write_bytes(content)
    except OSError as error:
        problem = Problem("--json", "", f"{target} cannot be written: {error.strerror}")
        raise ConfigurationError(str(problem)) from None


def _console(no_color: bool) -> Console:
    return make_console(no_color, piped_width=_PIPED_WIDTH)
