"""``squall demo``: the main job in about a minute."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from squall.cli.options import make_config
from squall.cli.outputs import REPORTS, Outputs
from squall.cli.run import make_console, run_and_report
from squall.load_generator.profiles import build
from squall.models import TestScenario
from squall.results.reports import FORMATS
from squall.scenarios import load_scenario

SCENARIO = "peak_load"
REPORT = REPORTS / "demo"
RATE_SCALES = ((8, 0.5), (4, 0.35), (1, 0.2))
"""(cores, share of the scenario's rate): what generator and platform hold together on so many
cores with room to spare, so that the demonstration shows the system and not the machine."""


def demo(
    minutes: Annotated[
        float, typer.Option(min=0.1, max=60, help="Length of the load in minutes.")
    ] = 1.0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the report in a browser.")
    ] = False,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is the screen."),
    ] = None,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="Plain lines without colours.")
    ] = False,
) -> None:
    """Stress the reference fraud platform and judge it: the whole of squall in about a minute.

    Launches the platform, runs a short peak_load against it at a rate for this machine, reads
    back what the platform decided, and writes the report. Exit status as of squall run.
    """
    scenario = load_scenario(SCENARIO)
    plan = DemoPlan.of(scenario, minutes, len(os.sched_getaffinity(0)))
    console = make_console(no_color, stderr=json == "-")
    console.print(plan.introduction(), soft_wrap=True)
    console.print()
    config = make_config(scenario, rate_scale=plan.rate_scale, time_scale=plan.time_scale)
    outputs = Outputs(json=json, report=REPORT)
    outputs.check()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(run_and_report(config, outputs, console, quiet=False))
    page = (REPORT / FORMATS["html"].file_name).absolute()
    if page.exists():
        console.print()
        console.print(closing(page), soft_wrap=True)
        if not no_browser and can_show(os.environ, sys.stdout.isatty()):
            webbrowser.open(page.as_uri())
    raise typer.Exit(status)


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """How the scenario is scaled for a demonstration. Rates per second, times in minutes."""

    rate_scale: float
    time_scale: float
    peak_tps: float
    minutes: float
    written_peak_tps: float
    written_minutes: float
    cores: int

    @classmethod
    def of(cls, scenario: TestScenario, minutes: float, cores: int) -> DemoPlan:
        """The plan for a machine with ``cores`` cores."""
        profile = build(scenario.load, 0)
        rate_scale = next(
            (scale for at_least, scale in RATE_SCALES if cores >= at_least), RATE_SCALES[-1][1]
        )
        return cls(
            rate_scale=rate_scale,
            time_scale=minutes * 60 / profile.duration_s,
            peak_tps=profile.peak_tps * rate_scale,
            minutes=minutes,
            written_peak_tps=profile.peak_tps,
            written_minutes=profile.duration_s / 60,
            cores=cores,
        )

    def introduction(self) -> str:
        """What is about to happen, and what it is not."""
        cores = "one core" if self.cores == 1 else f"{self.cores} cores"
        return (
            f"squall sends labelled payments to a fraud platform on this machine for"
            f" {self.minutes:g} min, up to {self.peak_tps:,.0f} a second, and accounts for each.\n"
            f"Scaled: {SCENARIO} as written goes to {self.written_peak_tps:,.0f} TPS in"
            f" {self.written_minutes:g} min; {self.rate_scale:g} of its rate is what {cores} hold"
            " for sender and platform together. squall limit finds this machine's own limit."
        )


def closing(page: Path) -> str:
    """Where to look, and what to try next."""
    return (
        f"The report is this release's dashboard; it is one file and opens in any browser:\n"
        f"  {page}\n"
        "Next: squall limit (the highest rate that holds), squall runs list, squall --help."
    )


def can_show(environment: Mapping[str, str], terminal: bool) -> bool:
    """Whether somebody sits in front of a screen that a browser can open on."""
    return terminal and bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
