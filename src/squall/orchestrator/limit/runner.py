"""Carries a search out: asks what to try next, runs it, and tells what it learnt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from squall.errors import SquallError
from squall.models import StressTestConfig, TestResults
from squall.orchestrator.limit.outcome import LimitOutcome
from squall.orchestrator.limit.parts import PartUsage
from squall.orchestrator.limit.search import (
    Bracket,
    Ending,
    Probe,
    SearchSpec,
    Trial,
    next_step,
    summarise,
)
from squall.orchestrator.limit.step import StepResult, StepSpec, read_step
from squall.orchestrator.limit.usl import fit

RunStep = Callable[[StressTestConfig], Awaitable[TestResults]]
"""Runs one configuration to its end."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Is told what is going on."""

    started: Callable[[Probe], None]
    finished: Callable[[Probe, StepResult], None]


class LimitSearch:
    """One search, from its first run to its outcome.

    ``run_step`` is what it needs of the rest of squall, and ``parts`` what the processes of the
    target used in the last run, where they are known. ``stop`` ends it between two runs;
    cancelling the task ends it at once; both keep what is known.
    """

    def __init__(
        self,
        *,
        search: SearchSpec,
        step: StepSpec,
        run_step: RunStep,
        watcher: Watcher,
        started_at: str,
        parts: Callable[[], tuple[PartUsage, ...]] = tuple,
    ) -> None:
        self._search = search
        self._step = step
        self._run_step = run_step
        self._watcher = watcher
        self._started_at = started_at
        self._parts = parts
        self._trials: dict[float, list[Trial]] = {}
        self._steps: list[StepResult] = []
        self._notes: list[str] = []
        self._stopping = False

    def stop(self) -> None:
        """Make no further run."""
        self._stopping = True

    def note(self, text: str) -> None:
        """Keep a remark for the report."""
        self._notes.append(text)

    async def run(self) -> LimitOutcome:
        """Search to the end.

        Raises ``SquallError`` where not even one run could be made. What ends the search after
        that becomes a note.
        """
        while not self._stopping:
            step = next_step(self._search, self._trials)
            if isinstance(step, Bracket):
                return self._outcome(step)
            try:
                await self._try(step)
            except asyncio.CancelledError:
                _heed_cancellation()
                break
            except SquallError as error:
                if not self._steps:
                    raise
                self.note(f"the search ended early: {error}")
                break
        return self._outcome(summarise(self._search, self._trials, Ending.STOPPED))

    async def _try(self, probe: Probe) -> None:
        self._watcher.started(probe)
        results = await self._run_step(self._step.config(probe.rate_tps, len(self._steps)))
        if self._stopping:
            return  # the run was cut short with the search: it says nothing
        result = read_step(self._step, probe.rate_tps, results, self._parts())
        self._steps.append(result)
        self._trials.setdefault(probe.rate_tps, []).append(result.trial)
        self._watcher.finished(probe, result)

    def _outcome(self, bracket: Bracket) -> LimitOutcome:
        base = self._step.base
        return LimitOutcome(
            target=base.target,
            scenario=base.scenario.name,
            criteria=tuple(criterion.text for criterion in self._step.criteria),
            seed=base.seed,
            started_at=self._started_at,
            step_s=self._step.step_s,
            warm_up_s=self._step.warm_up_s,
            spec=self._search,
            bracket=bracket,
            steps=tuple(self._steps),
            usl=fit([step.point for step in self._steps if step.point is not None]),
            notes=tuple(self._notes),
        )


def _heed_cancellation() -> None:
    """Take a cancellation as answered, so that what follows can wait for things again."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
