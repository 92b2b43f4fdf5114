"""Achieved against planned rate, and lateness: ``python -m benchmarks.rate_accuracy``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparators import Load, SquallEngine
from benchmarks.comparators.squall import EngineReport, read_engine_report
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import (
    CLIENT_CORE,
    SERVER_CORE,
    BenchmarkError,
    Child,
    require_two_cores,
    stay_with_the_server,
)
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread, rotated
from benchmarks.servers.nginx import Nginx, nginx_version

RATES_TPS = (1_000, 5_000, 10_000, 20_000)
LATENESS_AT_TPS = 10_000
CONNECTIONS = 64
START_DEADLINE_S = 60.0

METHOD = (
    "nginx on core 0; squall, one worker and the process that it reports to, on both cores as the "
    "system places them; 64 connections, evenly spaced "
    "arrivals of 300-byte transactions made on the fly.",
    "The achieved rate is counted by nginx, not by squall: its request counter is read twice "
    "during the run, and the difference divided by the time between the two.",
    "Lateness is the write minus the intended send, of every transaction of the run.",
    "Time stolen is what the hypervisor gave to other machines during that run (steal time of "
    "both cores); a pause of the whole machine is in the lateness of whatever was due in it.",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """nginx's counter at a time; the time is known to ± ``slack_s``."""

    at_s: float
    slack_s: float
    requests: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run at one rate."""

    rate_tps: int
    achieved_tps: float
    uncertainty_percent: float
    """How far the achieved rate may be off, because reading the counter takes time."""
    report: EngineReport
    stolen_percent: float
    """Share of the machine's time that the hypervisor gave to others during the run."""

    @property
    def error_percent(self) -> float:
        """Size of the error, percent of the plan."""
        return 100 * abs(self.achieved_tps / self.rate_tps - 1)


def achieved_tps(first: Reading, last: Reading) -> float:
    """Requests per second between two readings."""
    if last.at_s <= first.at_s:
        raise ValueError("the second reading must be later than the first")
    return (last.requests - first.requests) / (last.at_s - first.at_s)


def measure_all(options: Options) -> Record:
    """All rates, several times, interleaved."""
    require_two_cores()
    rounds = options.repeats or (1 if options.quick else 5)
    duration_s = 4.0 if options.quick else 20.0
    runs: list[Run] = []
    noise = NoiseMeter()
    stay_with_the_server()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        directory = Path(scratch)
        with Nginx(directory / "nginx") as server:
            for number in range(rounds):
                for name in rotated([str(rate) for rate in RATES_TPS], number):
                    run = _run(server, int(name), duration_s, directory / f"{number}-{name}")
                    say(
                        f"{run.rate_tps:,} TPS: achieved {run.achieved_tps:,.2f}, lateness P99 "
                        f"{run.report.lateness_ms['99']:.3f} ms, "
                        f"{run.stolen_percent:.2f} % of the time stolen"
                    )
                    runs.append(run)
    return Record(
        benchmark="rate_accuracy",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"Runs at each rate, interleaved: {rounds}, of {duration_s:g} s."),
        tools={"nginx": nginx_version(), "squall": SquallEngine().version() or "not installed"},
        bars=bars_of(runs),
        tables=(table_of(runs), lateness_table(runs)),
        rounds=tuple(
            {
                "rate_tps": run.rate_tps,
                "achieved_tps": round(run.achieved_tps, 3),
                "uncertainty_percent": round(run.uncertainty_percent, 4),
                "stolen_percent": run.stolen_percent,
                "engine": run.report.model_dump(),
            }
            for run in runs
        ),
    )


def _run(server: Nginx, rate_tps: int, duration_s: float, directory: Path) -> Run:
    directory.mkdir(parents=True)
    noise = NoiseMeter()
    tool = SquallEngine()
    load = Load(server.url, CONNECTIONS, duration_s, rate_tps, directory)
    before = server.requests()
    child = Child(
        tool.command(load),
        directory,
        cores=(SERVER_CORE, CLIENT_CORE),
        environment=tool.environment(load),
    )
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        while server.requests() - before < rate_tps * 0.3:
            if not child.running or time.monotonic() > deadline:
                raise BenchmarkError(f"the engine does not start: {child.stderr_tail()}")
            time.sleep(0.02)
        first = _read(server)
        time.sleep(duration_s - 1.0)
        last = _read(server)
        finished = child.wait(60)
    finally:
        child.kill()
    if finished.exit_status != 0:
        raise BenchmarkError(f"the engine ended with {finished.exit_status}: {finished.stderr}")
    report = read_engine_report(finished.stdout)
    if report.accepted != report.planned:
        say(f"{report.planned - report.accepted} of {report.planned} not accepted")
    slack = (first.slack_s + last.slack_s) / (last.at_s - first.at_s)
    stolen_percent = noise.read().steal_percent
    return Run(rate_tps, achieved_tps(first, last), 100 * slack, report, stolen_percent)


def _read(server: Nginx) -> Reading:
    before = time.monotonic()
    requests = server.requests()
    after = time.monotonic()
    return Reading((before + after) / 2, (after - before) / 2, requests)


def bars_of(runs: Sequence[Run]) -> dict[str, float]:
    """Median error by rate, and median P99 of lateness at 10,000 TPS."""
    bars: dict[str, float] = {}
    for rate in RATES_TPS:
        errors = [run.error_percent for run in runs if run.rate_tps == rate]
        if errors:
            bars[f"rate_error_percent_{rate}"] = round(Spread.of(errors).median, 5)
    late = [run.report.lateness_ms["99"] for run in runs if run.rate_tps == LATENESS_AT_TPS]
    if late:
        bars[f"lateness_p99_ms_{LATENESS_AT_TPS}"] = Spread.of(late).median
    return bars


def table_of(runs: Sequence[Run]) -> Table:
    """One row per rate."""
    rows = []
    for rate in RATES_TPS:
        these = [run for run in runs if run.rate_tps == rate]
        if not these:
            continue
        reports = [run.report for run in these]
        rows.append(
            (
                f"{rate:,}",
                f"{Spread.of([run.achieved_tps for run in these]).median:,.2f}",
                Spread.of([run.error_percent for run in these]).text(4),
                f"± {max(run.uncertainty_percent for run in these):.3f}",
                Spread.of([report.lateness_ms["50"] for report in reports]).text(3),
                Spread.of([report.lateness_ms["99"] for report in reports]).text(3),
                Spread.of([report.lateness_ms["99.9"] for report in reports]).text(3),
                f"{sum(report.planned - report.accepted for report in reports)}",
                Spread.of([_cpu_us(report) for report in reports]).text(1),
                len(these),
            )
        )
    return Table(
        title="Planned and achieved rate",
        columns=(
            "planned TPS",
            "achieved TPS",
            "error %",
            "reading uncertainty %",
            "lateness P50 ms",
            "lateness P99 ms",
            "lateness P99.9 ms",
            "not accepted",
            "worker CPU µs/request",
            "runs",
        ),
        rows=tuple(rows),
        note="Median [lowest … highest].",
    )


def lateness_table(runs: Sequence[Run]) -> Table:
    """Every run at 10,000 TPS, from the least disturbed to the most."""
    these = [run for run in runs if run.rate_tps == LATENESS_AT_TPS]
    return Table(
        title=f"Lateness at {LATENESS_AT_TPS:,} TPS and time that the hypervisor took",
        columns=("time stolen %", "lateness P50 ms", "P99 ms", "P99.9 ms"),
        rows=tuple(
            (
                f"{run.stolen_percent:.2f}",
                *(f"{run.report.lateness_ms[p]:.3f}" for p in ("50", "99", "99.9")),
            )
            for run in sorted(these, key=lambda run: run.stolen_percent)
        ),
        note="One row per run. The bar is judged on the median of all of them.",
    )


def _cpu_us(report: EngineReport) -> float:
    return report.worker_cpu_s / max(report.attempts, 1) * 1e6


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
