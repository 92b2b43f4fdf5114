"""Targets while a run uses them: resolved, and launched where they are ours to launch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from squall.errors import TargetProtocolError
from squall.orchestrator.ports import OpenTarget, Progress, TargetSession
from squall.targets import HttpClient, Target, platform_target
from squall.targets import open_target as open_any_target
from squall.targets.platform import PlatformOptions, PlatformProcess

INLINE = "inline"
"""The name of the reference fraud platform, launched for the run."""


@dataclass(slots=True)
class RemoteSession:
    """Somebody else's service: nothing of it is launched or stopped here."""

    target: Target
    _client: HttpClient | None = None

    def pids(self) -> tuple[int, ...]:
        """None of its processes are known."""
        return ()

    async def read_agents(self) -> bytes | None:
        """Its agent dashboard, if it has one.

        Raises:
            TargetUnreachable: it does not answer.
            TargetProtocolError: it answers with an error.
        """
        path = self.target.agents_url
        if path is None:
            return None
        if self._client is None:
            self._client = self.target.client(timeout_s=5.0)
        answer = await self._client.get(path)
        if answer.status != 200:
            raise TargetProtocolError(f"{path} answered {answer.status}")
        return answer.body

    def exit_reason(self) -> str | None:
        """Not known of a service that is not ours."""
        return None

    async def close(self) -> None:
        """Close what was opened to ask it."""
        if self._client is not None:
            await self._client.close()


@dataclass(slots=True)
class PlatformSession(RemoteSession):
    """The reference platform, launched for this run."""

    process: PlatformProcess | None = None

    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return self.process.pids() if self.process else ()

    def exit_reason(self) -> str | None:
        """How it ended; None while it runs."""
        return self.process.exit_reason() if self.process else None


def target_opener(cache_dir: Path) -> OpenTarget:
    """Opens ``inline`` (launched, with its training history in ``cache_dir``) and all others."""

    @asynccontextmanager
    async def open_target(
        target: str, fields: frozenset[str], progress: Progress
    ) -> AsyncIterator[TargetSession]:
        if target == INLINE:
            async with PlatformProcess(PlatformOptions(cache_dir), progress) as process:
                platform = PlatformSession(platform_target(process.base_url), process=process)
                async with _closing(platform) as session:
                    yield session
        else:
            async with _closing(RemoteSession(open_any_target(target, fields))) as session:
                yield session

    return open_target


@asynccontextmanager
async def _closing(session: RemoteSession) -> AsyncIterator[RemoteSession]:
    try:
        yield session
    finally:
        await session.close()
