"""Reads members of a request, with AWS's errors for those that are missing or malformed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_twin.services.sqs.refusals import missing, out_of_range, unserializable

Parameters = Mapping[str, Any]


def optional_text(parameters: Parameters, name: str) -> str | None:
    """A string, or None."""
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise unserializable(name, "a string")
    return value


def text(parameters: Parameters, name: str) -> str:
    """A string that must be there and not empty."""
    value = optional_text(parameters, name)
    if not value:
        raise missing(name)
    return value


def optional_whole(parameters: Parameters, name: str, least: int, most: int) -> int | None:
    """A whole number within bounds, or None."""
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise unserializable(name, "a whole number")
    if not least <= value <= most:
        reason = f"Must be >= {least} and <= {most}, if provided."
        raise out_of_range(value, name, reason)
    return value


def texts(parameters: Parameters, name: str) -> list[str]:
    """A list of strings; empty where there is none."""
    value = parameters.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise unserializable(name, "a list of strings")
    return value


def text_map(parameters: Parameters, name: str) -> dict[str, str]:
    """A map of strings; empty where there is none."""
    value = parameters.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise unserializable(name, "a map of strings")
    return value
