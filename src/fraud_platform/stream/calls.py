"""Botocore calls of which some refusals are expected."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fraud_platform.errors import PlatformError

ALREADY_THERE = frozenset(
    {
        "ResourceInUseException", "ResourceConflictException", "BucketAlreadyOwnedByYou",
        "QueueAlreadyExists", "QueueNameExists", "AWS.SimpleQueueService.QueueNameExists",
    }
)  # fmt: skip
GONE = frozenset(
    {
        "ResourceNotFoundException", "NoSuchBucket", "QueueDoesNotExist", "404",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)  # fmt: skip
_WAIT_S = 120.0
_POLL_S = 0.1


class ResourceError(PlatformError):
    """A resource cannot be made, found, changed or removed."""


def call(method: Callable[..., Any], **parameters: Any) -> Any:
    """The answer; raises ``ResourceError``."""
    return call_unless(frozenset(), method, **parameters)


def call_unless(known: frozenset[str], method: Callable[..., Any], **parameters: Any) -> Any:
    """The answer, None for an error code in ``known``; raises ``ResourceError``."""
    try:
        return method(**parameters)
    except ClientError as error:
        if str(error.response.get("Error", {}).get("Code", "")) in known:
            return None
        raise ResourceError(str(error)) from error
    except (BotoCoreError, OSError) as error:
        raise ResourceError(str(error)) from error


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Return when it is so; raises ``ResourceError`` after two minutes."""
    deadline = time.monotonic() + _WAIT_S
    while not true():
        if time.monotonic() > deadline:
            raise ResourceError(f"{what} is not ready after {_WAIT_S:.0f} s")
        time.sleep(_POLL_S)
