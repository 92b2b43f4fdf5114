"""Every tool's output as its version here writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.comparators import (
    K6,
    Comparator,
    Hey,
    Load,
    Locust,
    Oha,
    SquallEngine,
    Vegeta,
    Wrk,
    Wrk2,
    WrkConstant,
)
from benchmarks.comparators.wrk import read_spectrum
from benchmarks.harness.processes import BenchmarkError

WRK = (
    "Running 5s test @ http://127.0.0.1:1\n  1 threads and 64 connections\n\n"
    'BENCH {"requests":1000,"failed":3,"p50":250,"p90":400,"p95":500,"p99":900,"p999":2500}\n'
)
SPECTRUM = """
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.00ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       0.100     0.000000            1         1.00
       1.001     0.500000          500         2.00
       2.002     0.900000          900        10.00
       3.003     0.950000          950        20.00
       4.004     0.990625          991       106.67
       5.005     0.999023          999      1024.00
       6.006     1.000000         1000          inf
#[Mean    =        1.000, StdDeviation   =        0.100]
"""
REPORT = {
    "planned": 110,
    "accepted": 100,
    "rejected": 1,
    "indeterminate": 2,
    "not_sent": 7,
    "attempts": 103,
    "errors": {"queue_full": 7},
    "calibrated_tps": 50_000.0,
    "ended_at_s": 1.0,
    "worker_cpu_s": 0.1,
    "parent_cpu_s": 0.01,
    "own_lateness_ms_max": 0.5,
    "pool_waits": 4,
    "response_ms": {"50": 1.0, "90": 2.0, "95": 3.0, "99": 4.0, "99.9": 5.0, "100": 6.0},
    "service_ms": {"50": 1.0},
    "lateness_ms": {"99": 0.1},
}
ALL: tuple[Comparator, ...] = (
    Wrk(),
    WrkConstant(),
    Hey(),
    K6(),
    Locust(),
    Oha(),
    Vegeta(),
    SquallEngine(),
    Wrk2(),
)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return Load("http://127.0.0.1:1", 64, 10.0, 5000.0, tmp_path)


def test_wrk(load: Load) -> None:
    outcome = Wrk().read(WRK, load)
    assert (outcome.completed, outcome.failed) == (1000, 3)
    assert outcome.percentiles_ms == {50: 0.25, 90: 0.4, 95: 0.5, 99: 0.9, 99.9: 2.5}


def test_wrk2_takes_its_percentiles_from_the_spectrum(load: Load) -> None:
    outcome = Wrk2().read(SPECTRUM + WRK, load)
    assert outcome.completed == 1000
    assert outcome.percentiles_ms == {50: 1.001, 90: 2.002, 95: 3.003, 99: 4.004, 99.9: 5.005}
    assert read_spectrum(SPECTRUM) == outcome.percentiles_ms


def test_hey(load: Load) -> None:
    heading = (
        "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"
    )
    rows = [f"{n / 1000},0,0,0,0,0,{200 if n < 100 else 500},0" for n in range(1, 101)]
    outcome = Hey().read("\n".join([heading, *rows]), load)
    assert (outcome.completed, outcome.failed) == (99, 1)
    assert outcome.percentiles_ms[90] == pytest.approx(90)


def test_k6(load: Load) -> None:
    line = {
        "requests": 100,
        "wrong": 2,
        "dropped": 7,
        "users": 90,
        "percentiles": {"p(50)": 1, "p(90)": 2, "p(95)": 3, "p(99)": 4, "p(99.9)": 5},
    }
    outcome = K6().read(f"\nBENCH {json.dumps(line)}\n", load)
    assert (outcome.completed, outcome.failed) == (98, 2)
    assert outcome.percentiles_ms[99.9] == 5
    assert outcome.note == "90 users, 7 iterations dropped"


def test_locust(load: Load) -> None:
    line = {"requests": 10, "failed": 1, "percentiles": {"50": 1.0, "99.9": 9.0}}
    outcome = Locust().read(f"noise\nBENCH {json.dumps(line)}\n", load)
    assert (outcome.completed, outcome.failed) == (10, 1)
    assert outcome.percentiles_ms == {50: 1, 99.9: 9}


def test_oha(load: Load) -> None:
    percentiles = {"p50": 0.001, "p90": 0.002, "p95": 0.003, "p99": 0.004, "p99.9": 0.005}
    report = {"statusCodeDistribution": {"200": 9, "503": 1}, "latencyPercentiles": percentiles}
    outcome = Oha().read(json.dumps(report), load)
    assert (outcome.completed, outcome.failed) == (9, 1)
    assert outcome.percentiles_ms[99.9] == pytest.approx(5)


def test_squall(load: Load) -> None:
    outcome = SquallEngine().read(f"BENCH {json.dumps(REPORT)}\n", load)
    assert (outcome.completed, outcome.failed) == (100, 3)
    assert outcome.percentiles_ms[99.9] == 5
    assert outcome.note == "7 not sent"


@pytest.mark.parametrize(
    "tool", [tool for tool in ALL if tool.name != "vegeta"], ids=lambda t: t.name
)
def test_other_output_is_refused(tool: Comparator, load: Load) -> None:
    with pytest.raises(BenchmarkError):
        tool.read("something else\n", load)


@pytest.mark.parametrize("tool", ALL, ids=lambda t: t.name)
def test_a_command_names_duration_and_target(tool: Comparator, load: Load) -> None:
    said = " ".join(tool.command(load)) + " ".join(tool.environment(load).values())
    targets = load.directory / "targets.json"
    said += targets.read_text()[:500] if targets.exists() else ""
    assert load.url in said
    assert "10" in said


@pytest.mark.parametrize(
    "tool", [Wrk2(), Hey(), K6(), Locust(), Oha(), Vegeta(), SquallEngine()], ids=lambda t: t.name
)
def test_a_rate_is_passed_on(tool: Comparator, load: Load) -> None:
    said = [*tool.command(load), *tool.environment(load).values()]
    assert any(word in part for part in said for word in ("5000", "78.125"))


def test_wrk2_needs_a_rate(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="needs a rate"):
        Wrk2().command(Load("http://127.0.0.1:1", 64, 10.0, None, tmp_path))


def test_names_are_unique() -> None:
    assert len({tool.name for tool in ALL}) == len(ALL)
