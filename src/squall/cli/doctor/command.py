"""The ``squall doctor`` command: every check in order, shown or written."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from squall import __version__
from squall.cli.console import lasting_console, make_console
from squall.cli.doctor import clock, network, software, storage
from squall.cli.doctor.check import Check, Grade
from squall.errors import ConfigurationError, SquallError
from squall.results import default_url
from squall.targets.platform_history import default_cache_dir

NOISE_S = 1.0
JITTER_S = 1.0
_STYLE = {Grade.GOOD: "green", Grade.WARNING: "yellow", Grade.PROBLEM: "bold red"}

Say = Callable[[str], None]


def doctor(
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the checks to this file; - is the screen.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out what takes seconds to measure.")
    ] = False,
    color: Annotated[bool, typer.Option("--color/--no-color", help="Colours.")] = True,
) -> None:
    """Check this machine, and measure what load it can drive. Takes about ten seconds.

    Exit status 0 unless something makes runs impossible: then 1.
    """
    console = make_console(not color, piped_width=None)
    waiting = lasting_console(not color, stderr=True, piped_width=None)
    with waiting.status("checking") as status:
        checks = list(examine(quick=quick, say=status.update))
    if json_file is not None:
        _write_json(checks, json_file)
    if json_file is None or str(json_file) != "-":
        show(checks, console)
    if worst(checks) is Grade.PROBLEM:
        raise typer.Exit(1)


def examine(*, quick: bool, say: Say) -> Iterator[Check]:
    """Every check in order; ``quick`` leaves the measurements out."""
    cores = clock.cores()
    yield from (software.python(), software.packages(), software.tls())
    yield from (software.postgresql(), software.platform_command(), software.browser())
    yield from (network.open_files(), network.ephemeral_ports())
    yield from (network.time_wait(), network.accept_queue())
    yield storage.memory()
    yield from _places()
    yield from (cores, clock.clock_source())
    if quick:
        return
    say("measuring timers")
    yield clock.punctuality(clock.measure_jitter(JITTER_S))
    say("measuring the processor")
    yield _noise()
    say("measuring what the engine can drive")
    yield _capacity(cores)


def worst(checks: Sequence[Check]) -> Grade:
    """The worst grade among the checks."""
    order = list(Grade)
    return max((check.grade for check in checks), key=order.index, default=Grade.GOOD)


def show(checks: Sequence[Check], console: Console) -> None:
    """The checks as a table with a sentence at the end."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        advice = f"\n[dim]→ {escape(check.advice)}[/dim]" if check.advice else ""
        mark = f"[{_STYLE[check.grade]}]{check.grade.sign} {check.grade.value}[/]"
        table.add_row(mark, check.name, escape(check.found) + advice)
    console.print(table)
    console.print()
    console.print(conclusion(checks))


def conclusion(checks: Sequence[Check]) -> str:
    """The whole in a sentence."""
    problems = [check.name for check in checks if check.grade is Grade.PROBLEM]
    warnings = [check.name for check in checks if check.grade is Grade.WARNING]
    if problems:
        return f"Runs are impossible here until this is put right: {', '.join(problems)}."
    if warnings:
        return f"Runs work here. Worth a look: {', '.join(warnings)}."
    return "Runs work here."


def _places() -> Iterator[Check]:
    """Where a run writes: the results store, the reports, what is kept between runs."""
    store = default_url(os.environ, Path.home())
    if (directory := storage.directory_of(store)) is not None:
        yield storage.disk(directory)
        yield storage.writable("results store", directory)
    else:
        yield Check("results store", Grade.GOOD, "on a database server: squall runs list tries it")
    yield storage.writable("reports", Path.cwd())
    yield storage.writable("cache", default_cache_dir(os.environ))


def _noise() -> Check:
    before = _stat()
    lost = clock.lost_share(NOISE_S)
    return clock.quiet(clock.stolen_share(before, _stat()), lost)


def _stat() -> str:
    try:
        return clock.STAT.read_text()
    except OSError:
        return ""


def _capacity(cores: Check) -> Check:
    from squall.cli.doctor import capacity  # the engine takes a while to import

    count, quota = cores.values.get("cores"), cores.values.get("quota_cores")
    usable = min(float(value) for value in (count, quota) if isinstance(value, float))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measured = runner.run(capacity.measure())
    except SquallError as error:
        return Check(
            "load it can drive",
            Grade.PROBLEM,
            f"the engine could not send to this machine itself: {error}",
            "is loopback traffic blocked (a firewall, a sandbox)?",
        )
    return capacity.capacity_check(measured, usable)


def _write_json(checks: Sequence[Check], path: Path) -> None:
    body = {
        "version": __version__,
        "grade": worst(checks).value,
        "conclusion": conclusion(checks),
        "checks": [asdict(check) for check in checks],
    }
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"--json {path}: cannot be written ({error.strerror}); choose another file"
        ) from error
