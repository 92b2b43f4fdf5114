"""``--target inline``: the reference platform, launched for the run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from squall.errors import ConfigurationError
from squall.models import PlatformSetup
from squall.orchestrator.sessions.remote import RemoteSession
from squall.targets import platform_target
from squall.targets.installation import Installation
from squall.targets.launching import Progress
from squall.targets.platform import PlatformOptions, PlatformProcess

INLINE = "inline"
"""The name of the reference fraud platform, launched for the run."""


@dataclass(slots=True)
class InlineSession(RemoteSession):
    """The reference platform, launched for this run."""

    process: PlatformProcess | None = None

    def processes(self) -> Mapping[str, tuple[int, ...]]:
        """Its processes."""
        return {"platform": self.process.pids()} if self.process else {}

    def exit_reason(self) -> str | None:
        """How it ended; None while it runs."""
        return self.process.exit_reason() if self.process else None


@asynccontextmanager
async def inline_session(
    cache_dir: Path, progress: Progress, setup: PlatformSetup
) -> AsyncIterator[InlineSession]:
    """A session with the platform in inline mode.

    Raises:
        ConfigurationError: ``setup`` asks for what only stream mode has.
    """
    for name, wanted in (
        ("external_checks", setup.external_checks),
        ("reasoning_model", setup.reasoning_model is not None),
    ):
        if wanted:
            raise ConfigurationError(
                f"platform.{name}: the platform has it in stream mode only; use --target stream"
            )
    if setup != PlatformSetup(processes=setup.processes):
        progress("the scenario's platform settings are for --target stream; they are not applied")
    # A platform of our own may be disturbed: the scenario's faults are for it.
    options = PlatformOptions(
        cache_dir, processes=setup.processes, arguments=("--allow-disturbance",)
    )
    async with PlatformProcess(options, progress) as process:
        session = InlineSession(
            platform_target(process.base_url),
            Installation(platform_url=process.base_url),
            process=process,
        )
        try:
            yield session
        finally:
            await session.close()
