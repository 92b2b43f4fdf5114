import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from squall.cli.doctor import capacity
from squall.cli.doctor.check import Grade
from squall.cli.main import app
from squall.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SQUALL_STORE", str(tmp_path / "data" / "results.db"))


def test_quick_checks_are_shown_and_runs_are_possible() -> None:
    result = CliRunner().invoke(app, ["doctor", "--quick", "--no-color"])
    assert result.exit_code == 0, result.output
    for name in ("Python", "open files", "results store", "clock", "Runs work here."):
        assert name in result.output
    assert "\x1b[" not in result.output
    assert "load it can drive" not in result.output


def test_a_place_that_cannot_be_written_makes_runs_impossible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SQUALL_STORE", "/proc/self/results.db")
    result = CliRunner().invoke(app, ["doctor", "--quick", "--json", "-"])
    assert result.exit_code == 1
    written = json.loads(result.stdout)
    assert written["grade"] == "problem"
    assert "results store" in written["conclusion"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["doctor", "--quick", "--json", str(tmp_path / "file" / "x")])
    assert isinstance(result.exception, ConfigurationError)


async def test_the_engine_is_measured_against_a_real_server() -> None:
    measured = await capacity.measure(making_s=0.05, sending_s=0.5)
    assert measured.making_tps > 0
    assert measured.ceiling_tps > 0
    assert measured.answered_tps > 0
    assert measured.response_ms_p50 is not None
    check = capacity.capacity_check(measured, cores=2)
    assert check.values["drives_tps"] == measured.drives_tps(2)


def measured(**changes: float) -> capacity.Capacity:
    values: dict[str, float] = {
        "making_tps": 900_000,
        "ceiling_tps": 40_000,
        "trial_tps": 10_000,
        "answered_tps": 10_000,
        "cpu_us_per_request": 20,
        "response_ms_p50": 0.3,
        "response_ms_p99": 0.9,
        "lateness_ms_p99": 0.2,
    }
    return capacity.Capacity(**(values | changes))


def test_capacity_is_stated_in_round_figures() -> None:
    check = capacity.capacity_check(measured(), cores=2)
    assert check.grade is Grade.GOOD
    assert "about 56,000 TPS to a target elsewhere, 28,000 to one on this machine" in check.found


@pytest.mark.parametrize("changes", [{"answered_tps": 9_000.0}, {"lateness_ms_p99": 40.0}])
def test_a_machine_that_does_not_keep_up_is_warned_of(changes: dict[str, float]) -> None:
    check = capacity.capacity_check(measured(**changes), cores=2)
    assert check.grade is Grade.WARNING
    assert check.advice
