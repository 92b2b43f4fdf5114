"""What the external services answer, and how their JSON is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class CheckError(Exception):
    """A check gave no answer."""


class FailedCheckError(CheckError):
    """The service, the way to it or its answer is broken; another attempt may do."""


class SlowCheckError(CheckError):
    """No answer within the time that a check may take."""


class ThrottledCheckError(CheckError):
    """Over the service's rate limit, to be left alone for ``retry_after_s``."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"over the rate limit; again in {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class IdentityLevel(Enum):
    """How far a customer's details agree with the identity provider's."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified (or not verified) customer."""

    level: IdentityLevel
    valid_s: float
    """How long the service says that its answer holds; so in the others."""


@dataclass(frozen=True, slots=True)
class ListedRange:
    """What the fraud database lists in one range of fingerprints."""

    suffixes: frozenset[str]
    valid_s: float


@dataclass(frozen=True, slots=True)
class Location:
    """Where a network is. ``country`` is None where it is nobody's, as with hosting providers."""

    country: str | None
    latitude: float | None
    longitude: float | None
    proxy: bool
    """A proxy, a tunnel or a hosting provider: whoever pays from there is somewhere else."""
    valid_s: float


def read_identity(document: Mapping[str, Any]) -> Identity:
    """Raises ``FailedCheckError``."""
    try:
        return Identity(IdentityLevel(document["level"]), _seconds(document["valid_s"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FailedCheckError(f"not an identity answer: {error!r}") from error


def read_range(document: Mapping[str, Any]) -> ListedRange:
    """Raises ``FailedCheckError``."""
    try:
        entries = document["entries"]
        if not isinstance(entries, dict):
            raise TypeError("entries is an object by suffix")
        return ListedRange(frozenset(entries), _seconds(document["valid_s"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FailedCheckError(f"not a fraud-database answer: {error!r}") from error


def read_location(document: Mapping[str, Any]) -> Location:
    """Raises ``FailedCheckError``."""
    try:
        country, proxy = document["country"], document["proxy"]
        if not (country is None or isinstance(country, str)) or not isinstance(proxy, bool):
            raise TypeError("country is a code or null and proxy a boolean")
        return Location(
            country,
            _degrees(document["latitude"]),
            _degrees(document["longitude"]),
            proxy,
            _seconds(document["valid_s"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FailedCheckError(f"not a geolocation answer: {error!r}") from error


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise TypeError("valid_s is a number above 0")
    return float(value)


def _degrees(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("latitude and longitude are numbers or null")
    return float(value)
