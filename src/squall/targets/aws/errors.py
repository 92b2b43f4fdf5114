"""AWS's error answers: their code, what squall calls them, and what they mean for a call."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

_THROTTLES = frozenset(
    {
        "LimitExceededException",
        "KMSThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "EC2ThrottledException",
    }
)
"""Codes that botocore's standard retry mode takes as throttling, for the services used here."""
_STALE_KEYS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"}
)
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class AwsRefusal:
    """An error answer. ``code`` is AWS's name of it, or ``http_503`` where it names none."""

    status: int
    code: str
    message: str = ""

    @property
    def throttle(self) -> bool:
        """Whether the caller is too fast."""
        return self.code in _THROTTLES or self.status == 429

    @property
    def stale_keys(self) -> bool:
        """Whether other credentials may help."""
        return self.code in _STALE_KEYS

    @property
    def definite(self) -> bool:
        """Whether the call was certainly not carried out."""
        return self.throttle or self.status < 500 or self.status == 503

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed later."""
        return self.throttle or self.stale_keys or self.status >= 500

    @property
    def kind(self) -> str:
        """Its name among a run's errors: ``throttle_provisioned_throughput_exceeded``."""
        return kind_of(self.code, self.throttle)


def kind_of(code: str, throttle: bool | None = None) -> str:
    """A code in squall's form: snake case, without “Exception”; throttles say so first."""
    throttle = code in _THROTTLES if throttle is None else throttle
    words = _WORDS.sub("_", code.removesuffix("Exception")).lower()
    return f"throttle_{words}" if throttle else words


def read_refusal(status: int, body: bytes) -> AwsRefusal:
    """An error answer of a JSON service; Kinesis and DynamoDB name the error in the body."""
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return AwsRefusal(status, f"http_{status}")
    code = document.get("__type") or document.get("code") or document.get("Code")
    message = document.get("message") or document.get("Message") or ""
    if not isinstance(code, str) or not code:
        return AwsRefusal(status, f"http_{status}", str(message))
    return AwsRefusal(status, code.rpartition("#")[2].partition(":")[0], str(message))
