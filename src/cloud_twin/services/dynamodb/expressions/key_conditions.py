"""Turns a key condition into a range of keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cloud_twin.services.dynamodb.attribute_values import AttributeValue, kind_of
from cloud_twin.services.dynamodb.errors import invalid, validation
from cloud_twin.services.dynamodb.expressions import tree
from cloud_twin.services.dynamodb.expressions.binding import Bindings
from cloud_twin.services.dynamodb.expressions.tree import Condition, Operand
from cloud_twin.services.dynamodb.keys import (
    KeyAttribute,
    KeySchema,
    escape,
    hash_prefix,
    key_bytes,
    range_part,
    successor,
)

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys with ``lower <= key < upper`` (None: to the end)."""

    lower: bytes
    upper: bytes | None

    @property
    def empty(self) -> bool:
        """Whether no key can be in it."""
        return self.upper is not None and self.upper <= self.lower


@dataclass(frozen=True, slots=True)
class _Test:
    name: str
    operator: str
    values: tuple[AttributeValue, ...]


def key_range(condition: Condition, bindings: Bindings, schema: KeySchema) -> KeyRange:
    """The keys that a Query looks at.

    Raises AwsError where the condition is not equality on the partition key and, at most, one
    comparison on the sort key.
    """
    tests: dict[str, _Test] = {}
    for part in _conjuncts(condition):
        test = _test(part, bindings)
        if test.name in tests:
            raise validation(
                "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one "
                "condition per key"
            )
        tests[test.name] = test
    by_hash = tests.pop(schema.hash.name, None)
    if by_hash is None:
        raise validation(f"Query condition missed key schema element: {schema.hash.name}")
    if by_hash.operator != "=":
        raise validation("Query key condition not supported")
    _check_types(by_hash, schema.hash)
    prefix = hash_prefix(key_bytes(by_hash.values[0], schema.hash.kind))
    if not tests:
        return KeyRange(prefix, successor(prefix))
    if schema.range is None:
        raise validation("Query key condition not supported")
    by_range = tests.pop(schema.range.name, None)
    if by_range is None:
        raise validation(f"Query condition missed key schema element: {schema.range.name}")
    if tests:
        raise validation("Conditions can be of length 1 or 2 only")
    _check_types(by_range, schema.range)
    return _within(prefix, by_range, schema.range.kind)


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, tree.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _test(condition: Condition, bindings: Bindings) -> _Test:
    match condition:
        case tree.Comparison(operator, left, right) if operator in _MIRRORED:
            if isinstance(left, tree.Value):
                left, right, operator = right, left, _MIRRORED[operator]
            return _Test(_name(left, bindings), operator, (_given(right, bindings),))
        case tree.Between(operand, lower, upper):
            bounds = (_given(lower, bindings), _given(upper, bindings))
            return _Test(_name(operand, bindings), "BETWEEN", bounds)
        case tree.Function("begins_with", (subject, prefix)):
            return _Test(_name(subject, bindings), "begins_with", (_given(prefix, bindings),))
        case tree.Comparison(operator):
            raise _unusable(operator)
        case tree.Or():
            raise _unusable("OR")
        case tree.Not():
            raise _unusable("NOT")
        case tree.In():
            raise _unusable("IN")
        case _:
            raise validation("Query key condition not supported")


def _unusable(operator: str) -> Exception:
    return validation(f"Invalid operator used in KeyConditionExpression: {operator}")


def _name(operand: Operand, bindings: Bindings) -> str:
    if not isinstance(operand, tree.Path):
        raise validation("Query key condition not supported")
    steps = bindings.resolve(operand)
    if len(steps) > 1:
        raise validation(
            "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on "
            "nested attributes"
        )
    return str(steps[0])


def _given(operand: Operand, bindings: Bindings) -> AttributeValue:
    if not isinstance(operand, tree.Value):
        raise validation(
            "Invalid KeyConditionExpression: a key is compared with expression attribute values "
            "only"
        )
    return bindings.values[operand.name]


def _check_types(test: _Test, attribute: KeyAttribute) -> None:
    for value in test.values:
        if kind_of(value) != attribute.kind:
            raise invalid("Condition parameter type does not match schema type")
        if test.operator != "begins_with" and not key_bytes(value, attribute.kind):
            raise invalid(
                "The AttributeValue for a key attribute cannot contain an empty value. "
                f"Key: {attribute.name}"
            )
    if test.operator == "begins_with" and attribute.kind == "N":
        raise validation(
            "Invalid KeyConditionExpression: Incorrect operand type for operator or function; "
            "operator or function: begins_with, operand type: N"
        )


def _within(prefix: bytes, test: _Test, kind: str) -> KeyRange:
    first = key_bytes(test.values[0], kind)
    if test.operator == "begins_with":
        lower = prefix + escape(first)
        return KeyRange(lower, successor(lower))
    exact = prefix + range_part(first)
    end = successor(prefix)
    match test.operator:
        case "=":
            return KeyRange(exact, successor(exact))
        case "<":
            return KeyRange(prefix, exact)
        case "<=":
            return KeyRange(prefix, successor(exact))
        case ">":
            return KeyRange(successor(exact) or exact, end)
        case ">=":
            return KeyRange(exact, end)
        case _:
            last = prefix + range_part(key_bytes(test.values[1], kind))
            return KeyRange(exact, successor(last))
