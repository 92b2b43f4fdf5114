"""Calls to a JSON service beside the load: checks, decision streams, tables."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

import orjson

from squall.errors import TargetError, TargetProtocolError, TargetUnreachable
from squall.targets.aws.access import Access, Credentials, ServiceAddress, service_address
from squall.targets.aws.errors import AwsRefusal, read_refusal
from squall.targets.aws.signed_calls import SignedCalls, json_shape
from squall.targets.aws.signing import Scope
from squall.targets.http_client import HttpClient

ATTEMPTS = 10
BASE_S = 0.1
LONGEST_S = 5.0
TIMEOUT_S = 30.0


class AwsRefused(TargetError):
    """AWS answered with an error that does not pass, or did not in time."""

    def __init__(self, what: str, refusal: AwsRefusal) -> None:
        super().__init__(f"{what}: {refusal.code}: {refusal.message or '(no message)'}")
        self.refusal = refusal


class Service:
    """One JSON service; opens a client for each that calls it at the same time."""

    def __init__(
        self, access: Access, credentials: Credentials, service: str, prefix: str, version: str
    ) -> None:
        self.address: ServiceAddress = service_address(access, service)
        self.prefix = prefix
        self.version = version
        self.scope = Scope(access.region, service)
        self.credentials = credentials

    def client(self) -> ServiceClient:
        """A client with a connection of its own."""
        return ServiceClient(self)


class ServiceClient:
    """One connection, one call at a time. Throttles and failures that pass are tried again.

    The waits are "full jitter": uniform on 0 … min(100 ms · 2ⁿ, 5 s), ten attempts in all.
    """

    def __init__(self, service: Service, jitter: random.Random | None = None) -> None:
        self._service = service
        self._http = HttpClient(service.address.endpoint, TIMEOUT_S)
        self._calls: dict[str, SignedCalls] = {}
        self._jitter = jitter or random.Random()
        self.throttled = 0
        """Attempts that AWS throttled."""

    async def call(self, operation: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        """The answer to one call.

        Raises:
            AwsRefused: AWS refuses it for good, or ten times.
            TargetUnreachable: nothing answers.
            TargetProtocolError: what answers is not JSON.
        """
        body = orjson.dumps(parameters)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(operation, body)
            except AwsRefused as error:
                self.throttled += error.refusal.throttle
                if error.refusal.stale_keys:
                    self._signed(operation).keys_refused()
                if not error.refusal.passing or attempt == ATTEMPTS:
                    raise
            except TargetUnreachable:
                if attempt == ATTEMPTS:
                    raise
            await asyncio.sleep(self._jitter.uniform(0, min(BASE_S * 2**attempt, LONGEST_S)))

    async def _attempt(self, operation: str, body: bytes) -> dict[str, Any]:
        request = b"".join(self._signed(operation).request((body,)))
        answer = await self._http.exchange(request)
        if answer.status != 200:
            what = f"{self._service.address.url} refused {operation}"
            raise AwsRefused(what, read_refusal(answer.status, answer.body))
        try:
            document = orjson.loads(answer.body or b"{}")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise TargetProtocolError(
                f"{self._service.address.url} did not answer {operation} as AWS does: is it an "
                "AWS endpoint?"
            )
        return document

    def _signed(self, operation: str) -> SignedCalls:
        calls = self._calls.get(operation)
        if calls is None:
            service = self._service
            name = f"{service.prefix}.{operation}"
            shape = json_shape(service.address.host, name, service.version)
            calls = SignedCalls(shape, service.scope, service.credentials, time.time)
            self._calls[operation] = calls
        return calls

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()
