"""Targets while a run uses them: resolved, and launched where they are ours to launch."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from squall.errors import TargetProtocolError
from squall.orchestrator.ports import OpenTarget, Progress, TargetSession
from squall.targets import HttpClient, Target, platform_target
from squall.targets import open_target as open_any_target
from squall.targets.platform import PlatformOptions, PlatformProcess
from squall.targets.twin import RunningTwin, TwinOptions, launched

INLINE = "inline"
"""The name of the reference fraud platform, launched for the run."""
STREAM = "stream"
"""The same in stream mode, on a cloud twin launched for the run."""
_REGION = "us-east-1"
_SHARDS = 4
"""Of the stream: each takes 1,000 transactions a second."""
_BATCH_RECORDS = 250
"""Most that a function is given at once: here a record is one transaction, not a pack of many."""
_ANY_KEYS = {"AWS_ACCESS_KEY_ID": "twin", "AWS_SECRET_ACCESS_KEY": "twin"}


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


@dataclass(slots=True)
class StreamSession(PlatformSession):
    """The reference platform in stream mode on a cloud twin, both launched for this run.

    Transactions go on its stream; its gateway is asked for its agents.
    """

    twin: RunningTwin | None = None
    gateway: Target | None = None

    def pids(self) -> tuple[int, ...]:
        """The platform, the twin and its functions."""
        return (*PlatformSession.pids(self), *(self.twin.pids() if self.twin else ()))

    async def read_agents(self) -> bytes | None:
        """The gateway's agent dashboard."""
        if self._client is None and self.gateway is not None:
            self._client = self.gateway.client(timeout_s=5.0)
        answer = None if self._client is None else await self._client.get("/v1/agents")
        if answer is not None and answer.status != 200:
            raise TargetProtocolError(f"/v1/agents answered {answer.status}")
        return None if answer is None else answer.body


@asynccontextmanager
async def _streaming(
    cache_dir: Path, fields: frozenset[str], progress: Progress
) -> AsyncIterator[TargetSession]:
    """A twin, the platform on it, and its stream as the target."""
    progress("starting the cloud twin")
    async with launched(TwinOptions(), asyncio.Event()) as twin:
        assert twin is not None, "nothing asks it to end before it is ready"
        for name, value in _ANY_KEYS.items():
            os.environ.setdefault(name, value)  # workers find their credentials there, as ever
        options = PlatformOptions(
            cache_dir,
            arguments=(
                "--mode=stream",
                f"--endpoint-url={twin.url}",
                f"--region={_REGION}",
                f"--shards={_SHARDS}",
                f"--batch-records={_BATCH_RECORDS}",
            ),
        )
        async with PlatformProcess(options, progress) as process:
            target = open_any_target(
                "kinesis://transactions?decisions=kinesis://decisions&table=dynamodb://decisions"
                f"&region={_REGION}&endpoint_url={twin.url}",
                fields,
            )
            gateway = platform_target(process.base_url)
            session = StreamSession(target, process=process, twin=twin, gateway=gateway)
            async with _closing(session):
                yield session


def target_opener(cache_dir: Path) -> OpenTarget:
    """Opens ``inline`` and ``stream`` (launched, their history in ``cache_dir``) and all others."""

    @asynccontextmanager
    async def open_target(
        target: str, fields: frozenset[str], progress: Progress
    ) -> AsyncIterator[TargetSession]:
        if target == INLINE:
            async with PlatformProcess(PlatformOptions(cache_dir), progress) as process:
                platform = PlatformSession(platform_target(process.base_url), process=process)
                async with _closing(platform) as session:
                    yield session
        elif target == STREAM:
            async with _streaming(cache_dir, fields, progress) as streaming:
                yield streaming
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
