"""``squall run``: a scenario from its plan to its verdict, watched while it runs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from squall.business import load_price_book
from squall.cli.console import LastingConsole, complain, complain_of_loss, lasting_console
from squall.cli.interrupts import Interrupts
from squall.cli.live_view import (
    LiveView,
    RunHeader,
    Screen,
    Silence,
    is_live,
    plain_screen,
    redrawn,
)
from squall.cli.options import make_config
from squall.cli.outputs import Outputs
from squall.load_generator import LoadGenerator
from squall.models import StressTestConfig, TestResults, Verdict
from squall.models.scenario import DEFAULT_SEED
from squall.orchestrator import Parts, RunPlan, StressTestOrchestrator, target_opener
from squall.results import TerminalSummary
from squall.scenarios import load_scenario
from squall.targets.platform_history import default_cache_dir

_SCENARIO_HELP = "A scenario's name (squall scenarios list) or a scenario file (.yaml)."
_TARGET_HELP = (
    "inline (the reference fraud platform), stream (the same on the cloud twin), a URL, "
    "kinesis://STREAM, lambda://FUNCTION, or a target file (.yaml). Default: what the scenario "
    "is made for, else inline."
)
_STORE_HELP = (
    "Results store: a file or postgresql://user@host/database. Default: $SQUALL_STORE, else a "
    "file in your data directory."
)


def run(
    scenario: Annotated[str, typer.Argument(help=_SCENARIO_HELP)],
    target: Annotated[str | None, typer.Option(help=_TARGET_HELP)] = None,
    rate_scale: Annotated[
        float | None,
        typer.Option(help="Multiply every rate of the scenario; default: its own scale, else 1."),
    ] = None,
    time_scale: Annotated[
        float | None,
        typer.Option(help="Multiply every length of time; default: the scenario's scale, else 1."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="The same seed on the same day sends the same transactions.")
    ] = DEFAULT_SEED,
    workers: Annotated[
        int | None, typer.Option(help="Load worker processes; fitted to the load if left out.")
    ] = None,
    env: Annotated[str, typer.Option(help="A name for where this runs, for reports.")] = "local",
    replay: Annotated[
        Path | None,
        typer.Option(help="Send the transactions of a Parquet, CSV or JSON-lines file."),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is the screen."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the reports go; default .squall/reports/RUN."),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no reports.")] = False,
    store: Annotated[str | None, typer.Option(metavar="URL", help=_STORE_HELP)] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Do not keep the result.")] = False,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your own price book; default: AWS list prices."),
    ] = None,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="Plain lines without colours.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only the verdict and where the report is.")
    ] = False,
) -> None:
    """Run a scenario against a target and judge the result.

    Exit status: 0 passed, 1 a criterion failed, 2 wrong usage or an unusable target, 3 the load
    generator was the limit, 4 stopped or broken off.
    """
    config = make_config(
        load_scenario(scenario),
        target=target,
        seed=seed,
        rate_scale=rate_scale,
        time_scale=time_scale,
        workers=workers,
        environment=env,
        replay=None if replay is None else str(replay),
    )
    parts = real_parts(prices)
    outputs = Outputs(json=json, report=report, no_report=no_report, store=store, no_store=no_store)
    outputs.check()
    console = lasting_console(no_color, stderr=json == "-")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(run_and_report(config, outputs, console, quiet, parts))
    raise typer.Exit(status)


async def run_and_report(
    config: StressTestConfig,
    outputs: Outputs,
    console: LastingConsole,
    quiet: bool,
    parts: Parts | None = None,
) -> int:
    """One whole run; returns the exit status. Raises ``SquallError`` where nothing was sent."""
    parts = parts or real_parts()
    said: list[Screen] = []
    orchestrator = StressTestOrchestrator(
        config, parts, progress=lambda text: said[-1].tell(text) if said else None
    )
    results = None
    with outputs.kept(orchestrator.plan) as keep:
        async with _screen(orchestrator.plan, config, console, quiet) as screen:
            said.append(screen)
            results = await watched(orchestrator, screen)
        if results is None:
            console.print("Stopped before any transaction was sent.", highlight=False)
            return Verdict.ABORTED.exit_status
        written = keep(results)
    if quiet:
        console.print(f"{results.run_id}: {results.verdict.value}", highlight=False)
    else:
        console.print(TerminalSummary(results))
        console.print()
    for line in written.lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for problem in written.problems:
        complain(problem)
    complain_of_loss(console)
    return results.verdict.exit_status or (2 if written.problems else 0)


async def watched(orchestrator: StressTestOrchestrator, screen: Screen) -> TestResults | None:
    """Run it on this screen, with interrupts; None where it was stopped before the load."""
    running = asyncio.create_task(orchestrator.run())
    watching = asyncio.create_task(_watch(orchestrator, screen))
    interrupts = Interrupts(orchestrator, running, screen.tell)
    try:
        with interrupts.caught():
            return await running
    except asyncio.CancelledError:
        if running.cancelled():
            return None
        raise
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def real_parts(prices: Path | None = None) -> Parts:
    """The engine, targets and clocks of this machine, and a price book's prices.

    Raises:
        ConfigurationError: ``prices`` is no price book.
    """
    return Parts(
        open_target=target_opener(default_cache_dir(os.environ)),
        make_engine=LoadGenerator,
        monotonic=time.monotonic,
        wall_clock=time.time,
        randomness=os.urandom,
        cores=len(os.sched_getaffinity(0)),
        prices=load_price_book(prices),
    )


@asynccontextmanager
async def _screen(
    plan: RunPlan, config: StressTestConfig, console: LastingConsole, quiet: bool
) -> AsyncIterator[Screen]:
    if quiet:
        yield Silence()
        return
    if not is_live(console, os.environ):
        screen = plain_screen(console)
        screen.tell(f"{config.scenario.name} → {config.target}, run {plan.run_id}")
        screen.tell(plan.scaling.statement)
        yield screen
        return
    header = RunHeader(
        scenario=config.scenario.name,
        target=config.target,
        run_id=plan.run_id,
        scaling=plan.scaling.statement,
        workers=plan.workers,
    )
    async with redrawn(LiveView(header, plan.profile), console) as view:
        yield view


async def _watch(orchestrator: StressTestOrchestrator, screen: Screen) -> None:
    async for snapshot in orchestrator.subscribe():
        screen.update(snapshot)
