from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import read_options
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.records import (
    QUICK_DIRECTORY,
    RESULTS_DIRECTORY,
    Record,
    Table,
    now_utc,
    read_record,
    write_record,
)


def record() -> Record:
    return Record(
        benchmark="memory",
        measured_at=now_utc(),
        quick=False,
        machine=describe_machine(),
        noise=NoiseMeter().read(),
        method=("One sentence.",),
        tools={"nginx": "1"},
        bars={"memory_growth_mb": 1.5},
        tables=(Table(title="t", columns=("a", "b"), rows=(("x", 1.5), (None, 2))),),
        rounds=({"at_s": 1.0, "nested": [1, None]},),
    )


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    written = record()
    path = write_record(written, tmp_path / "new")
    assert path.name == "memory.json"
    assert read_record(path) == written


@pytest.mark.parametrize("text", ["", "{}", '{"benchmark": 1}', "[]"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "memory.json"
    path.write_text(text)
    with pytest.raises(BenchmarkError, match=r"memory\.json: not a result file"):
        read_record(path)


def test_machine_and_noise_are_plausible() -> None:
    machine, noise = describe_machine(), NoiseMeter().read()
    assert machine.cores >= 1
    assert machine.cpu in machine.text()
    assert 0 <= noise.steal_percent <= 100


def test_a_quick_run_does_not_write_over_results() -> None:
    assert read_options("", []).output == RESULTS_DIRECTORY
    assert read_options("", ["--quick"]).output == QUICK_DIRECTORY
    assert read_options("", ["--quick", "--output", "x"]).output == Path("x")


def test_no_repeats_are_refused() -> None:
    with pytest.raises(SystemExit):
        read_options("", ["--repeats", "0"])
