"""One load from its first transaction to the end of its drain, and everything that watches it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from squall.errors import WorkerFailure
from squall.metrics import SNAPSHOT_PERIOD_S, MetricsAggregator, RunState
from squall.metrics.collectors import AgentsCollector, HostCollector
from squall.metrics.collectors.agents import POLL_PERIOD_S
from squall.metrics.collectors.host import SAMPLE_PERIOD_S
from squall.models import CriterionResult, LiveSnapshot, TargetEnd, TestStatus
from squall.orchestrator.decision_watch import DecisionWatch
from squall.orchestrator.planning import RunPlan
from squall.orchestrator.ports import LoadEngine, TargetSession
from squall.orchestrator.state import RunStateMachine
from squall.scenarios.criteria import judge_live

GRACE_S = 15.0
"""How long after the drain's own limit the workers may still report before they count as stuck."""
ABORT_S = 5.0
"""How long workers may take to break off."""
_JUDGE_PERIOD_S = 1.0


@dataclass(slots=True)
class LiveRun:
    """The parts of a running load. Times are seconds since its start."""

    plan: RunPlan
    engine: LoadEngine
    aggregator: MetricsAggregator
    session: TargetSession
    agents: AgentsCollector
    host: HostCollector
    machine: RunStateMachine
    clock: Callable[[], float]
    note: Callable[[str], None]
    watch: DecisionWatch | None = None
    """Where decisions come by another channel than the answers."""
    target_ended: TargetEnd | None = None
    """How the target's process ended, once it has."""
    _criteria: tuple[CriterionResult, ...] = ()
    _judged_at_s: float = field(default=-_JUDGE_PERIOD_S)
    _overdue: bool = False
    _lost_workers: int = 0

    @property
    def at_s(self) -> float:
        """Seconds since the start of the load; 0 before."""
        started = self.engine.started_at_monotonic
        return max(0.0, self.clock() - started) if started else 0.0

    @property
    def profile_s(self) -> float:
        """Seconds into the load profile; it stands still in a pause."""
        return self.engine.controller.profile_time(self.at_s)

    async def drive(self) -> None:
        """Send the load and take in what is reported until the last answer.

        Raises:
            WorkerFailure: every worker died, or they did not end in time.
        """
        await self.agents.poll()
        watchers = [
            asyncio.create_task(self._every(SNAPSHOT_PERIOD_S, self._tick)),
            asyncio.create_task(self._every(SAMPLE_PERIOD_S, self._sample_host)),
            asyncio.create_task(self._every(POLL_PERIOD_S, self.agents.poll)),
        ]
        load = asyncio.create_task(self._take_in())
        guard = asyncio.create_task(self._end_stuck_workers(load))
        if self.watch is not None:
            self.watch.start()
        try:
            await load
            if self.watch is not None:
                await self.watch.settle(self.engine.ledger, self.drain_left_s, self._stopped)
        except asyncio.CancelledError:
            if not self._overdue:
                await self.engine.abort()
                raise
            raise WorkerFailure(
                "the load workers did not end in time; what they had not reported is unknown"
            ) from None
        finally:
            for task in (guard, load, *watchers):
                task.cancel()
            await asyncio.gather(guard, load, *watchers, return_exceptions=True)
            if self.watch is not None:
                await self.watch.close()
            if self.machine.status in {TestStatus.RUNNING, TestStatus.PAUSED}:
                self.machine.advance(TestStatus.DRAINING)  # it ended between two ticks
            self._note_target_end()
            self._note_lost_workers()
            self.publish()
        await self.agents.poll()

    @property
    def sending_s(self) -> float:
        """Seconds in which transactions were due, so far."""
        return min(self.at_s, self.engine.controller.end_s)

    def drain_left_s(self) -> float:
        """Seconds until the scenario's drain is over."""
        return self.engine.controller.end_s + self.plan.config.scenario.drain_s - self.at_s

    def _stopped(self) -> bool:
        return self.machine.status is TestStatus.ABORTED

    def publish(self) -> LiveSnapshot:
        """Hand the present state to every subscriber."""
        at_s = self.at_s
        if at_s - self._judged_at_s >= _JUDGE_PERIOD_S:
            self._judged_at_s = at_s
            snapshot = self.aggregator.snapshot(self._state(at_s))
            self._criteria = judge_live(self.plan.criteria, snapshot)
        return self.aggregator.publish(self._state(at_s))

    def _state(self, at_s: float) -> RunState:
        return RunState(
            status=self.machine.status,
            at_s=at_s,
            workers_alive=self.engine.workers_alive,
            criteria=self._criteria,
        )

    async def _take_in(self) -> None:
        async for interval in self.engine.run():
            self.aggregator.add(interval)

    async def _tick(self) -> None:
        """Ten times a second: notice what has ended (schedule, target, a worker), and publish."""
        ended = self.at_s >= self.engine.controller.end_s
        if ended and self.machine.status is TestStatus.RUNNING:
            self.machine.advance(TestStatus.DRAINING)
        self._note_target_end()
        self._note_lost_workers()
        self.publish()

    def _note_target_end(self) -> None:
        reason = None if self.target_ended else self.session.exit_reason()
        if reason is not None:
            self.target_ended = TargetEnd(round(self.at_s, 3), reason)
            self.note(f"the target ended {self.at_s:.1f} s into the load: {reason}")

    def _note_lost_workers(self) -> None:
        for lost in self.engine.lost_workers[self._lost_workers :]:
            self._lost_workers += 1
            self.note(
                f"load worker {lost.worker} died {lost.at_s:.1f} s into the load: of its share "
                f"{lost.indeterminate:,} transactions are indeterminate, and what is due later is "
                "not sent"
            )

    async def _sample_host(self) -> None:
        self.host.sample(self.at_s)

    async def _every(self, period_s: float, act: Callable[[], Awaitable[None]]) -> None:
        """Act at multiples of a period; a slow act skips turns instead of piling them up."""
        due = self.clock()
        while True:
            await act()
            now = self.clock()
            due = max(due + period_s, now)
            await asyncio.sleep(due - now)

    async def _end_stuck_workers(self, load: asyncio.Task[None]) -> None:
        """Break off workers that outlive their own limits, so that every run has an end."""
        scenario = self.plan.config.scenario
        allowed_s = scenario.drain_s + GRACE_S
        while self.at_s < self.engine.controller.end_s + allowed_s:
            if self.machine.status is TestStatus.ABORTED:
                break
            await asyncio.sleep(SNAPSHOT_PERIOD_S)
        if self.machine.status is not TestStatus.ABORTED:
            await self.engine.abort()
        await asyncio.sleep(ABORT_S)
        self._overdue = True
        load.cancel()
