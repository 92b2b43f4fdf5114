"""What the orchestrator needs of the parts that it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from squall.business import PriceBook, load_price_book
from squall.load_generator import Ledger, LoadPlan, LostWorker
from squall.load_generator.target_spec import TargetSpec
from squall.metrics import Schedule
from squall.metrics.collectors.cloudwatch.arrival import WAIT_S_MAX
from squall.models import Interval, PlatformSetup
from squall.targets import CloudPlace, DecisionFeed, DecisionReader
from squall.targets.installation import Installation

Progress = Callable[[str], None]
"""Takes a short sentence about what is being done or has just happened."""


class Calibration(Protocol):
    """What the generator found itself able to do."""

    @property
    def tps(self) -> float:
        """Transactions per second that all workers together can make and send."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What that figure leaves out."""
        ...


class LoadEngine(Protocol):
    """Sends one plan's load (``squall.load_generator.LoadGenerator``)."""

    async def prepare(self) -> Calibration:
        """Start the workers, connect, calibrate."""
        ...

    def run(self) -> AsyncIterator[Interval]:
        """Start the load and report on it until the last answer or the end of the drain."""
        ...

    async def pause(self) -> None:
        """Send nothing until resumed."""
        ...

    async def resume(self) -> None:
        """Go on where the plan was paused."""
        ...

    async def set_multiplier(self, multiplier: float) -> None:
        """Multiply the planned rate from now on."""
        ...

    async def stop(self) -> None:
        """Send nothing new; wait for answers."""
        ...

    async def abort(self) -> None:
        """Close every connection at once."""
        ...

    async def close(self) -> None:
        """End the workers. Harmless when repeated."""
        ...

    @property
    def controller(self) -> Schedule:
        """The schedule as the controls given so far have left it."""
        ...

    @property
    def started_at_monotonic(self) -> float:
        """The load's second 0 on ``time.monotonic``; 0 before ``run``."""
        ...

    @property
    def workers_alive(self) -> int:
        """Workers that still run."""
        ...

    @property
    def lost_workers(self) -> Sequence[LostWorker]:
        """The workers that died during the run."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Where every transaction ended; complete after the run."""
        ...


class Target(Protocol):
    """What transactions are sent to (``squall.targets.Target``)."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def spec(self) -> TargetSpec:
        """What the engine needs of it."""
        ...

    async def check(self) -> None:
        """Raises ``TargetUnreachable`` or ``TargetProtocolError`` where it cannot be used."""
        ...

    @property
    def records_remedy(self) -> str:
        """What to add so that its records can be read; for targets without a ``reader``."""
        ...

    def reader(self, run_tag: str) -> DecisionReader | None:
        """Reads what it decided in one run; None where it cannot be asked."""
        ...

    def decisions(self, run_tag: str) -> DecisionFeed | None:
        """Follows its decisions; None where its answers hold them, or nothing does."""
        ...


@runtime_checkable
class CloudTarget(Protocol):
    """A target that runs on cloud services whose own figures can be read."""

    @property
    def cloud(self) -> CloudPlace:
        """Those services, as far as its user named them."""
        ...

    def open_client(self, service: str) -> Any:
        """A botocore client of one of them."""
        ...


class TargetSession(Protocol):
    """A target while it is in use."""

    @property
    def target(self) -> Target:
        """The target."""
        ...

    @property
    def installation(self) -> Installation:
        """Where its parts are, as far as that is known."""
        ...

    def pids(self) -> tuple[int, ...]:
        """Its processes where they are ours to watch; else empty."""
        ...

    async def read_agents(self) -> bytes | None:
        """Its agent dashboard's answer; None where it has none. Raises ``TargetError``."""
        ...

    def exit_reason(self) -> str | None:
        """Why its process has ended; None while it runs and for targets that are not ours."""
        ...


class OpenTarget(Protocol):
    """Resolves a target's name, launching it where it is ours to launch."""

    def __call__(
        self, target: str, fields: frozenset[str], progress: Progress, setup: PlatformSetup
    ) -> AbstractAsyncContextManager[TargetSession]:
        """Open it for transactions with these ``fields``; closing ends what was launched.

        ``setup`` is for what squall launches itself.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything with an effect that a run needs."""

    open_target: OpenTarget
    make_engine: Callable[[LoadPlan], LoadEngine]
    monotonic: Callable[[], float]
    wall_clock: Callable[[], float]
    """Unix seconds."""
    randomness: Callable[[int], bytes]
    cores: int
    prices: PriceBook = field(default_factory=load_price_book)
    """What the target's cloud services cost."""
    figures_wait_s: float = WAIT_S_MAX
    """How long after a load its cloud services' own figures are waited for, where they are late."""
