"""The shipped JSON schemas are up to date, and agree with what the programs read and write."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import TypeAdapter
from tests.scenarios.small_result import small_result

from squall.models import TestResults
from squall.scenarios import result_schema, scenario_names, scenario_schema
from squall.scenarios.schema import as_text, schema_files, write_schemas


@pytest.mark.parametrize("name", ["scenario.schema.json", "result.schema.json"])
def test_the_shipped_schema_is_up_to_date(name: str) -> None:
    shipped = (files("squall") / "schemas" / name).read_text(encoding="utf-8")
    assert shipped == as_text(schema_files()[name]), (
        "python -c 'from squall.scenarios.schema import write_schemas as w; w()' writes it anew"
    )


def test_writing_makes_the_shipped_files(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(schema_files())


@pytest.mark.parametrize("schema", [scenario_schema(), result_schema()], ids=["scenario", "result"])
def test_schemas_are_schemas(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", scenario_names())
def test_the_catalogue_fits_its_schema(name: str) -> None:
    text = (files("squall.scenarios") / "catalogue" / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../schemas/scenario.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), scenario_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"nmae": "x"},
        {"load": {"type": "ramp"}},
        {"load": {"type": "sustained", "rate_tps": -1, "duration_s": 1}},
        {"mix": {"typologies": {"card_tsting": 1}}},
        {"criteria": [5]},
    ],
)
def test_an_editor_sees_mistakes(change: dict[str, Any]) -> None:
    load = {"type": "sustained", "rate_tps": 1, "duration_s": 1}
    good = {"name": "x", "title": "X", "why": "y", "load": load}
    jsonschema.validate(good, scenario_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, **change}, scenario_schema())


def test_a_result_fits_its_schema() -> None:
    document = json.loads(TypeAdapter(TestResults).dump_json(small_result()))
    jsonschema.validate(document, result_schema())


def test_the_result_schema_explains_its_fields() -> None:
    accounting = result_schema()["$defs"]["Accounting"]["properties"]
    assert accounting["seen"]["description"] == "Distinct ids of this run in the target's records."
    assert result_schema()["properties"]["started_at"]["description"] == "RFC 3339, UTC."
