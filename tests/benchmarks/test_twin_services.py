from __future__ import annotations

import pytest

from benchmarks.harness.bars import BARS
from benchmarks.page import markdown_table
from benchmarks.servers.clouds import MINISTACK, MOTO, TWIN
from benchmarks.servers.service_costs import Cost, Plan, Retention
from benchmarks.twin_services import Runs, bars_of, growth, retention_table, table_of

PLAN = Plan(rounds=3, calls=100, window_s=5.0, retained=1_000_000)
RETENTIONS = [Retention(1.0, 1.1), Retention(2.0, 2.0), Retention(1.0, 1.5)]
RUNS: Runs = {
    TWIN.name: [Cost(1.0, 0.5, 2e5, 3990), Cost(2.0, 0.7, 1e5, 3950), Cost(1.5, 0.6, 1e5, 3970)],
    MOTO.name: [Cost(40.0, 5.0, 8e3, 0), None, Cost(90.0, 6.0, 8e3, 0)],
    MINISTACK.name: [Cost(10.0, 1.0, 1e4, None), None, None],
}


def test_bars_are_medians_over_the_rounds() -> None:
    assert growth(RETENTIONS) == pytest.approx([1.1, 1.0, 1.5])
    bars = bars_of(RUNS, RETENTIONS)
    assert bars == {
        "twin_put_records_ms": 1.5,
        "twin_put_records_growth": 1.1,
        "twin_batch_write_ms": 0.6,
    }
    assert bars.keys() == {bar.key for bar in BARS if bar.benchmark == "twin_services"}
    assert bars_of({}, []) == {}


def test_servers_stand_side_by_side() -> None:
    table = table_of(RUNS)
    twin, moto, ministack = table.rows
    assert twin == (TWIN.name, "1.50 [1.00 … 2.00]", "1.0", "0.60 [0.50 … 0.70]", "1.0", "100,000",
                    "3,970 of 5,000", 3)  # fmt: skip
    assert moto == (MOTO.name, "65.00 [40.00 … 90.00]", "50.0", "5.50 [5.00 … 6.00]", "10.0",
                    "8,000", "none of 5,000", 2)  # fmt: skip
    assert ministack[-2:] == ("quota not reached", 1)
    markdown_table(table)


def test_a_server_that_never_worked_has_no_row() -> None:
    assert table_of({MOTO.name: [None]}).rows == ()


def test_retention_is_shown_with_its_ratio() -> None:
    table = retention_table(RETENTIONS, PLAN)
    assert [row[0] for row in table.rows] == [
        "at most 55,000 records",
        "1,000,000 records and more",
        "the second ÷ the first",
    ]
    assert table.rows[2][1] == "1.10 [1.00 … 1.50]"
    markdown_table(table)
    assert retention_table([], PLAN).rows == ()
