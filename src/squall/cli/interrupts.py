"""Ctrl-C during a run: once drains and reports, twice stops at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from squall.errors import IllegalTransition
from squall.models import TestStatus
from squall.orchestrator import StressTestOrchestrator

_BEFORE_LOAD = frozenset({TestStatus.CREATED, TestStatus.PREPARING})
_UNDER_LOAD = frozenset({TestStatus.RUNNING, TestStatus.PAUSED})


class Interrupts:
    """What each interrupt does depends on how far the run is.

    Before the load it cancels the run; under load it drains; after that it stops at once.
    """

    def __init__(
        self,
        orchestrator: StressTestOrchestrator,
        run: asyncio.Task[Any],
        tell: Callable[[str], None],
    ) -> None:
        self._orchestrator = orchestrator
        self._run = run
        self._tell = tell
        self._acting: set[asyncio.Task[None]] = set()

    def interrupt(self) -> None:
        """Take one interrupt; called on the event loop."""
        status = self._orchestrator.status
        if status in _BEFORE_LOAD:
            self._tell("stopping before the load")
            self._run.cancel()
        elif status in _UNDER_LOAD:
            self._tell("draining; Ctrl-C again stops at once")
            self._start(self._orchestrator.stop())
        else:
            self._start(self._orchestrator.emergency_stop())

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch SIGINT and SIGTERM for the time of the block."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.interrupt)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _start(self, action: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_unless_over(action))
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)


async def _unless_over(action: Coroutine[Any, Any, None]) -> None:
    # A run may end on its own between the signal and the action.
    with suppress(IllegalTransition):
        await action
