"""``squall limit``: the highest rate that meets the criteria."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from squall.cli.console import LastingConsole, complain, complain_of_loss, lasting_console
from squall.cli.files import write_anywhere
from squall.cli.limit_view import LimitView, show_outcome
from squall.cli.options import make_config
from squall.cli.outputs import Outputs, Written, rescue_places, write_json
from squall.cli.run import real_parts
from squall.errors import ConfigurationError
from squall.models import StabilitySpec, StressTestConfig, TestResults, TestScenario
from squall.models.load_spec import MAX_TPS
from squall.models.scenario import DEFAULT_SEED
from squall.orchestrator import Parts, StressTestOrchestrator
from squall.orchestrator.limit.criteria import StepCriteria, default_criteria, for_steps
from squall.orchestrator.limit.outcome import LimitOutcome, document
from squall.orchestrator.limit.parts import PartsWatch
from squall.orchestrator.limit.report import write_report
from squall.orchestrator.limit.runner import LimitSearch, RunStep, Watcher
from squall.orchestrator.limit.search import SearchSpec
from squall.orchestrator.limit.step import StepSpec
from squall.orchestrator.sessions import STREAM, KeptTarget
from squall.scenarios import load_scenario

TEMPLATE = "peak_load"
"""Its mix and client are used where no scenario was named."""
CONNECTIONS = 512
"""Its connections then: so many that they are not the limit before the target is."""
STREAM_CONNECTIONS = 2_048
"""Where answers acknowledge what a stream has taken, which takes a tenth of a second or two."""
DRAIN_S = 120.0
"""A target that decides later gets so long to decide what a run left behind: it would be in the
way of the next run."""


def limit(
    scenario: Annotated[
        str | None,
        typer.Argument(help="Take mix, client and criteria from this scenario; else peak_load's."),
    ] = None,
    criteria: Annotated[
        list[str] | None,
        typer.Option(help="What a rate must meet, instead of the scenario's; may be repeated."),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            help="inline (the reference platform), stream (the same on the cloud twin), a URL, "
            "kinesis://STREAM, lambda://FUNCTION, or a target file (.yaml)."
        ),
    ] = "inline",
    min_tps: Annotated[float, typer.Option(help="Lowest rate to try.")] = 500,
    max_tps: Annotated[float, typer.Option(help="Highest rate to try.")] = 50_000,
    step_s: Annotated[float, typer.Option(help="Measured seconds of each run.")] = 10,
    warm_up_s: Annotated[float, typer.Option(help="Seconds of load before them.")] = 3,
    repeats: Annotated[int, typer.Option(help="Runs that decide on a rate at most; odd.")] = 3,
    precision: Annotated[float, typer.Option(help="Width of the answer, percent.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the first run.")] = DEFAULT_SEED,
    workers: Annotated[
        int | None, typer.Option(help="Load worker processes; fitted to the rate if left out.")
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(
            min=1, max=20_000, help="Connections; else the scenario's, or 512 (stream: 2048)."
        ),
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the outcome as JSON; - is the screen."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write limit.html and limit.md here.")
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
) -> None:
    """Find the highest rate that a target holds, with short runs at different rates.

    Exit status: 0 a rate holds, 1 not even the lowest does, 2 wrong usage or an unusable target,
    3 the load generator was the limit, 4 stopped with Ctrl-C.
    """
    template = load_scenario(scenario or TEMPLATE)
    chosen = for_steps(criteria or (template.criteria if scenario else default_criteria(target)))
    search = _search_spec(min_tps, max_tps, precision, repeats)
    step = _step_spec(
        make_config(
            _for_steps(template, connections or (None if scenario else _connections(target))),
            target=target,
            seed=seed,
            workers=workers,
        ),
        chosen,
        step_s,
        warm_up_s,
    )
    Outputs(json=json_file, report=report, no_report=report is None).check()
    console = lasting_console(no_color, stderr=json_file == "-")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(find_limit(search, step, chosen.left_out, console))
    show_outcome(outcome, console)
    written = _write(outcome, json_file, report)
    for line in written.lines:
        console.print(line, markup=False, soft_wrap=True)
    for problem in written.problems:
        complain(problem)
    complain_of_loss(console)
    raise typer.Exit(outcome.exit_status or (2 if written.problems else 0))


async def find_limit(
    search: SearchSpec, step: StepSpec, left_out: tuple[str, ...], console: LastingConsole
) -> LimitOutcome:
    """Search, and show how it goes; an interrupt ends it with what is known."""
    notes = [f"not judged in short runs: {text}" for text in left_out]
    parts = real_parts()
    if not any("services." in criterion.text for criterion in step.criteria):
        parts = replace(parts, figures_wait_s=0.0)  # minutes for each rate, for nothing that counts
    with LimitView(console, step.warm_up_s + step.step_s) as view:
        async with KeptTarget(parts.open_target, notes.append) as kept:
            watch = PartsWatch(kept.open, parts.monotonic)
            search_run = LimitSearch(
                search=search,
                step=step,
                run_step=_runner(replace(parts, open_target=watch.open), view),
                watcher=Watcher(started=view.started, finished=view.finished),
                started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                parts=watch.take,
            )
            with _interrupts():
                outcome = await search_run.run()
                view.say("closing the target")
    return replace(outcome, notes=(*notes, *outcome.notes))


def _runner(parts: Parts, view: LimitView) -> RunStep:
    """Runs one configuration, telling the view what is being prepared."""

    async def run_step(config: StressTestConfig) -> TestResults:
        return await StressTestOrchestrator(config, parts, progress=view.say).run()

    return run_step


@contextmanager
def _interrupts() -> Iterator[None]:
    """SIGINT and SIGTERM cancel this task: the first ends the search, a second the tidying up."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _connections(target: str) -> int:
    return STREAM_CONNECTIONS if target == STREAM else CONNECTIONS


def _search_spec(min_tps: float, max_tps: float, precision: float, repeats: int) -> SearchSpec:
    try:
        if max_tps > MAX_TPS:
            raise ValueError(f"the highest rate must be at most {MAX_TPS:,.0f} TPS")
        return SearchSpec(min_tps, max_tps, precision / 100, repeats)
    except ValueError as error:
        given = (
            f"--min-tps {min_tps:g} --max-tps {max_tps:g} --precision {precision:g}"
            f" --repeats {repeats}"
        )
        raise ConfigurationError(f"{given}: {error}") from error


def _step_spec(
    base: StressTestConfig, criteria: StepCriteria, step_s: float, warm_up_s: float
) -> StepSpec:
    if not criteria.judged:
        raise ConfigurationError(
            "none of the criteria can be judged on a short run; give others with --criteria"
        )
    if not 2 <= step_s <= 3_600:
        raise ConfigurationError(f"--step-s {step_s:g}: give 2 to 3600 seconds")
    if not 0.5 <= warm_up_s <= 3_600:
        raise ConfigurationError(f"--warm-up-s {warm_up_s:g}: give 0.5 to 3600 seconds")
    return StepSpec(base=base, criteria=criteria.judged, step_s=step_s, warm_up_s=warm_up_s)


def _for_steps(template: TestScenario, connections: int | None) -> TestScenario:
    """The scenario with other connections, and without what only its own load can show."""
    client = template.client
    if connections is not None:
        client = client.model_copy(update={"connections": connections})
    return template.model_copy(
        update={
            "client": client,
            "stability": StabilitySpec(),
            "drain_s": max(template.drain_s, DRAIN_S),
        }
    )


def _write(outcome: LimitOutcome, json_file: str | None, report: Path | None) -> Written:
    """Write what can be written; where nothing could be, the outcome goes to another place."""
    lines: list[str] = []
    problems: list[str] = []
    text = json.dumps(document(outcome), indent=2, ensure_ascii=False) + "\n"
    if json_file is not None:
        try:
            write_json(json_file, text.encode())
        except ConfigurationError as error:
            problems.append(str(error))
        else:
            lines += [] if json_file == "-" else [f"wrote {json_file}"]
    kept = json_file is not None and not problems
    if report is not None:
        try:
            lines += [f"wrote {path}" for path in write_report(outcome, report).values()]
            kept = True
        except ConfigurationError as error:
            problems.append(str(error))
    if problems and not kept:
        name = f"squall-limit-{outcome.started_at.replace(':', '')}.json"
        try:
            path = write_anywhere(name, text.encode(), rescue_places(report))
            problems.append(f"the outcome is in {path}")
        except OSError as error:
            problems.append(str(error))
    return Written(tuple(lines), tuple(problems))
