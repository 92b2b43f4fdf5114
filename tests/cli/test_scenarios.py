from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from squall.cli.main import app
from squall.errors import ScenarioError
from squall.scenarios import scenario_names


def squall(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["scenarios", *arguments])


def test_the_list_names_every_scenario_with_its_figures() -> None:
    output = squall("list").output
    for name in scenario_names():
        assert name in output
    assert "10,000 TPS" in output
    assert "30 min" in output


@pytest.mark.parametrize("name", scenario_names())
def test_show_says_when_a_scenario_passes(name: str) -> None:
    output = squall("show", name).output
    assert "passes when" in output
    assert "accounting.lost" in output


def test_show_gives_the_file_to_start_from(tmp_path: Path) -> None:
    text = squall("show", "peak_load", "--yaml").output
    assert yaml.safe_load(text)["name"] == "peak_load"
    own = tmp_path / "own.yaml"
    own.write_text(text)
    assert squall("show", str(own), "--yaml").output == text


def test_validate_accepts_what_is_right() -> None:
    result = squall("validate", "smoke", "peak_load")
    assert result.exit_code == 0
    assert "peak_load: valid; peak 10,000 TPS, 30 min, 15,000,000 transactions" in result.output


def test_validate_lists_every_problem_with_its_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "name: Wrong Name\n"
        "title: T\n"
        "why: W\n"
        "load: {type: sustained, rate_tps: -5, duration_s: 3}\n"
        "criteria: [lost is zero]\n"
    )
    error = squall("validate", str(wrong)).exception
    assert isinstance(error, ScenarioError)
    assert error.exit_status == 2
    lines = {problem.where.rpartition(":")[2] for problem in error.problems}
    assert {"1", "4", "5"} <= lines


@pytest.mark.parametrize("arguments", [("schema",), ("schema", "--result")])
def test_schemas_are_json(arguments: tuple[str, ...]) -> None:
    assert json.loads(squall(*arguments).output)["$schema"].startswith("https://json-schema.org")
