"""Reads members of a request, with AWS's errors for those that are missing or malformed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cloud_twin.services.kinesis.refusals import unserializable, violation

NAME = re.compile(r"[a-zA-Z0-9_.-]+")
HASH_KEY = re.compile(r"0|([1-9]\d{0,38})")
SEQUENCE_NUMBER = re.compile(r"0|([1-9]\d{0,128})")

Parameters = Mapping[str, Any]


def _at(name: str) -> str:
    return name[0].lower() + name[1:]


def _required(value: object, at: str) -> None:
    if value is None:
        raise violation(None, at, "Member must not be null")


def optional_text(
    parameters: Parameters,
    name: str,
    pattern: re.Pattern[str] | None = NAME,
    longest: int = 128,
    at: str | None = None,
) -> str | None:
    """A string of 1 to ``longest`` characters, or None."""
    value = parameters.get(name)
    if value is None:
        return None
    at = at or _at(name)
    if not isinstance(value, str):
        raise unserializable(f"{at} must be a string")
    if not value:
        raise violation(value, at, "Member must have length greater than or equal to 1")
    if len(value) > longest:
        constraint = f"Member must have length less than or equal to {longest}"
        raise violation(value, at, constraint)
    if pattern is not None and not pattern.fullmatch(value):
        constraint = f"Member must satisfy regular expression pattern: {pattern.pattern}"
        raise violation(value, at, constraint)
    return value


def text(
    parameters: Parameters,
    name: str,
    pattern: re.Pattern[str] | None = NAME,
    longest: int = 128,
    at: str | None = None,
) -> str:
    """As ``optional_text``, but it must be there."""
    value = optional_text(parameters, name, pattern, longest, at)
    _required(value, at or _at(name))
    return str(value)


def choice(parameters: Parameters, name: str, values: Sequence[str]) -> str:
    """One of several strings."""
    value = text(parameters, name, None)
    if value not in values:
        constraint = f"Member must satisfy enum value set: [{', '.join(values)}]"
        raise violation(value, _at(name), constraint)
    return value


def optional_whole(
    parameters: Parameters, name: str, least: int, most: int | None = None
) -> int | None:
    """A whole number within bounds, or None."""
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unserializable(f"{_at(name)} must be a whole number")
    number = int(value)
    if number < least:
        constraint = f"Member must have value greater than or equal to {least}"
        raise violation(number, _at(name), constraint)
    if most is not None and number > most:
        constraint = f"Member must have value less than or equal to {most}"
        raise violation(number, _at(name), constraint)
    return number


def whole(parameters: Parameters, name: str, least: int, most: int | None = None) -> int:
    """As ``optional_whole``, but it must be there."""
    value = optional_whole(parameters, name, least, most)
    _required(value, _at(name))
    assert value is not None, "required above"
    return value


def optional_time_s(parameters: Parameters, name: str) -> float | None:
    """A timestamp in Unix seconds, or None."""
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unserializable(f"{_at(name)} must be a number of seconds since the epoch")
    return float(value)


def structure(parameters: Parameters, name: str) -> Parameters | None:
    """A nested structure, or None."""
    value = parameters.get(name)
    if value is not None and not isinstance(value, dict):
        raise unserializable(f"{_at(name)} must be a structure")
    return value


def texts(parameters: Parameters, name: str) -> list[str]:
    """A list of strings with at least one entry."""
    value = parameters.get(name)
    _required(value, _at(name))
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise unserializable(f"{_at(name)} must be a list of strings")
    if not value:
        raise violation("[]", _at(name), "Member must have length greater than or equal to 1")
    return value
