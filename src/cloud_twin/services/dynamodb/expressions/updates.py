"""Applies update expressions to items."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from cloud_twin.services.dynamodb import number
from cloud_twin.services.dynamodb.attribute_values import AttributeValue, Item, binary, kind_of
from cloud_twin.services.dynamodb.errors import invalid, validation
from cloud_twin.services.dynamodb.expressions import tree
from cloud_twin.services.dynamodb.expressions.binding import Bindings
from cloud_twin.services.dynamodb.expressions.paths import Steps, check_apart, lookup
from cloud_twin.services.dynamodb.expressions.tree import Action, Kind, Operand

_INVALID_PATH = "The document path provided in the update expression is invalid for update"
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"


@dataclass(frozen=True, slots=True)
class Updated:
    """An item after its update and the paths that the update names."""

    item: Item
    paths: tuple[Steps, ...]


def update(
    actions: Sequence[Action], before: Item, bindings: Bindings, key_names: Sequence[str]
) -> Updated:
    """The updated item; ``before`` is left alone (for a new item: its key attributes).

    All values are taken from the item as it was before. Raises AwsError (ValidationException).
    """
    paths = tuple(bindings.resolve(action.path) for action in actions)
    for path in paths:
        if path[0] in key_names:
            raise invalid(f"Cannot update attribute {path[0]}. This attribute is part of the key")
    check_apart(Kind.UPDATE, paths)
    nested = any(len(path) > 1 for path in paths)
    after = copy.deepcopy(before) if nested else dict(before)
    changes = [
        (action.verb, path, _new_value(action, path, before, bindings))
        for action, path in zip(actions, paths, strict=True)
    ]
    for verb, path, value in changes:
        if verb != "REMOVE" and value is not None:
            _set(after, path, value)
    removed = [path for verb, path, value in changes if verb == "REMOVE" or value is None]
    for path in sorted(removed, key=_list_index, reverse=True):  # so that indexes stay true
        _remove(after, path)
    return Updated(after, paths)


def _list_index(path: Steps) -> int:
    last = path[-1]
    return last if isinstance(last, int) else -1


def _new_value(
    action: Action, path: Steps, before: Item, bindings: Bindings
) -> AttributeValue | None:
    """None: the attribute goes."""
    if action.operand is None:
        return None
    if action.verb == "SET":
        return copy.deepcopy(_value(action.operand, before, bindings))
    operand = _value(action.operand, before, bindings)
    old = lookup(before, path)
    return _added(old, operand) if action.verb == "ADD" else _deleted(old, operand)


def _value(operand: Operand, before: Item, bindings: Bindings) -> AttributeValue:
    match operand:
        case tree.Value(name):
            return bindings.values[name]
        case tree.Path():
            value = lookup(before, bindings.resolve(operand))
            if value is None:
                raise validation(
                    "The provided expression refers to an attribute that does not exist in the item"
                )
            return value
        case tree.IfNotExists(path, otherwise):
            value = lookup(before, bindings.resolve(path))
            return _value(otherwise, before, bindings) if value is None else value
        case tree.ListAppend(left, right):
            first, second = (_value(each, before, bindings) for each in (left, right))
            if "L" not in first or "L" not in second:
                wrong = right if "L" in first else left
                raise _wrong_operand("list_append", wrong, second if "L" in first else first)
            return {"L": [*first["L"], *second["L"]]}
        case tree.Arithmetic(operator, left, right):
            first, second = (_value(each, before, bindings) for each in (left, right))
            if "N" not in first or "N" not in second:
                wrong = right if "N" in first else left
                raise _wrong_operand(operator, wrong, second if "N" in first else first)
            combine = number.add if operator == "+" else number.subtract
            return {"N": combine(first["N"], second["N"])}
        case tree.Size():
            raise AssertionError("the parser lets no size() into an update")


def _wrong_operand(operator: str, operand: Operand, value: AttributeValue) -> Exception:
    if isinstance(operand, tree.Value):
        return validation(
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator "
            f"or function: {operator}, operand type: {kind_of(value)}"
        )
    return validation(_WRONG_TYPE)


def _added(old: AttributeValue | None, operand: AttributeValue) -> AttributeValue:
    kind = kind_of(operand)
    if kind not in ("N", "SS", "NS", "BS"):
        raise validation(
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: "
            f"ADD, operand type: {kind}"
        )
    if old is None:
        return operand
    if kind_of(old) != kind:
        raise validation(_WRONG_TYPE)
    if kind == "N":
        return {"N": number.add(old["N"], operand["N"])}
    present = _members(old)
    new = [text for member, text in _members(operand).items() if member not in present]
    return {kind: [*old[kind], *new]}


def _deleted(old: AttributeValue | None, operand: AttributeValue) -> AttributeValue | None:
    kind = kind_of(operand)
    if kind not in ("SS", "NS", "BS"):
        raise validation(
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: "
            f"DELETE, operand type: {kind}"
        )
    if old is None:
        return None
    if kind_of(old) != kind:
        raise validation(_WRONG_TYPE)
    gone = _members(operand)
    kept = [text for member, text in _members(old).items() if member not in gone]
    return {kind: kept} if kept else None


def _members(value: AttributeValue) -> dict[str | bytes, str]:
    """Members of a set as they were written, by what makes them equal."""
    kind = kind_of(value)
    if kind == "BS":
        return {binary(text): text for text in value[kind]}
    return {text: text for text in value[kind]}


def _set(item: Item, path: Steps, value: AttributeValue) -> None:
    last = path[-1]
    if len(path) == 1:
        item[str(last)] = value
        return
    parent = lookup(item, path[:-1])
    if parent is None:
        raise validation(_INVALID_PATH)
    if isinstance(last, int):
        if "L" not in parent:
            raise validation(_INVALID_PATH)
        elements = parent["L"]
        if last < len(elements):
            elements[last] = value
        else:
            elements.append(value)
    elif "M" in parent:
        parent["M"][last] = value
    else:
        raise validation(_INVALID_PATH)


def _remove(item: Item, path: Steps) -> None:
    last = path[-1]
    if len(path) == 1:
        item.pop(str(last), None)
        return
    parent = lookup(item, path[:-1])
    if parent is None:
        raise validation(_INVALID_PATH)
    if isinstance(last, int):
        if "L" not in parent:
            raise validation(_INVALID_PATH)
        del parent["L"][last : last + 1]
    elif "M" in parent:
        parent["M"].pop(last, None)
    else:
        raise validation(_INVALID_PATH)
