"""When the twin clears expired items: held back until somebody is ready to watch."""

from __future__ import annotations

import orjson

from squall.errors import TargetProtocolError
from squall.load_generator.target_spec import Endpoint
from squall.targets.http_client import HttpClient
from squall.targets.twin import LIMITS_PATH, limit_twin

_HELD_S = 7 * 86_400.0
_LIMIT = "ttl_delay_s"


class TwinExpiry:
    """The twin's delay between an item's expiry and its clearing. Holds all of its tables."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._before_s: float | None = None

    async def hold(self) -> None:
        """Clear nothing that has just expired, from now on.

        Raises:
            TargetUnreachable: the twin does not answer.
            TargetProtocolError: it answers as no twin does.
        """
        if self._before_s is None:
            self._before_s = await self._delay_s()
            await self._set(_HELD_S)

    async def release(self) -> None:
        """Clear as before. Harmless when repeated."""
        if self._before_s is not None:
            await self._set(self._before_s)
            self._before_s = None

    async def _set(self, delay_s: float) -> None:
        await limit_twin(self._url, {"dynamodb": {_LIMIT: delay_s}})

    async def _delay_s(self) -> float:
        client = HttpClient(Endpoint.of_url(self._url))
        try:
            answer = await client.get(LIMITS_PATH)
        finally:
            await client.close()
        try:
            return float(orjson.loads(answer.body)["dynamodb"][_LIMIT] or 0.0)
        except (ValueError, KeyError, TypeError) as error:
            raise TargetProtocolError(f"{self._url}{LIMITS_PATH} is not a twin's") from error
