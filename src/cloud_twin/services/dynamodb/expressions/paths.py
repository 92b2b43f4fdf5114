"""Document paths in items: looking up, cutting out, keeping apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from cloud_twin.services.dynamodb.attribute_values import AttributeValue, Item
from cloud_twin.services.dynamodb.errors import validation
from cloud_twin.services.dynamodb.expressions.tree import Kind

Steps: TypeAlias = tuple[str | int, ...]


def lookup(item: Item, steps: Steps) -> AttributeValue | None:
    """The value at a path; None where there is nothing."""
    value: AttributeValue | None = item.get(str(steps[0]))
    for step in steps[1:]:
        if value is None:
            return None
        if type(step) is int:
            elements = value.get("L")
            value = elements[step] if elements is not None and step < len(elements) else None
        else:
            members = value.get("M")
            value = members.get(step) if members is not None else None
    return value


def shown(steps: Steps) -> str:
    """As DynamoDB prints a path in errors."""
    return "[" + ", ".join(f"[{s}]" if type(s) is int else str(s) for s in steps) + "]"


def check_apart(kind: Kind, paths: Sequence[Steps]) -> None:
    """Raise AwsError where one path is another or leads into it."""
    if len(paths) < 2:
        return
    ordered = sorted(range(len(paths)), key=lambda at: _sortable(paths[at]))
    for first, second in pairwise(ordered):
        one, two = paths[first], paths[second]
        if two[: len(one)] == one:
            raise validation(
                f"Invalid {kind.value}: Two document paths overlap with each other; must remove or "
                f"rewrite one of these paths; path one: {shown(one)}, path two: {shown(two)}"
            )
        both = zip(one, two, strict=False)
        step, other = next((pair for pair in both if pair[0] != pair[1]), ("", ""))
        if type(step) is not type(other):
            raise validation(
                f"Invalid {kind.value}: Two document paths conflict with each other; must remove "
                f"or rewrite one of these paths; path one: {shown(one)}, path two: {shown(two)}"
            )


def _sortable(steps: Steps) -> tuple[tuple[bool, str, int], ...]:
    return tuple((True, "", step) if isinstance(step, int) else (False, step, 0) for step in steps)


def project(item: Item, paths: Sequence[Steps]) -> Item:
    """The parts of an item that the paths lead to; elements of lists close up."""
    if all(len(path) == 1 for path in paths):
        return {str(path[0]): item[str(path[0])] for path in paths if path[0] in item}
    return _project_map(item, paths)


def _project_map(members: dict[str, Any], paths: Sequence[Steps]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name, rests in _by_first_step(paths).items():
        if isinstance(name, str) and name in members:
            part = _project_value(members[name], rests)
            if part is not None:
                chosen[name] = part
    return chosen


def _by_first_step(paths: Sequence[Steps]) -> dict[str | int, list[Steps]]:
    grouped: dict[str | int, list[Steps]] = {}
    for path in paths:
        grouped.setdefault(path[0], []).append(path[1:])
    return grouped


def _project_value(value: AttributeValue, rests: list[Steps]) -> AttributeValue | None:
    if not rests[0]:
        return value
    if "M" in value:
        members = _project_map(value["M"], rests)
        return {"M": members} if members else None
    if "L" in value:
        elements = value["L"]
        grouped = _by_first_step(rests)
        indexes = sorted(step for step in grouped if isinstance(step, int))
        found = [
            _project_value(elements[index], grouped[index])
            for index in indexes
            if index < len(elements)
        ]
        kept = [part for part in found if part is not None]
        return {"L": kept} if kept else None
    return None
