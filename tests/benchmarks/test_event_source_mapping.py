from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from benchmarks.event_source_mapping import (
    PERCENTILES,
    RATE_PER_S,
    Run,
    bars_of,
    measure,
    read_run,
    table_of,
)
from benchmarks.harness.bars import BARS
from benchmarks.harness.processes import BenchmarkError
from benchmarks.page import markdown_table


def note(path: Path, entered_s: float, *records: tuple[str, float]) -> None:
    with path.open("a") as file:
        file.write(json.dumps({"entered_s": entered_s, "records": records}) + "\n")


def run_of(p95_ms: float) -> Run:
    return Run(100, 1000.0, 2.0, 4, 0.3, dict(zip(PERCENTILES, (1, p95_ms, 50, 60), strict=True)))


def test_overheads_are_of_the_measured_records_only(tmp_path: Path) -> None:
    note(tmp_path / "1.jsonl", 99.5, ("early", 99.0))
    note(tmp_path / "1.jsonl", 100.75, ("1", 100.5), ("2", 100.25))
    note(tmp_path / "2.jsonl", 100.75, ("3", 100.625), ("4", 100.0))
    run = read_run(tmp_path, 100.0, sent=4, elapsed_s=2.0, core_used=0.5)
    assert run.overhead_ms == {50: 250, 95: 750, 99: 750, 100: 750}
    assert (run.records, run.rate_per_s, run.records_per_event) == (4, 2.0, 2.0)
    assert (run.environments, run.core_used) == (2, 0.5)


def test_a_record_in_the_millisecond_of_the_start_counts(tmp_path: Path) -> None:
    note(tmp_path / "1.jsonl", 100.01, ("1", 100.001))
    assert read_run(tmp_path, 100.0014, 1, 1.0, 0.1).records == 1


def test_lost_and_repeated_records_are_errors(tmp_path: Path) -> None:
    note(tmp_path / "1.jsonl", 101.0, ("1", 100.5))
    with pytest.raises(BenchmarkError, match="of 2 records the function saw 1, 1 with"):
        read_run(tmp_path, 100.0, 2, 1.0, 0.1)
    note(tmp_path / "1.jsonl", 102.0, ("1", 100.5))
    with pytest.raises(BenchmarkError, match="of 1 records the function saw 1, 2 with"):
        read_run(tmp_path, 100.0, 1, 1.0, 0.1)


def test_the_bar_is_the_median_of_the_runs() -> None:
    bars = bars_of([run_of(10.0), run_of(40.0), run_of(20.0)])
    assert bars == {"mapping_overhead_p95_ms": 20.0}
    assert bars.keys() == {bar.key for bar in BARS if bar.benchmark == "event_source_mapping"}
    assert bars_of([]) == {}


def test_the_table_can_be_shown() -> None:
    table = table_of([run_of(10.0), run_of(30.0)])
    assert table.rows[0] == ("1,000", "2.0", 4, "30%", "1.0", "10.0", "50.0", "60.0")
    assert "20.0 [10.0 … 30.0] ms" in table.note
    markdown_table(table)


def test_a_short_run_on_a_real_twin_and_function(tmp_path: Path) -> None:
    run = measure(0.5, random.Random(1), tmp_path)
    assert run.records == RATE_PER_S // 2
    assert run.environments >= 1
    figures = [run.overhead_ms[p] for p in PERCENTILES]
    assert figures == sorted(figures)
    assert figures[0] > 0
