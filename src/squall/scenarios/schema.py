"""JSON schemas of the files that squall shares with others: scenario, target file and result.

Editors use the first two to complete and check files as they are typed; the third documents what
``--json`` writes. All are generated from the models and shipped in ``squall/schemas``. After a
change of the models write them anew with ``write_schemas()``; a test fails until then.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from dataclasses import is_dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from squall.models import TestResults, TestScenario, Typology, metrics, results
from squall.models import histogram as histograms
from squall.targets import TargetFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def scenario_schema() -> Schema:
    """The schema of a scenario file, as JSON values."""
    schema = TestScenario.model_json_schema(mode="validation")
    _name_typologies(schema)
    schema["properties"]["criteria"]["examples"] = [
        ["accounting.lost == 0", "latency_ms.response.p95 < 2 s", "error_rate < 0.1 %"]
    ]
    return _headed(schema, "squall scenario", "One stress-test scenario. See docs/scenarios.md.")


def target_schema() -> Schema:
    """The schema of a target file, as JSON values."""
    schema = TargetFile.model_json_schema(mode="validation")
    return _headed(schema, "squall target", "A service to send load to. See docs/targets.md.")


def result_schema() -> Schema:
    """The schema of a result (``--json``), as JSON values."""
    schema = TypeAdapter(TestResults).json_schema(mode="serialization")
    _describe(schema)
    return _headed(schema, "squall result", "Everything one run measured, and its verdict.")


def schema_files() -> dict[str, Schema]:
    """The shipped files by name."""
    return {
        "scenario.schema.json": scenario_schema(),
        "target.schema.json": target_schema(),
        "result.schema.json": result_schema(),
    }


def as_text(schema: Schema) -> str:
    """A schema as the file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(directory: Path | None = None) -> None:
    """Write the files into a directory; the package's own, from a checkout, if none is given."""
    directory = directory or Path(str(files("squall") / "schemas"))
    for name, schema in schema_files().items():
        (directory / name).write_text(as_text(schema), encoding="utf-8")


def _headed(schema: Schema, title: str, description: str) -> Schema:
    rest = {k: v for k, v in schema.items() if k not in ("title", "description")}
    return {"$schema": _DIALECT, "title": title, "description": description, **rest}


def _name_typologies(schema: Schema) -> None:
    """Let editors offer the typologies' names."""
    names = [t.name.lower() for t in Typology if t is not Typology.NONE]
    schema["$defs"]["MixSpec"]["properties"]["typologies"]["propertyNames"] = {"enum": names}


def _describe(schema: Schema) -> None:
    """Give every field of the result the sentence that documents it in the code."""
    classes = {
        name: value
        for module in (results, metrics, histograms)
        for name, value in vars(module).items()
        if isinstance(value, type) and is_dataclass(value)
    }
    for name, part in [("TestResults", schema), *schema.get("$defs", {}).items()]:
        if name not in classes:
            continue
        described = field_descriptions(classes[name])
        for field, field_schema in part.get("properties", {}).items():
            if field in described:
                field_schema["description"] = described[field]


def field_descriptions(owner: type) -> dict[str, str]:
    """The text under each field of a class, by the field's name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            found[field.target.id] = " ".join(inspect.cleandoc(text.value.value).split())
    return found
