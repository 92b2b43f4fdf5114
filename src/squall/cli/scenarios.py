"""``squall scenarios``: what comes with squall, and help with scenarios of one's own."""

from __future__ import annotations

import json as json_text
from importlib.resources import files
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from squall.cli.console import make_console
from squall.load_generator.profiles import build
from squall.models import LoadProfile, TestScenario
from squall.models.scenario import DEFAULT_SEED
from squall.orchestrator.planning import describe_span
from squall.scenarios import list_scenarios, load_scenario, result_schema, scenario_schema

scenarios = typer.Typer(
    name="scenarios",
    help="List and show scenarios, and check scenario files.",
    no_args_is_help=True,
)

NoColor = Annotated[bool, typer.Option("--no-color", help="No colours.")]


@scenarios.command("list")
def list_all(no_color: NoColor = False) -> None:
    """List the scenarios that come with squall."""
    console = make_console(no_color)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario", no_wrap=True, style="bold")
    table.add_column("peak", no_wrap=True, justify="right")
    table.add_column("length", no_wrap=True, justify="right")
    table.add_column("what it tests", overflow="fold")
    for summary in list_scenarios():
        table.add_row(
            summary.name,
            f"{summary.peak_tps:,.0f} TPS",
            describe_span(summary.duration_s),
            escape(summary.why),
        )
    console.print(table)
    console.print(
        "\nRun one:  squall run NAME    on a smaller scale:  --rate-scale 0.5 --time-scale 0.03",
        style="dim",
    )


@scenarios.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A scenario's name or file.")],
    yaml: Annotated[
        bool, typer.Option("--yaml", help="The file itself, to start one of your own from.")
    ] = False,
    no_color: NoColor = False,
) -> None:
    """Show what a scenario sends and when it passes."""
    scenario = load_scenario(name)
    if yaml:
        typer.echo(_text_of(name, scenario), nl=False)
        return
    _describe(scenario, make_console(no_color))


@scenarios.command("validate")
def validate(
    file: Annotated[list[str], typer.Argument(help="Scenario files (or names).")],
) -> None:
    """Check scenario files; every problem is listed with its line, and the exit status is 2."""
    for name in file:
        scenario = load_scenario(name)
        profile = build(scenario.load, DEFAULT_SEED)
        typer.echo(f"{name}: valid; {_summary(profile)}")


@scenarios.command("schema")
def schema(
    result: Annotated[
        bool, typer.Option("--result", help="Of a result (--json) instead of a scenario.")
    ] = False,
) -> None:
    """Print the JSON schema of scenario files, for editors to complete and check them."""
    document = result_schema() if result else scenario_schema()
    typer.echo(json_text.dumps(document, indent=2, ensure_ascii=False))


def _summary(profile: LoadProfile) -> str:
    return (
        f"peak {profile.peak_tps:,.0f} TPS, {describe_span(profile.duration_s)}, "
        f"{profile.total:,.0f} transactions"
    )


def _text_of(name: str, scenario: TestScenario) -> str:
    entry = files("squall.scenarios") / "catalogue" / f"{name}.yaml"
    if entry.is_file():
        return entry.read_text(encoding="utf-8")
    with open(name, encoding="utf-8") as own:
        return own.read()


def _describe(scenario: TestScenario, console: Console) -> None:
    profile = build(scenario.load, DEFAULT_SEED)
    console.print(f"[bold]{escape(scenario.name)}[/bold]  {escape(scenario.title)}")
    console.print(f"{escape(scenario.why)}\n")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    mix, client = scenario.mix, scenario.client
    legitimate = 1 - mix.fraud - mix.edge_cases
    table.add_row("load", f"{_summary(profile)}, {scenario.arrivals.value} arrivals")
    for phase in profile.phases[:12]:
        table.add_row(
            "",
            f"{describe_span(phase.start_s) if phase.start_s else '0 s'} – "
            f"{describe_span(phase.end_s)}  {escape(phase.name)}",
        )
    if len(profile.phases) > 12:
        table.add_row("", f"… and {len(profile.phases) - 12} more phases")
    table.add_row(
        "mix",
        f"{legitimate:.4g} legitimate, {mix.fraud:.4g} fraud, {mix.edge_cases:.4g} edge cases",
    )
    table.add_row(
        "client",
        f"{client.connections} connections, timeout {client.timeout_s:g} s, "
        f"queue of {client.queue_limit:,}, {client.retry.max_attempts} attempt(s)",
    )
    table.add_row("drain", f"up to {describe_span(scenario.drain_s)}")
    if scenario.target is not None:
        table.add_row("made for", escape(f"--target {scenario.target}"))
    if (scenario.scale.rate, scenario.scale.time) != (1, 1):
        table.add_row(
            "runs at",
            f"rate × {scenario.scale.rate:g}, time × {scenario.scale.time:g}, "
            "unless told otherwise",
        )
    for probe in scenario.probes:
        table.add_row("probe", _beside(probe.name, probe.type, probe.during))
    for fault in scenario.faults:
        table.add_row("fault", _beside(fault.name, fault.type, fault.during))
    for position, criterion in enumerate(scenario.criteria):
        table.add_row("passes when" if position == 0 else "", escape(criterion))
    for name, limit in scenario.stability.model_dump(exclude_none=True).items():
        table.add_row("stability", f"{name} at most {limit:g}")
    console.print(table)


def _beside(name: str, kind: str, phase: str | None) -> str:
    """A probe or a fault in a line."""
    return escape(f"{name}: {kind}, {'all along' if phase is None else f'in phase {phase}'}")
