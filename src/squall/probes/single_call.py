"""Calls that are made once each: what AWS refuses is counted, not tried again."""

from __future__ import annotations

import re
import time

from squall.errors import TargetError
from squall.load_generator.engine.answer import Answer
from squall.probes.tally import Tally
from squall.targets.aws.errors import AwsRefusal, read_refusal
from squall.targets.aws.service_client import Service
from squall.targets.aws.signed_calls import SignedCalls, json_shape
from squall.targets.http_client import HttpClient

UNANSWERED = "no answer"
_XML_CODE = re.compile(rb"<Code>([A-Za-z0-9.]+)</Code>")


def json_calls(service: Service, operation: str) -> SignedCalls:
    """Requests for one operation of a JSON service."""
    shape = json_shape(service.address.host, f"{service.prefix}.{operation}", service.version)
    return SignedCalls(shape, service.scope, service.credentials, time.time)


class SingleCalls:
    """One connection to a service, one call at a time."""

    def __init__(
        self,
        service: Service,
        tally: Tally,
        timeout_s: float = 30.0,
        keep: frozenset[bytes] = frozenset(),
    ) -> None:
        self._http = HttpClient(service.address.endpoint, timeout_s, keep=keep)
        self._tally = tally

    async def call(self, calls: SignedCalls, body: bytes, weight: int = 1) -> Answer | None:
        """The answer to a call that succeeded; None for one that failed, which is counted.

        ``weight``: as so many operations.
        """
        return await self.exchange(calls, b"".join(calls.request((body,))), weight)

    async def exchange(self, calls: SignedCalls, request: bytes, weight: int = 1) -> Answer | None:
        """The same for a request that is ready."""
        try:
            answer = await self._http.exchange(request)
        except TargetError:
            self._tally.refuse(UNANSWERED, throttle=False, count=weight)
            return None
        if answer.status in (200, 204):
            return answer
        refusal = refusal_of(answer)
        if refusal.stale_keys:
            calls.keys_refused()
        self._tally.refuse(refusal.code, throttle=refusal.throttle, count=weight)
        return None

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()


def refusal_of(answer: Answer) -> AwsRefusal:
    """What AWS says is wrong, in JSON or, as S3 does, in XML."""
    found = _XML_CODE.search(answer.body)
    if found is not None:
        return AwsRefusal(answer.status, found[1].decode())
    return read_refusal(answer.status, answer.body)
