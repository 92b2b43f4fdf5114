"""Joins expressions with the names and values of one request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from cloud_twin.services.dynamodb.attribute_values import AttributeValue, measure
from cloud_twin.services.dynamodb.errors import serialization, validation
from cloud_twin.services.dynamodb.expressions.parser import parse
from cloud_twin.services.dynamodb.expressions.tree import Kind, Parsed, Path

CACHE_EXPRESSIONS_MAX = 1024


class ExpressionCache:
    """The latest expressions, read."""

    def __init__(self, limit: int = CACHE_EXPRESSIONS_MAX) -> None:
        self._limit = limit
        self._parsed: OrderedDict[tuple[Kind, str], Parsed] = OrderedDict()

    def get(self, kind: Kind, text: object) -> Parsed:
        """The expression, from here or read now. Raises AwsError where it is wrong."""
        if type(text) is not str:
            raise serialization(f"Unexpected value type in payload: {kind.value} is a string")
        key = (kind, text)
        found = self._parsed.get(key)
        if found is None:
            found = self._parsed[key] = parse(kind, text)
            if len(self._parsed) > self._limit:
                self._parsed.popitem(last=False)
        return found


class Bindings:
    """Names and values of one request, all defined and all used."""

    __slots__ = ("names", "values")

    def __init__(self, names: Mapping[str, str], values: Mapping[str, AttributeValue]) -> None:
        self.names = names
        self.values = values

    def resolve(self, path: Path) -> tuple[str | int, ...]:
        """The path with its placeholders replaced."""
        if not path.placeholders:
            return path.parts
        names = self.names
        return tuple(
            names[part] if type(part) is str and part[0] == "#" else part for part in path.parts
        )


_NOTHING = Bindings({}, {})


def bind(parameters: Mapping[str, Any], expressions: Iterable[Parsed | None]) -> Bindings:
    """Check a request's names and values against the expressions that use them.

    Raises AwsError (ValidationException) for what is undefined, unused or not a value.
    """
    names = parameters.get("ExpressionAttributeNames")
    values = parameters.get("ExpressionAttributeValues")
    present = [expression for expression in expressions if expression is not None]
    if names is None and values is None and not any(e.names or e.values for e in present):
        return _NOTHING
    _check_shape("ExpressionAttributeNames", names, present)
    _check_shape("ExpressionAttributeValues", values, present)
    bindings = Bindings(names or {}, values or {})
    _check_names(bindings, present)
    _check_values(bindings, present)
    return bindings


def _check_shape(member: str, given: object, present: list[Parsed]) -> None:
    if given is None:
        return
    if type(given) is not dict:
        raise serialization("Expected map or null")
    if not present:
        raise validation(f"{member} can only be specified when using expressions")
    if not given:
        raise validation(f"{member} must not be empty")


def _check_names(bindings: Bindings, present: list[Parsed]) -> None:
    used: set[str] = set()
    for expression in present:
        for name in expression.names:
            if name not in bindings.names:
                raise validation(
                    f"Invalid {expression.kind.value}: An expression attribute name used in the "
                    f"document path is not defined; attribute name: {name}"
                )
        used |= expression.names
    for name, meaning in bindings.names.items():
        if not name.startswith("#"):
            raise validation(
                f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{name}"'
            )
        if type(meaning) is not str or not meaning:
            raise validation(
                f"ExpressionAttributeNames contains invalid value: Syntax error; key: {name}"
            )
    _check_used("ExpressionAttributeNames", bindings.names, used)


def _check_values(bindings: Bindings, present: list[Parsed]) -> None:
    used: set[str] = set()
    for expression in present:
        for name in expression.values:
            if name not in bindings.values:
                raise validation(
                    f"Invalid {expression.kind.value}: An expression attribute value used in "
                    f"expression is not defined; attribute value: {name}"
                )
        used |= expression.values
    for name, value in bindings.values.items():
        if not name.startswith(":"):
            raise validation(
                f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{name}"'
            )
        measure(value)
    _check_used("ExpressionAttributeValues", bindings.values, used)


def _check_used(member: str, given: Mapping[str, object], used: set[str]) -> None:
    unused = [name for name in given if name not in used]
    if unused:
        raise validation(
            f"Value provided in {member} unused in expressions: keys: {{{', '.join(unused)}}}"
        )
