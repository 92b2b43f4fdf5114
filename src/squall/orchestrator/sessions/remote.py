"""A target that runs already: somebody else's service, or one of ours started by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from squall.errors import SquallError, TargetProtocolError
from squall.load_generator.target_spec import Endpoint
from squall.metrics.collectors.twin_meter import read_twin_meter
from squall.targets import HttpClient, Target, open_target
from squall.targets.aws import AwsTarget
from squall.targets.http_target import HttpTargetSpec
from squall.targets.installation import Installation

_ASK_TIMEOUT_S = 5.0


@dataclass(slots=True)
class RemoteSession:
    """A target; nothing of it is launched or stopped here."""

    target: Target
    installation: Installation = field(default_factory=Installation)
    _client: HttpClient | None = None

    def pids(self) -> tuple[int, ...]:
        """None of its processes are known."""
        return tuple(pid for pids in self.processes().values() for pid in pids)

    def processes(self) -> Mapping[str, tuple[int, ...]]:
        """Process ids by what they do; empty where they are not ours to watch."""
        return {}

    async def read_agents(self) -> bytes | None:
        """Its agent dashboard, if it has one.

        Raises:
            TargetUnreachable: it does not answer.
            TargetProtocolError: it answers with an error.
        """
        place = self.target.agents_url
        if place is None:
            return None
        if self._client is None:
            self._client = self._agents_client(place)
        answer = await self._client.get(urlunsplit(("", "", *urlsplit(place)[2:])))
        if answer.status != 200:
            raise TargetProtocolError(f"{place} answered {answer.status}")
        return answer.body

    def _agents_client(self, place: str) -> HttpClient:
        """For the target itself where ``place`` is a path on it, else for where the URL leads."""
        if place.startswith("/"):
            return self.target.client(timeout_s=_ASK_TIMEOUT_S)
        return HttpClient(Endpoint.of_url(place), _ASK_TIMEOUT_S)

    def exit_reason(self) -> str | None:
        """Not known of a service that is not ours."""
        return None

    async def close(self) -> None:
        """Close what was opened to ask it."""
        if self._client is not None:
            await self._client.close()


@asynccontextmanager
async def remote_session(text: str, fields: frozenset[str]) -> AsyncIterator[RemoteSession]:
    """A session with what a user wrote after ``--target``, and where its parts are if it says so.

    The service of a URL or target file is taken for the reference platform, and so is the one that
    a stream's or function's ``agents=`` names: whoever needs its interface finds out. AWS is taken
    for a twin where one answers.
    """
    target = open_target(text, fields)
    session = RemoteSession(target, await _installation(target))
    try:
        yield session
    finally:
        await session.close()


async def _installation(target: Target) -> Installation:
    platform_url = _platform_url(target)
    if not isinstance(target, AwsTarget):
        return Installation(platform_url=platform_url)
    return Installation(
        platform_url=platform_url,
        twin_url=await _twin_url(target),
        access=target.access,
        open_client=target.open_client,
    )


def _platform_url(target: Target) -> str | None:
    """Where the platform's interface may be: what takes the transactions, if that speaks HTTP."""
    if isinstance(target.spec, HttpTargetSpec):
        return target.spec.file.url.rstrip("/")
    if target.agents_url is None:
        return None
    parts = urlsplit(target.agents_url)
    return f"{parts.scheme}://{parts.netloc}"


async def _twin_url(target: AwsTarget) -> str | None:
    """Where the twin is, if that is what the target runs on."""
    endpoint = target.cloud.endpoint
    client = HttpClient(endpoint, _ASK_TIMEOUT_S)
    try:
        twin = await read_twin_meter(client) is not None
    except SquallError:
        return None  # the target's own check says what is wrong there
    finally:
        await client.close()
    scheme = "https" if endpoint.tls else "http"
    return f"{scheme}://{endpoint}" if twin else None
