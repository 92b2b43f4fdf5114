"""Members of requests that many operations share, checked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cloud_twin.services.dynamodb.errors import constraint, serialization, validation
from cloud_twin.services.dynamodb.expressions.tree import Kind, Parsed

LEGACY = {
    "Expected": "ConditionExpression",
    "ConditionalOperator": "ConditionExpression",
    "AttributeUpdates": "UpdateExpression",
    "AttributesToGet": "ProjectionExpression",
    "KeyConditions": "KeyConditionExpression",
    "QueryFilter": "FilterExpression",
    "ScanFilter": "FilterExpression",
}


def refuse_legacy(parameters: dict[str, Any]) -> None:
    """Raise AwsError for a parameter from before expressions."""
    for name, instead in LEGACY.items():
        if name in parameters:
            raise validation(
                f"The legacy parameter {name} is not served by this endpoint; use {instead} instead"
            )


def mapping(parameters: dict[str, Any], name: str) -> dict[str, Any]:
    """A required map. Raises AwsError where it is missing or something else."""
    value = parameters.get(name)
    if value is None:
        raise constraint(None, _lower_first(name), "Member must not be null")
    if type(value) is not dict:
        raise serialization("Expected map or null")
    return value


def sequence(parameters: dict[str, Any], name: str) -> list[Any]:
    """A required list. Raises AwsError where it is missing or something else."""
    value = parameters.get(name)
    if value is None:
        raise constraint(None, _lower_first(name), "Member must not be null")
    if type(value) is not list:
        raise serialization("Expected list or null")
    return value


def optional(parameters: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A map, if it is given. Raises AwsError where it is something else."""
    return None if parameters.get(name) is None else mapping(parameters, name)


def structures(parameters: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A required list of structures. Raises AwsError where it is missing or something else."""
    found = sequence(parameters, name)
    for entry in found:
        if type(entry) is not dict:
            raise serialization(f"Unexpected value type in payload: {name} is a list of structures")
    return found


def texts(parameters: dict[str, Any], name: str) -> list[str]:
    """A list of strings, empty where it is not given. Raises AwsError for anything else."""
    found = parameters.get(name)
    if found is None:
        return []
    if type(found) is not list or not all(type(each) is str for each in found):
        raise serialization(f"Unexpected value type in payload: {name} is a list of strings")
    return found


def text(parameters: dict[str, Any], name: str) -> str | None:
    """A string, if it is given. Raises AwsError for anything else."""
    value = parameters.get(name)
    if value is not None and type(value) is not str:
        raise serialization(f"Unexpected value type in payload: {name} is a string")
    return value


def choice(parameters: dict[str, Any], name: str, choices: Collection[str], default: str) -> str:
    """One word of several. Raises AwsError for any other."""
    value = parameters.get(name)
    if value is None:
        return default
    if value not in choices:
        raise constraint(
            value,
            _lower_first(name),
            f"Member must satisfy enum value set: [{', '.join(choices)}]",
        )
    return str(value)


def whole_number(
    parameters: dict[str, Any], name: str, lowest: int, highest: int | None = None
) -> int | None:
    """A whole number in a range; None where it is not given. Raises AwsError outside."""
    value = parameters.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise serialization(f"Unexpected value type in payload: {name} is a whole number")
    if value < lowest:
        rule = f"Member must have value greater than or equal to {lowest}"
        raise constraint(value, _lower_first(name), rule)
    if highest is not None and value > highest:
        rule = f"Member must have value less than or equal to {highest}"
        raise constraint(value, _lower_first(name), rule)
    return value


def flag(parameters: dict[str, Any], name: str) -> bool:
    """A boolean that is false where it is not given."""
    value = parameters.get(name)
    if value is not None and type(value) is not bool:
        raise serialization(f"Unexpected value type in payload: {name} is a boolean")
    return bool(value)


def names_missing_expressions(parameters: dict[str, Any], kinds: Collection[Kind]) -> None:
    """Raise AwsError where names or values are given without any expression."""
    if any(kind.value in parameters for kind in kinds):
        return
    verb = "is" if len(kinds) == 1 else "are"
    absent = " and ".join(kind.value for kind in kinds)
    for member in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        if member in parameters:
            raise validation(
                f"{member} can only be specified when using expressions: {absent} {verb} null"
            )


def present(*expressions: Parsed | None) -> list[Parsed]:
    """Those that are given."""
    return [expression for expression in expressions if expression is not None]


def _lower_first(name: str) -> str:
    return name[0].lower() + name[1:]
