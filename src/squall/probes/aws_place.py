"""Where an AWS probe makes what it needs, what that is called, and how it is made."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from squall.errors import ConfigurationError, TargetError
from squall.targets.aws.access import Access, open_client, open_credentials
from squall.targets.aws.service_client import Service
from squall.targets.installation import Installation

OWN_PREFIX = "squall-probe-"
"""Begins the name of everything that a probe makes."""
_READY_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.2


class AwsPlace:
    """AWS or the twin, for one probe.

    Everything it makes has ``name`` as its name: ``squall-probe-``, the probe's own, and a random
    end, so that no two runs meet.

    Raises:
        ConfigurationError: the target is not on AWS, or its credentials cannot be used.
    """

    def __init__(self, probe: str, installation: Installation) -> None:
        if installation.access is None:
            raise ConfigurationError(
                f"probe {probe} works on AWS services: use --target stream, or a kinesis:// or "
                "lambda:// target"
            )
        self.access: Access = installation.access
        self.is_twin = installation.twin_url is not None
        self.probe = probe
        self.name = f"{OWN_PREFIX}{probe.replace('_', '-')[:32].strip('-')}-{secrets.token_hex(4)}"
        self._credentials = open_credentials(self.access.profile)

    def dynamodb(self) -> Service:
        """DynamoDB there."""
        return Service(self.access, self._credentials, "dynamodb", "DynamoDB_20120810", "1.0")

    def kinesis(self) -> Service:
        """Kinesis there."""
        return Service(self.access, self._credentials, "kinesis", "Kinesis_20131202", "1.1")

    def rest(self, service: str) -> Service:
        """S3 or Lambda there: its address and credentials, for requests of their own shapes."""
        return Service(self.access, self._credentials, service, "", "")

    async def botocore(self, service: str) -> Any:
        """A botocore client, for the few calls that make and remove things."""
        return await asyncio.to_thread(open_client, self.access, service)

    async def made(self, what: str, method: Callable[..., Any], **parameters: Any) -> Any:
        """The answer to one botocore call.

        Raises:
            TargetError: AWS refuses it.
        """
        try:
            return await asyncio.to_thread(partial(method, **parameters))
        except Exception as error:  # botocore raises what it likes
            raise TargetError(f"probe {self.probe} cannot {what}: {error}") from error

    async def until(self, what: str, ready: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it is so.

        Raises:
            TargetError: it is not within two minutes.
        """
        deadline = time.monotonic() + _READY_WITHIN_S
        while not await ready():
            if time.monotonic() > deadline:
                raise TargetError(
                    f"probe {self.probe}: {what} is not ready after {_READY_WITHIN_S:.0f} s"
                )
            await asyncio.sleep(_LOOK_EVERY_S)
