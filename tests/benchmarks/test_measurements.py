"""The arithmetic of the single benchmarks, on made-up runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import run_all
from benchmarks.comparators import Outcome, SquallEngine
from benchmarks.comparators.squall import EngineReport
from benchmarks.engine_cpu import ENGINE, LOCUST, REFERENCE, TOOLS, bars_of, table_of
from benchmarks.harness.bars import BARS
from benchmarks.measurement import Cost, Timing
from benchmarks.memory import growth
from benchmarks.page import markdown_table
from benchmarks.platform_inline import (
    BURST,
    GENERATOR_LIMITED,
    SUSTAINED,
    ReadAccounting,
    ReadLatencies,
    ReadLimit,
    ReadResult,
    ReadSummary,
    ReadThroughput,
    Run,
)
from benchmarks.platform_inline import bars_of as platform_bars
from benchmarks.platform_inline import tables_of as platform_tables
from benchmarks.rate_accuracy import RATES_TPS, Reading, achieved_tps, lateness_table
from benchmarks.rate_accuracy import Run as RateRun
from benchmarks.rate_accuracy import bars_of as rate_bars
from benchmarks.rate_accuracy import table_of as rate_table
from benchmarks.servers.stalling import StallReport, StallSeen
from benchmarks.stall import ARRIVAL_TPS, PLAN
from benchmarks.stall import Run as StallRun
from benchmarks.stall import bars_of as stall_bars
from benchmarks.stall import table_of as stall_table
from squall.scenarios import load_scenario

KEYS = {bar.key for bar in BARS}


def cost(steady_us: float) -> Cost:
    return Cost(steady_us, steady_us, steady_us + 1, 1e6 / steady_us, 0.5, 1.0, Outcome(100))


def test_a_window_and_its_margins_fit_into_the_run() -> None:
    assert Timing(1.0, 5.0).duration_s == 8.0
    assert Timing(0.5, 1.5, 1.0).duration_s == 3.0


def test_engine_bars_are_medians_of_ratios_within_rounds() -> None:
    runs: dict[str, list[Cost | None]] = {
        ENGINE: [cost(10), cost(24), cost(12)],
        REFERENCE: [cost(10), cost(20), cost(10)],
        LOCUST: [cost(200), None, cost(180)],
    }
    assert bars_of(runs) == {"engine_cpu_vs_wrk": 1.2, "engine_cpu_vs_locust": 17.5}
    table = table_of(runs, {tool.name: tool for tool in TOOLS})
    assert [row[0] for row in table.rows] == [REFERENCE, ENGINE, LOCUST]
    assert table.rows[2][-1] == 2
    markdown_table(table)


def test_without_a_tool_there_is_no_ratio() -> None:
    assert bars_of({ENGINE: [cost(10)]}) == {}
    assert bars_of({ENGINE: [None], REFERENCE: [cost(1)]}) == {}


def report(lateness_p99_ms: float) -> EngineReport:
    percentiles = {"50": 0.1, "99": lateness_p99_ms, "99.9": 2.0}
    return EngineReport(
        planned=10,
        accepted=10,
        rejected=0,
        indeterminate=0,
        not_sent=0,
        attempts=10,
        errors={},
        calibrated_tps=1.0,
        ended_at_s=1.0,
        worker_cpu_s=0.001,
        parent_cpu_s=0.0,
        own_lateness_ms_max=0.0,
        pool_waits=0,
        response_ms=percentiles,
        service_ms=percentiles,
        lateness_ms=percentiles,
    )


def test_a_rate_is_a_difference_over_a_time() -> None:
    assert achieved_tps(Reading(10.0, 0.0, 500), Reading(12.0, 0.0, 2500)) == 1000
    with pytest.raises(ValueError, match="later"):
        achieved_tps(Reading(1, 0, 0), Reading(1, 0, 1))


def test_rate_bars() -> None:
    runs = [
        RateRun(rate, rate * factor, 0.01, report(late), late / 10)
        for rate in RATES_TPS
        for factor, late in ((0.9995, 0.2), (1.0, 0.6), (1.002, 9.0))
    ]
    bars = rate_bars(runs)
    assert bars.keys() == {key for key in KEYS if key.startswith(("rate_", "lateness_"))}
    assert bars["rate_error_percent_5000"] == pytest.approx(0.05)
    assert bars["lateness_p99_ms_10000"] == 0.6
    assert len(rate_table(runs).rows) == len(RATES_TPS)
    assert [row[2] for row in lateness_table(runs).rows] == ["0.200", "0.600", "9.000"]
    assert rate_bars([]) == {}


def stall_run(tool: str, factor: float, received: int = 50_000) -> StallRun:
    server = StallReport(
        received=received,
        answered=received,
        connections=64,
        stalls=(StallSeen(end_s=6.0, drained=5000, drain_s=0.5),),
    )
    run = StallRun(tool, 0.0002, server, Outcome(received), 10.0)
    percentiles = {p: run.truth().quantile_s(p / 100) * 1000 * factor for p in (90, 95, 99, 99.9)}
    return StallRun(tool, 0.0002, server, Outcome(received, percentiles_ms=percentiles), 10.0)


def test_a_tool_that_tells_the_truth_has_no_error() -> None:
    bars = stall_bars([stall_run(ENGINE, 1.0)])
    assert bars.keys() == {key for key in KEYS if key.startswith("stall_")}
    assert all(error == pytest.approx(0, abs=1e-9) for error in bars.values())
    wrong = stall_bars([stall_run(ENGINE, 0.9), stall_run(ENGINE, 1.1), stall_run(ENGINE, 1.1)])
    assert all(error == pytest.approx(10) for error in wrong.values())


def test_only_squall_is_judged_but_all_are_shown() -> None:
    runs = [stall_run(ENGINE, 1.0), stall_run("hey", 0.01)]
    assert stall_bars(runs[1:]) == {}
    rows = stall_table(runs).rows
    assert [row[0] for row in rows] == ["**truth (formula)**", ENGINE, "hey"]
    assert rows[1][4] == "500 (1 ×)"
    assert rows[2][4] == "5.0 (0.01 ×)"


def test_who_does_not_keep_the_rate_is_held_to_the_planned_pace() -> None:
    slow = StallReport(
        received=20_000,
        answered=20_000,
        connections=64,
        stalls=(StallSeen(end_s=6.0, drained=2000, drain_s=0.5),),
    )
    run = StallRun("slow", 0.001, slow, Outcome(20_000), 10.0)
    assert not run.kept_the_rate
    assert run.truth().drain_tps == PLAN.drain_tps
    assert stall_run("fast", 1.0).truth().drain_tps == 10_000
    assert run.truth().arrival_tps == ARRIVAL_TPS


def test_growth_is_between_the_first_and_the_last_tenth() -> None:
    samples = [(float(t), 1_000_000 * (t // 10)) for t in range(100)]
    assert growth(samples, 100.0).megabytes == 9.0
    with pytest.raises(ValueError, match="no samples"):
        growth(samples[:50], 100.0)


def result(**changed: int | None) -> ReadResult:
    ends: dict[str, int | bool | None] = {
        "planned": 100,
        "accepted": 97,
        "rejected": 3,
        "indeterminate": 0,
        "not_sent": 0,
        "rejected_expected": 3,
        "lost": 0,
        "duplicated": 0,
        "unexpected": 0,
        "reconciled": True,
        **changed,
    }
    return ReadResult(
        verdict="passed",
        accounting=ReadAccounting.model_validate(ends),
        latency_ms=ReadLatencies(response=ReadSummary(p50=1, p95=120, p99=200, max=300)),
        throughput=ReadThroughput(accepted_tps=1, peak_tps=1, duration_s=1),
    )


LIMIT = ReadLimit(
    headline="7,000 TPS holds; 8,000 TPS does not.",
    limit_tps=7000,
    breaks_tps=8000,
    holds_confidence=0.94,
    criteria=("accounting.lost == 0",),
    limited_by_generator=False,
)


def test_platform_bars_when_all_is_well() -> None:
    bars = platform_bars([Run(0, result())], [Run(0, result())], LIMIT)
    assert bars == {
        "platform_lost": 0,
        "platform_undecided": 0,
        "platform_p95_ms": 120,
        "burst_undecided": 0,
        "platform_limit_tps": 7000,
    }
    assert bars.keys() <= KEYS


def test_the_worst_run_decides_on_losses() -> None:
    runs = [Run(0, result()), Run(1, result(lost=2, duplicated=1, accepted=90))]
    bars = platform_bars(runs, runs, None)
    assert bars["platform_lost"] == 3
    assert bars["platform_undecided"] == 7
    assert bars["burst_undecided"] == 10


def test_what_is_unknown_or_not_the_platforms_fault_is_not_judged() -> None:
    unknown = platform_bars([Run(0, result(lost=None))], [Run(0, result(lost=None))], None)
    assert "platform_lost" not in unknown
    assert "burst_undecided" not in unknown
    assert platform_bars([Run(GENERATOR_LIMITED, result())], [], None) == {}


def test_platform_tables_can_be_shown() -> None:
    runs = [Run(0, result()), Run(GENERATOR_LIMITED, result(lost=None))]
    tables = platform_tables(runs, runs, LIMIT)
    assert [len(table.rows) for table in tables] == [4, 1]
    assert tables[0].rows[1][-1] == "generator was the limit"
    assert tables[0].rows[1][5] == "unknown"
    for table in tables:
        markdown_table(table)


@pytest.mark.parametrize(("path", "arrivals"), [(SUSTAINED, 300_000), (BURST, 10_000)])
def test_the_scenarios_are_valid(path: Path, arrivals: int) -> None:
    load = load_scenario(path).load
    assert load.type == "sustained"
    assert load.rate_tps * load.duration_s == arrivals


def test_run_all_knows_what_is_there() -> None:
    there = run_all.runnable()
    assert set(there) <= set(run_all.ORDER)
    assert {"engine_cpu", "rate_accuracy", "stall", "memory", "platform_inline"} <= set(there)


def test_squall_states_its_version() -> None:
    assert (SquallEngine().version() or "").startswith("squall ")
