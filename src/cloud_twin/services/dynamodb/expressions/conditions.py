"""Evaluates conditions on items."""

from __future__ import annotations

from cloud_twin.services.dynamodb.attribute_values import (
    TYPES,
    AttributeValue,
    Item,
    binary,
    equal,
    kind_of,
    order_key,
    text_bytes,
)
from cloud_twin.services.dynamodb.errors import validation
from cloud_twin.services.dynamodb.expressions import tree
from cloud_twin.services.dynamodb.expressions.binding import Bindings
from cloud_twin.services.dynamodb.expressions.paths import lookup
from cloud_twin.services.dynamodb.expressions.tree import Condition, Kind, Operand

_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}


def holds(condition: Condition, item: Item, bindings: Bindings) -> bool:
    """Whether a condition is true of an item (empty: no such item)."""
    match condition:
        case tree.Function():
            return _function_holds(condition, item, bindings)
        case tree.Comparison(operator, left, right):
            return compare(
                operator, value_of(left, item, bindings), value_of(right, item, bindings)
            )
        case tree.And(first, second):
            return holds(first, item, bindings) and holds(second, item, bindings)
        case tree.Or(first, second):
            return holds(first, item, bindings) or holds(second, item, bindings)
        case tree.Not(inner):
            return not holds(inner, item, bindings)
        case tree.Between(operand, lower, upper):
            value = value_of(operand, item, bindings)
            return compare(">=", value, value_of(lower, item, bindings)) and compare(
                "<=", value, value_of(upper, item, bindings)
            )
        case tree.In(operand, choices):
            value = value_of(operand, item, bindings)
            return any(compare("=", value, value_of(one, item, bindings)) for one in choices)


def value_of(operand: Operand, item: Item, bindings: Bindings) -> AttributeValue | None:
    """The value of an operand of a condition; None where there is none."""
    match operand:
        case tree.Path():
            return lookup(item, bindings.resolve(operand))
        case tree.Value(name):
            return bindings.values[name]
        case tree.Size(path):
            value = lookup(item, bindings.resolve(path))
            size = None if value is None else size_of(value)
            return None if size is None else {"N": str(size)}
        case _:
            raise AssertionError(f"not an operand of a condition: {operand}")


def size_of(value: AttributeValue) -> int | None:
    """What ``size()`` gives: bytes of strings and binaries, elements of the rest."""
    kind = kind_of(value)
    if kind == "S":
        return text_bytes(value["S"])
    if kind == "B":
        return len(binary(value["B"]))
    if kind in ("L", "M", "SS", "NS", "BS"):
        return len(value[kind])
    return None


def compare(operator: str, left: AttributeValue | None, right: AttributeValue | None) -> bool:
    """``left operator right``; values of different types are unequal and not ordered."""
    if left is None or right is None:
        return operator == "<>" and (left is not None or right is not None)
    if operator == "=":
        return equal(left, right)
    if operator == "<>":
        return not equal(left, right)
    if kind_of(left) != kind_of(right):
        return False
    mine, theirs = order_key(left), order_key(right)
    if mine is None or theirs is None:
        return False
    if operator == "<":
        return mine < theirs  # type: ignore[operator]  # one type, so one kind of order key
    if operator == "<=":
        return mine <= theirs  # type: ignore[operator]
    if operator == ">":
        return mine > theirs  # type: ignore[operator]
    return mine >= theirs  # type: ignore[operator]


def _function_holds(call: tree.Function, item: Item, bindings: Bindings) -> bool:
    subject = value_of(call.arguments[0], item, bindings)
    if call.name == "attribute_exists":
        return subject is not None
    if call.name == "attribute_not_exists":
        return subject is None
    other = value_of(call.arguments[1], item, bindings)
    if subject is None or other is None:
        return False
    if call.name == "attribute_type":
        return kind_of(subject) == other.get("S")
    if call.name == "begins_with":
        return _begins_with(subject, other)
    return _contains(subject, other)


def _begins_with(subject: AttributeValue, prefix: AttributeValue) -> bool:
    if "S" in subject and "S" in prefix:
        return str(subject["S"]).startswith(prefix["S"])
    if "B" in subject and "B" in prefix:
        return binary(subject["B"]).startswith(binary(prefix["B"]))
    return False


def _contains(subject: AttributeValue, other: AttributeValue) -> bool:
    kind = kind_of(subject)
    wanted = kind_of(other)
    if kind == "S":
        return wanted == "S" and other["S"] in subject["S"]
    if kind == "B":
        return wanted == "B" and binary(other["B"]) in binary(subject["B"])
    if kind == "L":
        return any(equal(element, other) for element in subject["L"])
    if kind in ("SS", "NS", "BS"):
        return wanted == kind[0] and any(equal({wanted: one}, other) for one in subject[kind])
    return False


def check_types(kind: Kind, condition: Condition, bindings: Bindings) -> None:
    """Raise AwsError where a ``:value`` can never be an operand where it stands."""
    match condition:
        case tree.Comparison(operator, left, right):
            if operator not in ("=", "<>"):
                _check_ordered(kind, operator, (left, right), bindings)
        case tree.Between(operand, lower, upper):
            _check_ordered(kind, "BETWEEN", (operand, lower, upper), bindings)
            _check_bounds(kind, lower, upper, bindings)
        case tree.And(first, second) | tree.Or(first, second):
            check_types(kind, first, bindings)
            check_types(kind, second, bindings)
        case tree.Not(inner):
            check_types(kind, inner, bindings)
        case tree.Function(name, arguments):
            if name in ("begins_with", "attribute_type"):
                _check_argument(kind, name, arguments[1], bindings)


def _check_ordered(
    kind: Kind, operator: str, operands: tuple[Operand, ...], bindings: Bindings
) -> None:
    for operand in operands:
        if isinstance(operand, tree.Value):
            given = kind_of(bindings.values[operand.name])
            if given not in ("S", "N", "B"):
                raise validation(
                    f"Invalid {kind.value}: Incorrect operand type for operator or function; "
                    f"operator or function: {operator}, operand type: {_NAMES[given]}"
                )


def _check_bounds(kind: Kind, lower: Operand, upper: Operand, bindings: Bindings) -> None:
    if not (isinstance(lower, tree.Value) and isinstance(upper, tree.Value)):
        return
    low, high = bindings.values[lower.name], bindings.values[upper.name]
    start = f"Invalid {kind.value}: The BETWEEN operator requires "
    bounds = (
        f"lower bound operand: AttributeValue: {_printed(low)}, "
        f"upper bound operand: AttributeValue: {_printed(high)}"
    )
    if kind_of(low) != kind_of(high):
        raise validation(f"{start}same data type for lower and upper bounds; {bounds}")
    if compare(">", low, high):
        raise validation(f"{start}upper bound to be greater than or equal to lower bound; {bounds}")


def _printed(value: AttributeValue) -> str:
    kind = kind_of(value)
    return f"{{{kind}:{value[kind]}}}"


def _check_argument(kind: Kind, name: str, argument: Operand, bindings: Bindings) -> None:
    if not isinstance(argument, tree.Value):
        return
    value = bindings.values[argument.name]
    given = kind_of(value)
    if given != "S" and not (name == "begins_with" and given == "B"):
        raise validation(
            f"Invalid {kind.value}: Incorrect operand type for operator or function; operator or "
            f"function: {name}, operand type: {given}"
        )
    if name == "attribute_type" and value["S"] not in TYPES:
        raise validation(
            f"Invalid {kind.value}: Invalid attribute type name found; type: {value['S']}, "
            f"valid types: {{{','.join(sorted(TYPES))}}}"
        )
