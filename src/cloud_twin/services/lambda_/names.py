"""Names of functions: plain, partial or full ARNs, with or without a qualifier."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cloud_twin.errors import AwsError

LATEST = "$LATEST"

_PATTERN = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?"
    r"(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]{1,64})"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]{1,128}))?"
)


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function as a caller names it. ``region`` is empty where the name has none."""

    name: str
    region: str
    qualifier: str


def parse_name(text: str, qualifier: str = "") -> FunctionName:
    """Read a name; a qualifier given apart must agree with one in the name.

    Raises ``AwsError``: ValidationException, InvalidParameterValueException.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise invalid(text, "functionName", f"satisfy regular expression pattern: {_MODEL_PATTERN}")
    inside = match["qualifier"] or ""
    if inside and qualifier and inside != qualifier:
        raise AwsError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    return FunctionName(match["name"], match["region"] or "", inside or qualifier)


def invalid(value: object, member: str, constraint: str) -> AwsError:
    """AWS's answer to a parameter outside its model."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
        f"constraint: Member must {constraint}",
    )


_MODEL_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
