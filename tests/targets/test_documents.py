"""``docs/targets.md`` names every key, and shows the examples as they are.

``python -m tests.targets.test_documents`` writes its table of keys anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from squall.errors import TargetFileError
from squall.models import FIELDS
from squall.scenarios import load_scenario, target_schema
from squall.targets import TargetFile
from squall.targets.answers import REFUSING_SERVER_ERRORS
from squall.targets.target_reading import parse_target_file

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "targets.md"
EXAMPLES = sorted((ROOT / "examples" / "targets").glob("*.yaml"))
KEYS = re.compile(r"(?<=<!-- keys -->\n).*(?=<!-- /keys -->)", re.DOTALL)
ENVIRONMENT = {"PAYMENTS_TOKEN": "t"}


def model_of(field: FieldInfo) -> type[BaseModel] | None:
    """The part of a target file that a field holds."""
    kinds = (field.annotation, *get_args(field.annotation))
    parts = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return parts[0] if parts else None


def keys(model: type[BaseModel], start: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of a target file in the order of the file, with dots."""
    for name, field in model.model_fields.items():
        inside = model_of(field)
        if inside is None:
            yield start + name, field
        else:
            yield from keys(inside, f"{start}{name}.")


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None or value == {}:
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def table() -> str:
    """The table of keys as the page should have it."""
    rows = [
        f"| `{key}` | {default_of(field)} | {field.description} |"
        for key, field in keys(TargetFile)
    ]
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def test_the_page_has_every_key() -> None:
    shown = KEYS.search(PAGE.read_text())
    assert shown is not None
    assert shown.group() == table(), "python -m tests.targets.test_documents writes it anew"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_page_shows_every_example_as_it_is(example: Path) -> None:
    assert f"```yaml\n{example.read_text()}```" in PAGE.read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_right(example: Path) -> None:
    text = re.sub(r"\n +ca_file:.*", " {}", example.read_text())  # there is no such certificate
    target = parse_target_file(text, example.name, frozenset(FIELDS), ENVIRONMENT)
    assert target.name
    jsonschema.validate(yaml.safe_load(example.read_text()), target_schema())
    first = example.read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (example.parent / schema).read_bytes() == shipped_schema().encode()


def test_the_example_scenario_is_right() -> None:
    assert load_scenario(str(ROOT / "examples" / "own_service.yaml")).mix.edge_cases == 0


def test_the_problems_on_the_page_are_said_like_that() -> None:
    text = (
        "name: payments\nurl: http://127.0.0.1:8080/v1\nrequest:\n" + "  # more\n" * 4 + "  body:\n"
        "    cents: ${amont}\n" + "# more\n" * 3 + "answer:\n  accepted_status: [200]\n"
    )
    with pytest.raises(TargetFileError) as raised:
        parse_target_file(text, "payments.yaml", frozenset(FIELDS), {})
    assert f"```\n{raised.value}\n```" in PAGE.read_text()


def test_the_page_names_every_status_that_refuses() -> None:
    named = ", ".join(map(str, sorted(REFUSING_SERVER_ERRORS)))
    assert f"| 4xx, {named} | **rejected**" in PAGE.read_text()


def shipped_schema() -> str:
    return (files("squall") / "schemas" / "target.schema.json").read_text("utf-8")


def test_the_shipped_schema_is_up_to_date() -> None:
    assert json.loads(shipped_schema()) == target_schema(), (
        "python -c 'from squall.scenarios.schema import write_schemas as w; w()' writes it anew"
    )
    jsonschema.Draft202012Validator.check_schema(target_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"nmae": "x"},
        {"request": {"path": "no slash"}},
        {"request": {"header": {}}},
        {"answer": {"decisions": {"aprove": ["x"]}}},
        {"answer": {"accepted_statuses": [99]}},
        {"seen": {"items": "a"}},
        {"tls": {"verify": "perhaps"}},
    ],
)
def test_an_editor_sees_mistakes(change: dict[str, Any]) -> None:
    good = {"name": "x", "url": "http://h"}
    jsonschema.validate(good, target_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, **change}, target_schema())


if __name__ == "__main__":
    PAGE.write_text(KEYS.sub(lambda _: table(), PAGE.read_text()))
