"""Which tools tell the truth about a stalling server: ``python -m benchmarks.stall``.

The truth is a formula, derived in ``servers/stall_formula.py``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparators import (
    K6,
    Comparator,
    Hey,
    Load,
    Locust,
    Oha,
    Outcome,
    SquallEngine,
    Vegeta,
    Wrk,
    Wrk2,
)
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import BenchmarkError, Child, require_two_cores
from benchmarks.harness.records import Cell, Record, Table, now_utc
from benchmarks.harness.statistics import Spread
from benchmarks.servers.stall_formula import Stall, error_percent
from benchmarks.servers.stall_pace import StallPlan
from benchmarks.servers.stalling import StallingServer, StallReport

CONNECTIONS = 64
ARRIVAL_TPS = 5_000.0
PLAN = StallPlan(stall_s=1.0, period_s=10.0, drain_tps=10_000.0)
SLOWEST_DRAIN = 1.2
"""Drain rates below this multiple of the arrival rate are the tool's own slowness."""
MEASURE_DRAIN_S = 0.5
"""The drain rate is counted over this long after each stall; the backlog lasts a second."""
JUDGED = {90.0: "p90", 95.0: "p95", 99.0: "p99", 99.9: "p999"}
ENGINE = SquallEngine().name

TOOLS: tuple[Comparator, ...] = (
    SquallEngine(),
    Wrk2(),
    Oha(),
    Vegeta(),
    K6(),
    Locust(),
    Hey(),
    Wrk(),
)

METHOD = (
    f"A server on core 0 reads every request at once and answers in order, at no more than "
    f"μ = {PLAN.drain_tps:,.0f} per second; for {PLAN.stall_s:g} s in every {PLAN.period_s:g} s it "
    f"answers nothing. The tool, on core 1, is to send λ = {ARRIVAL_TPS:,.0f} TPS over "
    f"{CONNECTIONS} connections.",
    "The true quantile of the response time is q(p) = S − P(1 − p)(1 − λ/μ), clipped at the "
    "baseline (benchmarks/servers/stall_formula.py has the derivation).",
    "μ is measured by the server during every backlog, the baseline one request at a time before "
    "the load; the formula takes what was measured in the same run.",
    "Every run gets a fresh server and whole periods of load. vegeta and k6 may open as many "
    "connections as they want (k6 at most 6,000); the others keep to theirs. wrk cannot hold a "
    "rate: it sends whenever it has had an answer.",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One tool against one server."""

    tool: str
    baseline_s: float
    server: StallReport
    outcome: Outcome
    duration_s: float

    @property
    def received_tps(self) -> float:
        """Requests at the server per second of load asked for."""
        return self.server.received / self.duration_s

    @property
    def kept_the_rate(self) -> bool:
        """Whether the requests that were to come did come, to 2 %."""
        return abs(self.received_tps / ARRIVAL_TPS - 1) < 0.02

    def truth(self) -> Stall:
        """The formula with what this run's server measured.

        Where the tool did not keep the rate, it is what it would have had to report, had it kept
        it: the backlog then drains at the server's pace.
        """
        drain_tps = self.server.drain_tps()
        if not self.kept_the_rate or drain_tps is None or drain_tps <= ARRIVAL_TPS * SLOWEST_DRAIN:
            drain_tps = PLAN.drain_tps
        return Stall(PLAN.stall_s, PLAN.period_s, ARRIVAL_TPS, drain_tps, self.baseline_s)


def measure_all(options: Options) -> Record:
    """Every tool; squall several times."""
    require_two_cores()
    repeats = options.repeats or (1 if options.quick else 3)
    duration_s = PLAN.period_s * (1 if options.quick else 6)
    versions = {tool.name: tool.version() for tool in TOOLS}
    runs: list[Run] = []
    noise = NoiseMeter()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        for tool in TOOLS:
            if versions[tool.name] is None:
                say(f"{tool.name}: not installed")
                continue
            for number in range(repeats if tool.name == ENGINE else 1):
                where = Path(scratch) / f"{number}-{tool.name.replace(' ', '-')}"
                try:
                    run = _run(tool, duration_s, where)
                except BenchmarkError as error:
                    say(f"{tool.name}: {error}")
                    continue
                runs.append(run)
                say(f"{tool.name}: {dict(run.outcome.percentiles_ms)}")
    return Record(
        benchmark="stall",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"{duration_s:g} s per run; median of squall's runs: {repeats}."),
        tools={name: version or "not installed" for name, version in versions.items()},
        bars=bars_of(runs),
        tables=(table_of(runs),),
        rounds=tuple(
            {
                "tool": run.tool,
                "baseline_ms": round(run.baseline_s * 1000, 4),
                "drain_tps": run.server.drain_tps(),
                "server": run.server.model_dump(mode="json"),
                "completed": run.outcome.completed,
                "failed": run.outcome.failed,
                "percentiles_ms": {f"{p:g}": v for p, v in run.outcome.percentiles_ms.items()},
                "note": run.outcome.note,
            }
            for run in runs
        ),
    )


def _run(tool: Comparator, duration_s: float, directory: Path) -> Run:
    directory.mkdir(parents=True)
    with StallingServer(PLAN, MEASURE_DRAIN_S, directory) as server:
        load = Load(server.url, CONNECTIONS, duration_s, ARRIVAL_TPS, directory)
        child = Child(tool.command(load), directory, environment=tool.environment(load))
        try:
            finished = child.wait(duration_s * 2 + 120)
        finally:
            child.kill()
        if finished.exit_status != 0:
            raise BenchmarkError(f"ended with {finished.exit_status}: {finished.stderr[-1000:]}")
        return Run(
            tool.name,
            server.baseline_s,
            server.finish(),
            tool.read(finished.stdout, load),
            duration_s,
        )


def bars_of(runs: Sequence[Run]) -> dict[str, float]:
    """Median error of squall's runs, each against the formula with its own measured μ."""
    bars: dict[str, float] = {}
    own = [run for run in runs if run.tool == ENGINE]
    for percent, key in JUDGED.items():
        errors = [
            error_percent(
                run.outcome.percentiles_ms[percent] / 1000, run.truth().quantile_s(percent / 100)
            )
            for run in own
        ]
        if errors:
            bars[f"stall_error_percent_{key}"] = round(Spread.of(errors).median, 4)
    return bars


def table_of(runs: Sequence[Run]) -> Table:
    """The formula first, then a row per tool: values in ms, and their ratio to the truth."""
    nominal = Stall(PLAN.stall_s, PLAN.period_s, ARRIVAL_TPS, PLAN.drain_tps)
    rows: list[tuple[Cell, ...]] = [
        (
            "**truth (formula)**",
            "the intended send",
            f"{ARRIVAL_TPS:,.0f}",
            f"{PLAN.drain_tps:,.0f}",
            *(f"{nominal.quantile_s(p / 100) * 1000:,.0f}" for p in JUDGED),
            None,
        )
    ]
    for name in dict.fromkeys(run.tool for run in runs):
        these = [run for run in runs if run.tool == name]
        drained = [rate for run in these if (rate := run.server.drain_tps()) is not None]
        rows.append(
            (
                name,
                next(tool.clock for tool in TOOLS if tool.name == name),
                f"{Spread.of([run.received_tps for run in these]).median:,.0f}",
                f"{Spread.of(drained).median:,.0f}" if drained else None,
                *(_against(these, percent) for percent in JUDGED),
                "; ".join(sorted({run.outcome.note for run in these if run.outcome.note})) or None,
            )
        )
    return Table(
        title="Response time in ms (and its ratio to the truth)",
        columns=(
            "tool",
            "its clock starts at",
            "requests/s",
            "backlog drained at, per s",
            "P90",
            "P95",
            "P99",
            "P99.9",
            "remarks",
        ),
        rows=tuple(rows),
        note="The truth in the first row is for the planned μ. Ratios are to the formula with the "
        "μ of the run itself; where a tool did not keep the rate, to the first row: what it would "
        "have had to report.",
    )


def _against(runs: Sequence[Run], percent: float) -> str | None:
    values = [
        (run.outcome.percentiles_ms[percent], run.truth().quantile_s(percent / 100) * 1000)
        for run in runs
        if percent in run.outcome.percentiles_ms
    ]
    if not values:
        return None
    median = Spread.of([value for value, _ in values]).median
    ratio = Spread.of([value / true for value, true in values]).median
    return f"{median:,.{0 if median >= 100 else 1}f} ({ratio:.3g} ×)"


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
