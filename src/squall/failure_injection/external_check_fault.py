"""External checks that fail, are slow, turn away or are gone (``docs/external-checks.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from squall.errors import ConfigurationError, SquallError, TargetProtocolError
from squall.load_generator.target_spec import Endpoint
from squall.models.fault_spec import ExternalCheckFault
from squall.targets.cursor_reader import describe_refusal
from squall.targets.http_client import HttpClient
from squall.targets.installation import Installation

_TIMEOUT_S = 10.0
_WORDS = {
    "errors": "errors on {:.0%} of the answers",
    "latency": "{:g} ms added to every answer",
    "rate_limit": "a limit of {:g} a second",
    "outage": "an outage",
}


class ChecksDisturbance:
    """One kind of fault on one or several of the services at once.

    Raises ``ConfigurationError`` where there are no external checks.
    """

    def __init__(self, spec: ExternalCheckFault, installation: Installation) -> None:
        if installation.checks_url is None:
            raise ConfigurationError(
                f"fault {spec.name} needs the external checks: set platform.external_checks to "
                "true, and use --target stream"
            )
        self._spec = spec
        figure = spec.figure
        self._request: dict[str, Any] = {
            "kind": spec.kind,
            **({} if figure is None else {figure[0]: figure[1]}),
        }
        self._client = HttpClient(Endpoint.of_url(installation.checks_url), _TIMEOUT_S)
        self._host = urlsplit(installation.checks_url).netloc
        self._ids: dict[str, str] = {}
        """Of the faults in force, by service."""

    @property
    def what(self) -> str:
        """What goes wrong, in a sentence."""
        figure = self._spec.figure
        words = _WORDS[self._spec.kind].format(*([] if figure is None else [figure[1]]))
        services = [service.replace("_", " ") for service in self._spec.services]
        return f"{words} of {_listed(services)}"

    async def begin(self, lease_s: float) -> None:
        """Put it in force at all services, or at none."""
        for service in dict.fromkeys(self._spec.services):
            try:
                document = await self._post(
                    _control(service), {**self._request, "lease_s": lease_s}, 201
                )
                self._ids[service] = str(document["id"])
            except SquallError:
                await self.end()
                raise

    async def renew(self, lease_s: float) -> None:
        """Let it last so long from now, at every service."""
        for service, fault_id in self._ids.items():
            await self._post(f"{_control(service)}/{fault_id}/renew", {"lease_s": lease_s}, 200)

    async def end(self) -> None:
        """End it now, wherever it is in force. Raises what the first refusal was."""
        problem: SquallError | None = None
        for service, fault_id in list(self._ids.items()):
            try:
                path = f"{_control(service)}/{fault_id}"
                head = f"DELETE {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n"
                answer = await self._client.exchange(head.encode())
                if answer.status not in (200, 404):  # 404: it has ended by itself
                    raise TargetProtocolError(describe_refusal(path, answer))
                del self._ids[service]
            except SquallError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def _post(self, path: str, document: Mapping[str, Any], status: int) -> dict[str, Any]:
        body = orjson.dumps(document)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        answer = await self._client.exchange(head.encode() + body)
        if answer.status != status:
            raise TargetProtocolError(describe_refusal(path, answer))
        try:
            found: dict[str, Any] = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise TargetProtocolError(f"{path} answered with no JSON") from error
        return found


def _control(service: str) -> str:
    return f"/{service.replace('_', '-')}/_control/faults"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
