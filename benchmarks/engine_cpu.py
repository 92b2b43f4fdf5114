"""CPU per request of squall's engine and of other tools: ``python -m benchmarks.engine_cpu``.

nginx has one core, the tool the other. Every round runs every tool once, each round starting with
another one; ratios are taken within a round.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import JsonValue

from benchmarks.comparators import (
    K6,
    Comparator,
    Hey,
    Locust,
    Oha,
    SquallEngine,
    Vegeta,
    Wrk,
    WrkConstant,
)
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import (
    BenchmarkError,
    require_two_cores,
    stay_with_the_server,
)
from benchmarks.harness.records import Cell, Record, Table, now_utc
from benchmarks.harness.statistics import Spread, median_or_none, paired_ratios, rotated
from benchmarks.measurement import Cost, Timing, measure
from benchmarks.servers.nginx import Nginx, nginx_version

CONNECTIONS = 64
ENGINE = SquallEngine().name
REFERENCE = Wrk().name
LOCUST = Locust().name

TOOLS: tuple[Comparator, ...] = (
    SquallEngine(),
    Wrk(),
    WrkConstant(),
    Oha(),
    Hey(),
    Vegeta(),
    K6(),
    Locust(),
)

METHOD = (
    f"nginx on core 0 answers every POST with a 97-byte decision; the tool is alone on core 1 "
    f"with {CONNECTIONS} keep-alive connections and sends as fast as it can.",
    "squall is offered more than it can send; its CPU is that of worker and parent together.",
    "CPU is user and system time of all the tool's processes over a steady window, from their CPU "
    "clocks; the requests of the window are counted by nginx.",
    "Ratios are taken between runs of the same round; the medians of those are the bars. Rounds "
    "start with another tool each time.",
)

Runs = Mapping[str, Sequence[Cost | None]]


def measure_all(options: Options) -> Record:
    """All rounds."""
    require_two_cores()
    rounds = options.repeats or (1 if options.quick else 7)
    timing = Timing(0.5, 1.5) if options.quick else Timing(1.0, 5.0)
    versions = {tool.name: tool.version() for tool in TOOLS}
    present = [tool for tool in TOOLS if versions[tool.name] is not None]
    runs: dict[str, list[Cost | None]] = {tool.name: [] for tool in present}
    noise = NoiseMeter()
    stay_with_the_server()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        directory = Path(scratch)
        with Nginx(directory / "nginx") as server:
            for number in range(rounds):
                by_name = {tool.name: tool for tool in present}
                for name in rotated(list(by_name), number):
                    where = directory / f"{number}-{name.replace(' ', '-')}"
                    runs[name].append(_run(by_name[name], server, timing, where))
    return Record(
        benchmark="engine_cpu",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"Rounds: {rounds}, each with a window of {timing.window_s:g} s."),
        tools={
            **{name: version or "not installed" for name, version in versions.items()},
            "nginx": nginx_version(),
        },
        bars=bars_of(runs),
        tables=(table_of(runs, {tool.name: tool for tool in present}),),
        rounds=tuple(
            {
                "round": number,
                "tool": name,
                "cost": _plain(cost),
            }
            for name, costs in runs.items()
            for number, cost in enumerate(costs)
        ),
    )


def _run(tool: Comparator, server: Nginx, timing: Timing, directory: Path) -> Cost | None:
    try:
        cost = measure(tool, server, CONNECTIONS, None, timing, directory)
    except BenchmarkError as error:
        say(f"{tool.name}: {error}")
        return None
    say(f"{tool.name}: {cost.steady_us:.2f} µs per request at {cost.rate_tps:,.0f} per second")
    return cost


def _plain(cost: Cost | None) -> JsonValue:
    if cost is None:
        return None
    values = asdict(cost)
    outcome = values.pop("outcome")
    return {
        **{key: round(value, 4) for key, value in values.items()},
        "completed": outcome["completed"],
        "failed": outcome["failed"],
    }


def ratios(runs: Runs, above: str, below: str) -> list[float]:
    """CPU of one tool ÷ that of another, by round; empty where one is missing."""
    steady = {
        name: [None if cost is None else cost.steady_us for cost in costs]
        for name, costs in runs.items()
    }
    if above not in steady or below not in steady:
        return []
    return paired_ratios(steady[above], steady[below])


def bars_of(runs: Runs) -> dict[str, float]:
    """The two bars, as far as they could be measured."""
    found = {
        "engine_cpu_vs_wrk": median_or_none(ratios(runs, ENGINE, REFERENCE)),
        "engine_cpu_vs_locust": median_or_none(ratios(runs, LOCUST, ENGINE)),
    }
    return {key: round(value, 4) for key, value in found.items() if value is not None}


def table_of(runs: Runs, tools: Mapping[str, Comparator]) -> Table:
    """One row per tool, the cheapest first."""
    rows: list[tuple[Cell, ...]] = []
    order: list[float] = []
    for name, costs in runs.items():
        done = [cost for cost in costs if cost is not None]
        if not done:
            continue
        steady = Spread.of([cost.steady_us for cost in done])
        compared = ratios(runs, name, REFERENCE)
        order.append(steady.median)
        rows.append(
            (
                name,
                _yes(tools[name].unique_body),
                _yes(tools[name].checks_decision),
                steady.text(1),
                f"{Spread.of([cost.whole_us for cost in done]).median:.1f}",
                f"{Spread.of(compared).text(2)}" if compared else None,
                f"{Spread.of([cost.rate_tps for cost in done]).median:,.0f}",
                f"{Spread.of([cost.client_share for cost in done]).median:.0%}",
                f"{Spread.of([cost.server_share for cost in done]).median:.0%}",
                len(done),
            )
        )
    sorted_rows = [row for _, row in sorted(zip(order, rows, strict=True), key=lambda p: p[0])]
    return Table(
        title="CPU per request at saturation",
        columns=(
            "tool",
            "own body per request",
            "decision read",
            "CPU µs/request, steady",
            "with start-up",
            f"÷ {REFERENCE}",
            "requests/s",
            "its core used",
            "nginx's core used",
            "rounds",
        ),
        rows=tuple(sorted_rows),
        note="Median [lowest … highest]. A constant body and an unread answer are less work: those "
        "rows are for orientation. vegeta repeats 50,000 prepared bodies in turn. hey's figure "
        "with start-up includes the table of all requests that it writes at its end.",
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
