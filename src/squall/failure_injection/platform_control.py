"""The reference platform's control of disturbances, over HTTP (``docs/platform-api.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from squall.errors import ConfigurationError, TargetProtocolError
from squall.load_generator.engine.answer import Answer
from squall.targets.http_client import HttpClient
from squall.targets.resolve import platform_target

PATH = "/v1/_control/disturbances"
_TIMEOUT_S = 10.0


class Disturbance:
    """One disturbance of the platform at ``url``: a lease that begins, is renewed and ends.

    Methods raise ``ConfigurationError`` where the platform does not allow it, and ``TargetError``
    where it does not answer as it should.
    """

    def __init__(self, url: str, what: Mapping[str, Any]) -> None:
        self._what = dict(what)
        self._url = url
        self._client: HttpClient | None = None
        self._id: str | None = None

    async def begin(self, lease_s: float) -> None:
        """Put it in force for so long."""
        answer = await self._ask("POST", PATH, {**self._what, "lease_s": lease_s})
        if answer.status in (403, 404, 409, 501):
            raise ConfigurationError(f"{self._url}: {_message(answer)}")
        self._id = str(_expected(answer, 201, self._url)["id"])

    async def renew(self, lease_s: float) -> None:
        """Let it last so long from now."""
        answer = await self._ask("POST", f"{PATH}/{self._id}/renew", {"lease_s": lease_s})
        _expected(answer, 200, self._url)

    async def end(self) -> None:
        """End it now. Harmless when it has ended or never began."""
        ended, self._id = self._id, None
        if ended is None:
            return
        answer = await self._ask("DELETE", f"{PATH}/{ended}", {})
        if answer.status != 404:
            _expected(answer, 200, self._url)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()

    async def _ask(self, method: str, path: str, document: Mapping[str, Any]) -> Answer:
        if self._client is None:
            self._client = platform_target(self._url).client(timeout_s=_TIMEOUT_S)
        body = orjson.dumps(document)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._url.partition('://')[2]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return await self._client.exchange(head.encode() + body)


def platform_url(url: str | None, fault: str) -> str:
    """The platform's address; raises ``ConfigurationError`` where the target is no platform."""
    if url is None:
        raise ConfigurationError(
            f"fault {fault} needs the reference platform: use --target inline or stream"
        )
    return url


def _expected(answer: Answer, status: int, url: str) -> Mapping[str, Any]:
    if answer.status != status:
        raise TargetProtocolError(f"{url}{PATH} answered {answer.status}: {_message(answer)}")
    try:
        document: Mapping[str, Any] = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise TargetProtocolError(f"{url}{PATH} answered with no JSON") from error
    return document


def _message(answer: Answer) -> str:
    """What the platform says is wrong."""
    try:
        return str(orjson.loads(answer.body)["error"]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return answer.body[:200].decode("utf-8", "replace")
