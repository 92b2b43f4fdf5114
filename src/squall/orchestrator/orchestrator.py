"""Runs one scenario from its plan to its verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from squall.errors import IllegalTransition, SquallError
from squall.load_generator.load_clock import LoadClock
from squall.load_generator.transactions import ReplaySpec
from squall.metrics import LateDecisions, MetricsAggregator
from squall.metrics.collectors import AgentsCollector, HostCollector
from squall.models import Accounting, LiveSnapshot, StressTestConfig, TestResults, TestStatus
from squall.orchestrator.account import Conclusion
from squall.orchestrator.assembly import Measured, assemble
from squall.orchestrator.beside import Beside
from squall.orchestrator.decision_watch import DecisionWatch
from squall.orchestrator.live_run import LiveRun
from squall.orchestrator.planning import RunPlan, plan_run
from squall.orchestrator.ports import (
    Calibration,
    CloudTarget,
    LoadEngine,
    Parts,
    Progress,
    TargetSession,
)
from squall.orchestrator.run_ids import new_run_id
from squall.orchestrator.service_watch import Aids, ServiceWatch
from squall.orchestrator.state import RunStateMachine

MULTIPLIER_MAX = 100.0
"""Largest live multiplier of the planned rate."""


def _silent(_: str) -> None:
    """Progress for callers that show none."""


class StressTestOrchestrator:
    """One run. ``run`` is called once; the controls may be called while it is under way.

    Planning happens in the constructor, so a load that cannot be sent is a ``ConfigurationError``
    (a file that cannot be replayed a ``DataFileError``) before anything has been started. From the
    first transaction on ``run`` returns a result whatever happens: its status and notes say what
    went wrong.
    """

    def __init__(
        self,
        config: StressTestConfig,
        parts: Parts,
        *,
        progress: Progress = _silent,
        on_status: Callable[[TestStatus], None] | None = None,
    ) -> None:
        self._parts = parts
        self._progress = progress
        started_unix_s = parts.wall_clock()
        self.plan: RunPlan = plan_run(
            config,
            run_id=new_run_id(started_unix_s, parts.randomness(3)),
            started_unix_s=started_unix_s,
            cores=parts.cores,
            replay=None if config.replay is None else ReplaySpec.open(config.replay),
        )
        self._machine = RunStateMachine(on_status)
        self._live: LiveRun | None = None
        self._live_known = asyncio.Event()
        self._conclusion = Conclusion(
            self.plan,
            progress,
            lambda: self._machine.status is TestStatus.ABORTED,
            parts.wall_clock,
        )
        self._notes: list[str] = []
        self._stopped_early = False

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.plan.run_id

    @property
    def status(self) -> TestStatus:
        """Where the run is."""
        return self._machine.status

    @property
    def rate_multiplier(self) -> float:
        """By which the planned rate is multiplied now."""
        return self._live.engine.controller.rate_multiplier if self._live else 1.0

    async def subscribe(self) -> AsyncIterator[LiveSnapshot]:
        """The run's state ten times a second, from the start of its load to its end.

        Any number may subscribe; a slow one gets fewer snapshots and delays nobody.
        """
        await self._live_known.wait()
        if self._live is not None:
            async for snapshot in self._live.aggregator.subscribe():
                yield snapshot

    # --- the run ---

    async def run(self) -> TestResults:
        """Prepare, load, drain, read, judge.

        Raises:
            SquallError: nothing could be sent; the status is then FAILED.
            asyncio.CancelledError: the task was cancelled; the status is then ABORTED.
        """
        self._machine.advance(TestStatus.PREPARING)
        try:
            config = self.plan.config
            async with self._parts.open_target(
                config.target,
                self.plan.source.available_fields,
                self._progress,
                config.scenario.platform,
            ) as session:
                return await self._run_against(session)
        except BaseException as error:
            self._end(TestStatus.FAILED if isinstance(error, Exception) else TestStatus.ABORTED)
            raise
        finally:
            self._live_known.set()
            if self._live is not None:
                self._live.aggregator.close()

    async def _run_against(self, session: TargetSession) -> TestResults:
        plan = self.plan
        for note in plan.notes:
            self._note(note)
        self._progress(f"checking {session.target.name}")
        await session.target.check()
        beside = Beside.of(
            plan.probes,
            plan.config.scenario.faults,
            session.installation,
            plan.config.seed,
            self._progress,
            self._note,
        )
        engine = self._parts.make_engine(plan.load_plan(session.target.spec))
        try:
            await beside.prepare()
            self._progress(
                f"starting {plan.workers} load worker{'s' * (plan.workers != 1)} and calibrating"
            )
            calibration = await engine.prepare()
            return await self._measure(session, engine, calibration, beside)
        finally:
            await engine.close()
            await beside.close()

    async def _measure(
        self, session: TargetSession, engine: LoadEngine, calibration: Calibration, beside: Beside
    ) -> TestResults:
        services = await self._watch_services(session)
        try:
            return await self._load(session, engine, calibration, services, beside)
        finally:
            if services is not None:
                await services.close()

    async def _load(
        self,
        session: TargetSession,
        engine: LoadEngine,
        calibration: Calibration,
        services: ServiceWatch | None,
        beside: Beside,
    ) -> TestResults:
        plan = self.plan
        aggregator = MetricsAggregator(
            plan.run_id, plan.profile, engine.controller, amounts_known=plan.source.amounts_known
        )
        watch = await self._watch(session, engine, aggregator)
        started_unix_s = self._parts.wall_clock()
        started_at = _rfc3339(started_unix_s)
        live = LiveRun(
            plan=plan,
            engine=engine,
            aggregator=aggregator,
            session=session,
            agents=AgentsCollector(session.read_agents),
            host=HostCollector(session.pids),
            machine=self._machine,
            clock=self._parts.monotonic,
            note=self._note,
            watch=watch,
        )
        self._live = live
        self._live_known.set()
        self._machine.advance(TestStatus.RUNNING)
        beside.start(LoadClock(plan.profile, lambda: live.profile_s, plan.source))
        try:
            await live.drive()
        except SquallError as error:
            self._note(str(error))
            self._end(TestStatus.FAILED)
        await beside.stop(at_once=self._machine.ended)
        accounting = await self._account(session, engine, live)
        probes = await self._conclusion.probes(beside, accounting, started_unix_s)
        report = await self._conclusion.services(
            services,
            accounting.accepted,
            started_unix_s + live.sending_s,
            0.0 if self._machine.ended else self._parts.figures_wait_s,
        )
        self._end(TestStatus.COMPLETED)
        live.publish()
        return assemble(
            Measured(
                plan=plan,
                started_at=started_at,
                finished_at=_rfc3339(self._parts.wall_clock()),
                status=self.status,
                stopped_early=self._stopped_early,
                target_name=session.target.name,
                aggregator=live.aggregator,
                accounting=accounting,
                calibrated_tps=calibration.tps,
                calibration_notes=calibration.notes,
                workers_lost=len(engine.lost_workers),
                agents=live.agents.metrics(),
                host=live.host,
                cores=self._parts.cores,
                notes=tuple(self._notes),
                services=report,
                probes=probes,
                faults=beside.fault_records(),
                dashboard=live.agents.dashboard(),
                target_ended=live.target_ended,
            )
        )

    async def _watch_services(self, session: TargetSession) -> ServiceWatch | None:
        """What looks at the cloud services under the target, begun; None where there are none."""
        target = session.target
        if not isinstance(target, CloudTarget):
            return None
        aids = Aids(self._note, self._progress, self._parts.wall_clock)
        services = ServiceWatch(target.cloud, target.open_client, self._parts.prices, aids)
        await services.begin()
        return services

    async def _watch(
        self, session: TargetSession, engine: LoadEngine, aggregator: MetricsAggregator
    ) -> DecisionWatch | None:
        """What follows the decisions, in place before the load; raises ``TargetError``."""
        plan = self.plan
        feed = session.target.decisions(plan.run_tag)
        if feed is None:
            return None
        await feed.open()
        self._note(f"decisions are looked for every {feed.poll_s * 1000:.0f} ms")
        late = LateDecisions(
            plan.run_tag,
            plan.source.build(plan.run_tag, session.target.spec.fields),
            engine.controller,
            lambda: engine.started_at_monotonic,
            amounts_known=plan.source.amounts_known,
        )
        return DecisionWatch(feed, late, aggregator, self._parts.monotonic, self._note)

    async def _account(
        self, session: TargetSession, engine: LoadEngine, live: LiveRun
    ) -> Accounting:
        """The final read, unless the run was broken off."""
        if self._machine.ended:
            note = f"no final read: the run was {self.status.value}"
            return self._conclusion.unread(engine, live, note)
        self._machine.advance(TestStatus.RECONCILING)
        live.publish()
        return await self._conclusion.account(session, engine, live)

    def _end(self, status: TestStatus) -> None:
        """Reach an end, unless one was reached before."""
        if not self._machine.ended:
            self._machine.advance(status)

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._progress(text)

    # --- controls ---

    async def pause(self) -> None:
        """Let nothing more become due until ``resume``; raises ``IllegalTransition`` elsewhere."""
        live = self._running()
        self._machine.advance(TestStatus.PAUSED)
        await live.engine.pause()
        self._note(f"paused at {live.at_s:.1f} s")

    async def resume(self) -> None:
        """Go on after a pause with the transaction at which it began."""
        live = self._running()
        if self.status is not TestStatus.PAUSED:
            raise IllegalTransition(f"a run that is {self.status.value} cannot be resumed")
        self._machine.advance(TestStatus.RUNNING)
        await live.engine.resume()
        self._note(f"resumed at {live.at_s:.1f} s")

    async def set_rate(self, multiplier: float) -> None:
        """Multiply the planned rate from now on (0 … 100); the length of the run stays."""
        live = self._running()
        if self.status not in {TestStatus.RUNNING, TestStatus.PAUSED}:
            raise IllegalTransition(f"the rate of a run that is {self.status.value} cannot change")
        if not 0 <= multiplier <= MULTIPLIER_MAX:
            raise ValueError(f"a rate multiplier is 0 to {MULTIPLIER_MAX:g}, not {multiplier}")
        await live.engine.set_multiplier(multiplier)
        self._note(f"rate multiplied by {multiplier:g} from {live.at_s:.1f} s")

    async def stop(self) -> None:
        """Send nothing new, wait for the last answers, read and report."""
        live = self._running()
        self._machine.advance(TestStatus.DRAINING)
        self._stopped_early = True
        await live.engine.stop()
        self._note(
            f"stopped at {live.at_s:.1f} s of {self.plan.profile.duration_s:.1f} s: "
            "the scenario was not finished"
        )

    async def emergency_stop(self) -> None:
        """Break every connection now; what is in flight becomes indeterminate.

        In the final read it breaks off the read. Raises ``IllegalTransition`` after the end.
        """
        live = self._running()
        self._machine.advance(TestStatus.ABORTED)
        self._note(f"emergency stop at {live.at_s:.1f} s")
        if not self._conclusion.break_off():
            await live.engine.abort()

    def _running(self) -> LiveRun:
        if self._live is None:
            raise IllegalTransition(
                f"a run that is {self.status.value} has no load yet; cancel it instead"
            )
        return self._live


def _rfc3339(unix_s: float) -> str:
    """A moment in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(unix_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
