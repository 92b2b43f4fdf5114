"""``--target stream``: the platform's gateway in stream mode on a twin, launched for the run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from squall.models import PlatformSetup
from squall.orchestrator.sessions.remote import RemoteSession
from squall.targets import stream_platform_target
from squall.targets.installation import Installation
from squall.targets.launching import Progress
from squall.targets.stream_platform import REGION, StreamOptions, StreamPlatform

STREAM = "stream"
"""The name of the reference platform in stream mode, launched for the run with its twin."""
ANY_KEYS = {"AWS_ACCESS_KEY_ID": "twin", "AWS_SECRET_ACCESS_KEY": "twin"}
"""The twin takes any credentials, and AWS tools want some."""


@dataclass(slots=True)
class StreamSession(RemoteSession):
    """The platform's gateway with all it stands on, launched for this run."""

    platform: StreamPlatform | None = None

    def processes(self) -> Mapping[str, tuple[int, ...]]:
        """The gateway, the twin, its functions and the external checks."""
        return self.platform.processes() if self.platform else {}

    def exit_reason(self) -> str | None:
        """How a part of it ended; None while all of it runs."""
        return self.platform.exit_reason() if self.platform else None


@asynccontextmanager
async def stream_session(
    cache_dir: Path, progress: Progress, setup: PlatformSetup
) -> AsyncIterator[StreamSession]:
    """A session with the platform in stream mode, set up as the scenario wants it."""
    for name, value in ANY_KEYS.items():
        os.environ.setdefault(name, value)  # AWS tools find their credentials there, as ever
    async with StreamPlatform(StreamOptions(cache_dir, setup), progress) as platform:
        target = stream_platform_target(
            platform.url, platform.twin_url, REGION, setup.reasoning_model
        )
        progress(f"the cloud twin is at {platform.twin_url}")
        installation = Installation(
            platform_url=platform.url,
            twin_url=platform.twin_url,
            checks_url=platform.checks_url,
            access=target.access,
            open_client=target.open_client,
        )
        session = StreamSession(target, installation, platform=platform)
        try:
            yield session
        finally:
            await session.close()
