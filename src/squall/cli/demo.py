"""``squall demo``: the main job in about a minute."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from squall.cli import foreground
from squall.cli.console import LastingConsole, lasting_console
from squall.cli.options import make_config
from squall.cli.outputs import REPORTS, Outputs
from squall.cli.platform import LOOK_AT_STREAM, exports
from squall.cli.run import real_parts, run_and_report
from squall.load_generator.profiles import build
from squall.models import FIELDS, PlatformSetup, StressTestConfig, TestScenario, Verdict
from squall.orchestrator.ports import TargetSession
from squall.orchestrator.sessions import INLINE, STREAM, KeptTarget
from squall.results.reports import FORMATS
from squall.scenarios import load_scenario

SCENARIO = "peak_load"
REPORT = REPORTS / "demo"
RATE_SCALES = ((8, 0.5), (4, 0.35), (1, 0.2))
"""(cores, share of the scenario's rate): what generator and platform hold together on so many
cores with room to spare, so that the demonstration shows the system and not the machine."""
STREAM_CORES = 2
"""On fewer cores gateway, twin, functions and generator are in each other's way."""
STREAM_CONNECTIONS = 1_024
"""The gateway acknowledges what the stream has, which takes a tenth of a second or two."""
STREAM_CRITERIA = ("latency_ms.decision.p95 < 2 s",)
LOOK_AT_METRICS = (
    "aws cloudwatch get-metric-data --start-time $(date -ud '-15 min' +%FT%TZ)"
    " --end-time $(date -u +%FT%TZ) --metric-data-queries '"
    '[{"Id":"put","MetricStat":{"Period":60,"Stat":"Sum","Metric":{"Namespace":"AWS/Kinesis",'
    '"MetricName":"IncomingRecords","Dimensions":[{"Name":"StreamName","Value":"transactions"}]'
    "}}}]'"
)
STAY_S = 600.0
"""How long platform and twin stay up at most where nobody said how long."""


class DemoTarget(StrEnum):
    """What the demonstration loads."""

    STREAM = STREAM
    INLINE = INLINE


def demo(
    minutes: Annotated[
        float, typer.Option(min=0.1, max=60, help="Length of the load in minutes.")
    ] = 1.0,
    target: Annotated[
        DemoTarget | None,
        typer.Option(
            help="stream: the platform on the cloud twin, a loopback AWS; inline: all in one. "
            "Default: stream, on a single core inline."
        ),
    ] = None,
    serve: Annotated[
        bool | None,
        typer.Option(
            "--serve/--no-serve",
            help="Keep the platform up after the verdict, until Ctrl-C. On a terminal it stays "
            "until Enter if neither is given.",
        ),
    ] = None,
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
    plan = DemoPlan.of(scenario, minutes, len(os.sched_getaffinity(0)), target)
    console = lasting_console(no_color, stderr=json == "-")
    console.print(plan.introduction(), soft_wrap=True)
    console.print()
    outputs = Outputs(json=json, report=REPORT)
    outputs.check()
    show = not no_browser and can_show(os.environ, sys.stdout.isatty())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(_demonstrate(plan.config(scenario), outputs, console, show, serve))
    raise typer.Exit(status)


async def _demonstrate(
    config: StressTestConfig,
    outputs: Outputs,
    console: LastingConsole,
    show: bool,
    serve: bool | None,
) -> int:
    """The run with its report, then the platform for as long as somebody looks at it."""
    parts = real_parts()

    def tell(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    async with KeptTarget(parts.open_target, tell) as kept:
        with (
            console.status("starting the fraud platform") as starting,
            foreground.signalled() as ended,
        ):
            session = await foreground.unless_ended(
                _opened(kept, config.target, starting.update), ended
            )
        if session is None:
            tell("Stopped before any transaction was sent.")
            return Verdict.ABORTED.exit_status
        tell(whereabouts(session))
        console.print()
        kept_parts = replace(parts, open_target=kept.open)
        status = await run_and_report(config, outputs, console, quiet=False, parts=kept_parts)
        page = (REPORT / FORMATS["html"].file_name).absolute()
        if page.exists():
            console.print()
            tell(closing(page))
            if show:
                webbrowser.open(page.as_uri())
        if serve or (serve is None and _somebody_watches()):
            await _stay(session, tell, until_enter=serve is None)
    return status


async def _opened(kept: KeptTarget, target: str, progress: Callable[[str], None]) -> TargetSession:
    """The session, open from now on."""
    async with kept.open(target, frozenset(FIELDS), progress, PlatformSetup()) as session:
        return session


async def _stay(session: TargetSession, tell: Callable[[str], None], *, until_enter: bool) -> None:
    """Keep the target up until a signal; with ``until_enter`` until Enter or ``STAY_S`` too."""
    how = (
        f"press Enter to end ({STAY_S / 60:.0f} minutes at most)" if until_enter else "until Ctrl-C"
    )
    tell("")
    tell(staying(session, how))
    with foreground.signalled() as ended:
        loop = asyncio.get_running_loop()
        if until_enter:
            loop.add_reader(sys.stdin.fileno(), ended.set)
            loop.call_later(STAY_S, ended.set)
        try:
            await foreground.watch(session, ended)
        finally:
            if until_enter:
                loop.remove_reader(sys.stdin.fileno())


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """How the scenario is scaled for a demonstration. Rates per second, times in minutes."""

    target: DemoTarget
    rate_scale: float
    time_scale: float
    peak_tps: float
    minutes: float
    written_peak_tps: float
    written_minutes: float
    cores: int

    @classmethod
    def of(
        cls, scenario: TestScenario, minutes: float, cores: int, target: DemoTarget | None = None
    ) -> DemoPlan:
        """The plan for a machine with ``cores`` cores."""
        profile = build(scenario.load, 0)
        rate_scale = next(
            (scale for at_least, scale in RATE_SCALES if cores >= at_least), RATE_SCALES[-1][1]
        )
        default = DemoTarget.STREAM if cores >= STREAM_CORES else DemoTarget.INLINE
        return cls(
            target=target or default,
            rate_scale=rate_scale,
            time_scale=minutes * 60 / profile.duration_s,
            peak_tps=profile.peak_tps * rate_scale,
            minutes=minutes,
            written_peak_tps=profile.peak_tps,
            written_minutes=profile.duration_s / 60,
            cores=cores,
        )

    def config(self, scenario: TestScenario) -> StressTestConfig:
        """The run. Where decisions come later than answers they have a criterion of their own."""
        if self.target is DemoTarget.STREAM:
            connections = max(scenario.client.connections, STREAM_CONNECTIONS)
            client = scenario.client.model_copy(update={"connections": connections})
            criteria = (*scenario.criteria, *STREAM_CRITERIA)
            scenario = scenario.model_copy(update={"client": client, "criteria": criteria})
        return make_config(
            scenario,
            target=self.target.value,
            rate_scale=self.rate_scale,
            time_scale=self.time_scale,
        )

    def introduction(self) -> str:
        """What is about to happen, and what it is not."""
        cores = "one core" if self.cores == 1 else f"{self.cores} cores"
        where = (
            "on a loopback AWS on this machine"
            if self.target is DemoTarget.STREAM
            else "on this machine"
        )
        return (
            f"squall sends labelled payments to a fraud platform {where} for"
            f" {self.minutes:g} min, up to {self.peak_tps:,.0f} a second, and accounts for each.\n"
            f"Scaled: {SCENARIO} as written goes to {self.written_peak_tps:,.0f} TPS in"
            f" {self.written_minutes:g} min; {self.rate_scale:g} of its rate is what {cores} hold"
            " for sender and platform together. squall limit finds this machine's own limit."
        )


def whereabouts(session: TargetSession) -> str:
    """Where the platform is, and its twin, while it runs."""
    installation = session.installation
    text = f"The fraud platform is at {installation.platform_url}"
    if installation.twin_url is not None:
        text += f", on the cloud twin at {installation.twin_url}"
    return f"{text}."


def staying(session: TargetSession, how: str) -> str:
    """What can be looked at while the platform stays up."""
    twin_url = session.installation.twin_url
    if twin_url is None:
        return f"{whereabouts(session)} It stays up: {how}."
    return (
        f"{whereabouts(session)} Both stay up: {how}. In another terminal:\n"
        f"{exports(twin_url)}\n"
        f"  {LOOK_AT_STREAM}\n"
        f"  {LOOK_AT_METRICS}\n"
        f"  curl -s {twin_url}/_twin/meter"
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


def _somebody_watches() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
