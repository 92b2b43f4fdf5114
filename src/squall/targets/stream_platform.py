"""The reference platform in stream mode with all it stands on: twin, external checks, gateway."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from squall.models import PlatformSetup
from squall.targets.checks import ChecksProcess
from squall.targets.launching import Progress, silent
from squall.targets.platform import PlatformOptions, PlatformProcess
from squall.targets.twin import TwinOptions, TwinProcess, limit_twin

REGION = "us-east-1"
SHARDS = 2
"""Of the stream: with packs of many transactions each takes far more than one function decides."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How to launch it. ``endpoint_url`` is a twin that runs already; None: one is launched."""

    cache_dir: Path
    setup: PlatformSetup = field(default_factory=PlatformSetup)
    port: int = 0
    data_dir: Path | None = None
    endpoint_url: str | None = None
    twin_port: int = 0


class StreamPlatform:
    """``async with StreamPlatform(options) as platform``: everything is ready inside the block.

    Entering raises ``ConfigurationError`` and ``TargetUnreachable`` as its parts do.
    """

    def __init__(self, options: StreamOptions, progress: Progress = silent) -> None:
        self._options = options
        self._progress = progress
        self._stack = contextlib.AsyncExitStack()
        self._twin: TwinProcess | None = None
        self._checks: ChecksProcess | None = None
        self._gateway: PlatformProcess | None = None
        self.twin_url = options.endpoint_url or ""
        """Where AWS is, without a slash at the end."""

    async def __aenter__(self) -> StreamPlatform:
        """Launch what is missing and wait until all of it is ready."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything that was launched."""
        await self._stack.aclose()

    @property
    def gateway(self) -> PlatformProcess:
        """The process that takes transactions."""
        assert self._gateway is not None, "the platform has not been launched"
        return self._gateway

    @property
    def url(self) -> str:
        """``http://host:port`` of the gateway, without a slash at the end."""
        return self.gateway.base_url

    @property
    def log_file(self) -> Path:
        """Of the gateway."""
        return self.gateway.log_file

    @property
    def checks_url(self) -> str | None:
        """Where the external checks are, if there are any."""
        return None if self._checks is None else self._checks.url

    @property
    def alive(self) -> bool:
        """Whether all that was launched is running."""
        return self.exit_reason() is None

    def processes(self) -> Mapping[str, tuple[int, ...]]:
        """Process ids by what they do. Functions run below the twin."""
        parts = {"gateway": self.gateway.pids()}
        if self._twin is not None:
            twin = self._twin.pids()
            parts |= {"twin": twin[:1], "functions": twin[1:]}
        if self._checks is not None:
            parts["external checks"] = self._checks.pids()
        return parts

    def pids(self) -> tuple[int, ...]:
        """Process ids of everything that was launched."""
        return tuple(pid for pids in self.processes().values() for pid in pids)

    def exit_reason(self) -> str | None:
        """How the first part of it ended; None while all of it runs."""
        for name, part in (
            ("the gateway", self._gateway),
            ("the cloud twin", self._twin),
            ("the external checks", self._checks),
        ):
            reason = None if part is None else part.exit_reason()
            if reason is not None:
                return f"{name}: {reason}"
        return None

    async def stop(self) -> None:
        """Stop everything that was launched. Harmless when repeated."""
        await self._stack.aclose()

    async def _start(self) -> None:
        options, setup = self._options, self._options.setup
        if options.endpoint_url is None:
            self._progress("starting the cloud twin")
            twin = TwinProcess(TwinOptions(port=options.twin_port))
            self._twin = await self._stack.enter_async_context(twin)
            self.twin_url = twin.url
        if setup.twin_limits:
            await limit_twin(self.twin_url, setup.twin_limits)
        if setup.external_checks:
            self._progress("starting the external checks")
            self._checks = await self._stack.enter_async_context(ChecksProcess())
        self._gateway = PlatformProcess(
            PlatformOptions(
                cache_dir=options.cache_dir,
                port=options.port,
                data_dir=options.data_dir,
                arguments=serve_arguments(
                    setup, self.twin_url, self.checks_url, len(os.sched_getaffinity(0))
                ),
                environment={"AWS_REGION": REGION},
            ),
            self._progress,
        )
        await self._stack.enter_async_context(self._gateway)


def serve_arguments(
    setup: PlatformSetup, endpoint_url: str, checks_url: str | None, cores: int
) -> tuple[str, ...]:
    """Arguments of ``fraud-platform serve`` for stream mode, all on a machine of so many cores.

    Functions run on the same machine: more of them at once than cores would only make smaller and
    dearer batches.
    """
    shards = setup.shards or SHARDS
    optional: tuple[tuple[str, object, Callable[[object], str]], ...] = (
        ("--decision-shards", setup.decision_shards, str),
        ("--reasoning-model", setup.reasoning_model, str),
        ("--second-look", setup.second_look_s, lambda value: f"{value:g}"),
        ("--external-url", checks_url, str),
    )
    return (
        "--mode=stream",
        f"--endpoint-url={endpoint_url}",
        f"--region={REGION}",
        "--allow-disturbance",  # the scenario's faults are for it
        *(() if setup.scaling else ("--no-scaling",)),
        f"--shards={shards}",
        f"--parallelisation-max={max(1, cores // shards)}",
        *(f"{name}={write(value)}" for name, value, write in optional if value is not None),
    )
