from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.harness.bars import BARS
from benchmarks.harness.machine import Machine, Noise
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.records import Record, Table, write_record
from benchmarks.page import SECTIONS, markdown_table, read_results, render


def record(growth_mb: float | None = 12.34, quick: bool = False) -> Record:
    return Record(
        benchmark="memory",
        measured_at="2026-01-02T03:04:05Z",
        quick=quick,
        machine=Machine(
            cpu="A CPU", cores=2, memory_gib=8, system="Linux 6", python="3.11", virtual=True
        ),
        noise=Noise(load_average_before=0.1, steal_percent=0.2),
        method=("It ran for a while.",),
        tools={"nginx": "nginx/1"},
        bars={} if growth_mb is None else {"memory_growth_mb": growth_mb},
        tables=(
            Table(
                title="Memory", columns=("", "MB"), rows=(("a|b", "1.0"), ("c", None)), note="N."
            ),
        ),
    )


def row_of(text: str, title: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {title}"))


GROWTH = next(bar.title for bar in BARS if bar.key == "memory_growth_mb")


def test_without_results_everything_is_not_measured() -> None:
    text = render({}, {})
    for bar in BARS:
        assert row_of(text, bar.title).endswith("| – | not measured |")
    assert "| met |" not in text


def test_every_bar_has_a_section() -> None:
    assert {bar.benchmark for bar in BARS} <= SECTIONS.keys()


def test_a_bar_that_is_met() -> None:
    text = render({"memory": record()}, {"memory_growth_mb": "an old cause"})
    assert row_of(text, GROWTH).endswith("| below 20 MB | 12.3 MB | met |")
    assert "an old cause" not in text


def test_a_bar_that_is_not_met_has_its_cause() -> None:
    with_cause = render({"memory": record(25)}, {"memory_growth_mb": "it leaks"})
    assert row_of(with_cause, GROWTH).endswith("| 25.0 MB | **not met**: it leaks |")
    without = render({"memory": record(25)}, {})
    assert row_of(without, GROWTH).endswith("**not met**: the cause has not been found yet |")


def test_a_record_without_the_figure_is_not_measured() -> None:
    assert row_of(render({"memory": record(None)}, {}), GROWTH).endswith("| – | not measured |")


def test_a_quick_run_is_marked() -> None:
    text = render({"memory": record(quick=True)}, {})
    assert "too short to be relied on" in row_of(text, GROWTH)
    assert "This was a quick run." in text


def test_a_section_says_how_when_and_where() -> None:
    text = render({"memory": record()}, {})
    for part in (
        "## Memory",
        "It ran for a while.",
        "2026-01-02T03:04:05Z",
        "2 cores of A CPU, virtual",
        "nginx: nginx/1",
        "| a\\|b | 1.0 |",
        "| c | – |",
    ):
        assert part in text


def test_numbers_stand_to_the_right() -> None:
    table = Table(
        title="t",
        columns=("name", "value", "remark"),
        rows=(("x", "+1.5 MB", "2 of 3"), ("y", None, "none")),
    )
    assert markdown_table(table).splitlines()[1] == "| --- | ---: | --- |"


def test_a_crooked_table_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="a row of 1 cells"):
        markdown_table(Table(title="t", columns=("a", "b"), rows=(("x",),)))


def test_the_page_is_written_and_then_current(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_record(record(), tmp_path)
    target = tmp_path / "page.md"
    options = ["--results", str(tmp_path), "--page", str(target)]
    assert page.main([*options, "--check"]) == 1
    assert page.main(options) == 0
    assert page.main([*options, "--check"]) == 0
    write_record(record(13), tmp_path)
    assert page.main([*options, "--check"]) == 1
    assert "not current" in capsys.readouterr().err


def test_a_broken_result_file_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "memory.json").write_text("{}")
    assert page.main(["--results", str(tmp_path), "--page", str(tmp_path / "p.md")]) == 2
    assert "memory.json: not a result file" in capsys.readouterr().err


def test_a_file_of_another_benchmark_is_refused(tmp_path: Path) -> None:
    write_record(record(), tmp_path).rename(tmp_path / "stall.json")
    with pytest.raises(BenchmarkError, match="holds memory, not stall"):
        read_results(tmp_path)


def test_the_published_page_is_what_the_result_files_say() -> None:
    assert page.main(["--check"]) == 0
