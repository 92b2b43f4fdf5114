"""The account of a run that has been drained, and what its probes say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from squall.load_generator import without_final_read
from squall.load_generator.target_spec import TargetSpec, decides_later
from squall.metrics import DatedDecisions
from squall.models import Accounting, ProbeResult
from squall.orchestrator.beside import Beside
from squall.orchestrator.final_read import final_read
from squall.orchestrator.live_run import LiveRun
from squall.orchestrator.planning import RunPlan
from squall.orchestrator.ports import LoadEngine, Progress, TargetSession
from squall.orchestrator.repeated_read import read_until_settled
from squall.orchestrator.service_watch import ServiceReport, ServiceWatch
from squall.probes import ConcludedLoad

_Found = TypeVar("_Found")


@dataclass(slots=True)
class Conclusion:
    """Reads what can be read after the drain; ``broken_off`` says that nobody wants to wait."""

    plan: RunPlan
    progress: Progress
    broken_off: Callable[[], bool]
    wall_clock: Callable[[], float]
    """Unix seconds."""
    _reading: asyncio.Task[Any] | None = field(default=None)

    async def account(
        self, session: TargetSession, engine: LoadEngine, live: LiveRun
    ) -> Accounting:
        """The final read; of a target that decides later until all is decided, or time is up."""
        self.progress("reading the target's own records")
        plan, counts, target = self.plan, live.aggregator.counts, session.target
        own = target.reader(plan.run_tag)
        reader = own if live.watch is None else live.watch.reader(own)
        deferred_fields = _deferred_fields(target.spec)
        started_unix_s = self.wall_clock() - live.at_s
        dated = DatedDecisions(plan.run_tag, engine.controller, started_unix_s)

        async def read() -> Accounting:
            return await final_read(
                reader,
                engine.ledger,
                counts,
                plan.run_tag,
                plan.source,
                self.progress,
                deferred_fields=deferred_fields,
                remedy=target.records_remedy,
                dated=dated if live.watch is None else None,
            )

        if deferred_fields is None or own is None:
            found = await self._unless_broken_off(read())
        else:
            repeated = read_until_settled(read, live.drain_left_s, self.progress, live.note)
            found = await self._unless_broken_off(repeated)
        if found is None:
            return self.unread(engine, live, "no final read: it was broken off")
        if found.seen is not None and (basis := dated.note()):
            live.note(basis)
            for interval in dated.intervals():
                live.aggregator.add_decisions(interval)
        return found

    def unread(self, engine: LoadEngine, live: LiveRun, note: str) -> Accounting:
        """What is known without a final read; ``note`` says why there was none."""
        counts = live.aggregator.counts
        return without_final_read(engine.ledger, counts, self.plan.run_tag, note)

    async def services(
        self,
        watch: ServiceWatch | None,
        accepted: int,
        last_unix_s: float,
        longest_s: float,
    ) -> ServiceReport | None:
        """What the target's services did, once their own figures of the run have come.

        They are waited for ``longest_s`` at most; ``last_unix_s``: when the last transaction was
        due.
        """
        if watch is None:
            return None
        await self._unless_broken_off(watch.settle(accepted, last_unix_s, longest_s))
        return await watch.end(accepted)

    async def probes(
        self, beside: Beside, accounting: Accounting, started_unix_s: float
    ) -> tuple[ProbeResult, ...]:
        """What the probes measured, beside the load and after it."""
        plan = self.plan
        load = ConcludedLoad(
            run_tag=plan.run_tag,
            accounting=accounting,
            source=plan.source,
            started_unix_s=started_unix_s,
            duration_s=plan.profile.duration_s,
        )
        found = await self._unless_broken_off(beside.conclude(load))
        return beside.unconcluded() if found is None else found

    def break_off(self) -> bool:
        """Read no further; False where nothing is being read."""
        return self._reading is not None and self._reading.cancel()

    async def _unless_broken_off(self, work: Coroutine[Any, Any, _Found]) -> _Found | None:
        if self.broken_off():
            work.close()
            return None
        task = asyncio.create_task(work)
        self._reading = task
        try:
            return await task
        except asyncio.CancelledError:
            if not self.broken_off():
                raise
            return None


def _deferred_fields(target: TargetSpec) -> frozenset[str] | None:
    """What is sent to a target that acknowledges before it decides; None for all others."""
    return target.fields if decides_later(target) else None
