"""The documents name every field, every figure and every unit, and their examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from squall.models import ClientSpec, MixSpec, RetryPolicy, StabilitySpec, TestScenario
from squall.scenarios import parse_criterion, parse_scenario, scenario_names
from squall.scenarios.criteria.paths import ANY, IN_PHASE, REST, patterns
from squall.scenarios.criteria.units import WRITTEN
from squall.scenarios.fields import LOADS

DOCS = Path(__file__).parents[2] / "docs"
SCENARIOS = (DOCS / "scenarios.md").read_text(encoding="utf-8")
CRITERIA = (DOCS / "criteria.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def words(text: str) -> set[str]:
    """Everything between back-ticks, its dotted parts, and the words of YAML blocks."""
    quoted = re.findall(r"`([^`\n]+)`", text)
    inline = {part for word in quoted for part in (word, *word.split("."))}
    return inline | {word for block in blocks(text) for word in re.findall(r"\w+", block)}


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_is_listed(name: str) -> None:
    assert f"| `{name}` |" in SCENARIOS


def test_every_field_of_a_scenario_is_described() -> None:
    known = words(SCENARIOS)
    models: list[type[BaseModel]] = [
        TestScenario,
        ClientSpec,
        RetryPolicy,
        MixSpec,
        StabilitySpec,
        *LOADS.values(),
    ]
    fields = {name for model in models for name in model.model_fields}
    assert fields - known - {"type"} == set()
    assert set(LOADS) <= known


def test_every_figure_is_listed() -> None:
    known = words(CRITERIA)
    free = {ANY, REST} | {part for p in patterns() if p[0] == "detection" for part in p[2:3]}
    parts = {part for pattern in patterns() for part in pattern}
    assert parts - known - free == set()
    assert set(IN_PHASE) <= known


def test_every_unit_is_listed() -> None:
    known = {word.lower() for word in words(CRITERIA)} | {"µs", "core"}
    assert set(WRITTEN) <= known


def test_the_example_scenario_loads() -> None:
    assert parse_scenario(blocks(SCENARIOS)[0], "my_first.yaml").name == "my_first"


@pytest.mark.parametrize("text", [*yaml.safe_load(blocks(CRITERIA)[0])["criteria"]])
def test_the_example_criteria_parse(text: str) -> None:
    assert parse_criterion(text).text == text
