"""The JSON form of a result: what ``--json`` writes and the store keeps.

The round trip is exact: ``from_json(to_json(r)) == r``. JSON has no NaN and no infinity, and none
is ever written: where a figure is not finite it becomes null ("not measured"), or 0 with a note
where the contract wants a number.
"""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from squall.errors import DataFileError
from squall.models import TestResults


@cache
def _adapter() -> TypeAdapter[TestResults]:
    return TypeAdapter(TestResults)


def to_json(results: TestResults) -> bytes:
    """The result as UTF-8 JSON, indented by two spaces, ending in a newline."""
    tree = _adapter().dump_python(results)
    if not _all_finite(tree):
        results = _finite(tree)
    return _adapter().dump_json(results, indent=2) + b"\n"


def from_json(document: bytes | str, where: str = "the result") -> TestResults:
    """Read a result back.

    ``where`` names the document in messages. Raises ``DataFileError`` for anything that is not a
    result, with every field that is wrong.
    """
    try:
        return _adapter().validate_json(document)
    except ValidationError as error:
        shown = error.errors(include_url=False)[:10]
        lines = [f"{where} is not a squall result:"]
        for problem in shown:
            field = ".".join(str(part) for part in problem["loc"]) or "document"
            lines.append(f"  {field}: {problem['msg']}")
        if error.error_count() > len(shown):
            lines.append(f"  … and {error.error_count() - len(shown)} more")
        lines.append("give the file that `squall run --json` or `squall runs export` wrote")
        raise DataFileError("\n".join(lines)) from None


def to_tree(results: TestResults) -> dict[str, Any]:
    """The result as plain JSON values, to be put into a larger document."""
    tree: dict[str, Any] = json.loads(to_json(results))
    return tree


def _all_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_all_finite, value))
    return True


def _without_infinities(value: object) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_infinities(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without_infinities(item) for item in value)
    return value


def _finite(tree: object) -> TestResults:
    """Null for every figure that is not finite; 0 and a note where null is not allowed."""
    cleaned = _without_infinities(tree)
    try:
        return _adapter().validate_python(cleaned)
    except ValidationError as error:
        wrong = [problem["loc"] for problem in error.errors() if problem["input"] is None]
        if not wrong:
            raise
    names = []
    for path in wrong:
        keys = [key for key in path if not _is_union_branch(key)]
        cleaned = _replaced(cleaned, keys)
        names.append(".".join(map(str, keys)))
    results = _adapter().validate_python(cleaned)
    note = f"not a finite number, written as 0: {', '.join(dict.fromkeys(names))}"
    return dataclasses.replace(results, notes=(*results.notes, note))


def _is_union_branch(key: int | str) -> bool:
    """Pydantic names the member of a union in a path; it is no key of the document."""
    return isinstance(key, str) and (key.startswith("tuple[") or key in {"float", "none"})


def _replaced(value: Any, path: list[int | str]) -> Any:
    if not path:
        return 0.0
    key, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {**value, key: _replaced(value[key], rest)}
    items = [_replaced(item, rest) if at == key else item for at, item in enumerate(value)]
    return type(value)(items)
