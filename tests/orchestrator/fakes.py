"""An engine, a target and a clock that do what a test tells them, at once and without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap64

from squall.errors import SquallError, WorkerFailure
from squall.load_generator import DecisionPage, Ledger, LoadPlan, LostWorker
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.load_generator.target_spec import AnswerReader, Endpoint, RequestWriter
from squall.models import (
    Counts,
    Decision,
    GeneratorHealth,
    Interval,
    LatencyHistogram,
    Outcome,
    PlatformSetup,
    StressTestConfig,
    TestScenario,
    Truth,
    Typology,
    transaction_id,
)
from squall.models.interval import TRUTH_SHAPE
from squall.models.load_spec import LoadSpec, SustainedSpec
from squall.orchestrator.ports import Parts, Progress, TargetSession
from squall.targets.installation import Installation

UNIX_S = 1_795_000_000.0
STEP_S = 0.125


@dataclass
class FakeClock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(frozen=True)
class FakeCalibration:
    tps: float = 50_000.0
    notes: tuple[str, ...] = ()


@dataclass
class Gate:
    """A point of the run at which the engine waits for the test."""

    at_s: float
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)


class FakeEngine:
    """Accepts everything that is due, an eighth of a second per step, on a clock of its own."""

    def __init__(
        self,
        plan: LoadPlan,
        clock: FakeClock,
        gate: Gate | None = None,
        dies_at_s: float | None = None,
        calibration: FakeCalibration | None = None,
        own_late: int = 0,
    ) -> None:
        self.plan = plan
        self.controller = RateController(build(plan.load, plan.seed), plan.arrivals, plan.seed)
        self.ledger = Ledger(1)
        self.lost_workers: list[LostWorker] = []
        self.workers_alive = 1
        self.started_at_monotonic = 0.0
        self.calls: list[str] = []
        self._clock = clock
        self._gate = gate
        self._dies_at_s = dies_at_s
        self._calibration = calibration or FakeCalibration()
        self._own_late = own_late
        self._sent = 0
        self._aborted = asyncio.Event()

    async def prepare(self) -> FakeCalibration:
        self.calls.append("prepare")
        return self._calibration

    async def run(self) -> AsyncIterator[Interval]:
        self.started_at_monotonic = self._clock.now_s
        while self._at_s < self.controller.end_s and not self._aborted.is_set():
            await self._wait_at_gate()
            if self._dies_at_s is not None and self._at_s >= self._dies_at_s:
                self.workers_alive = 0
                raise WorkerFailure("every load worker died")
            start_s = self._at_s
            self._clock.now_s += STEP_S
            yield self._step(start_s)
            await asyncio.sleep(0)
        self.workers_alive = 0

    @property
    def _at_s(self) -> float:
        return self._clock.now_s - self.started_at_monotonic

    async def _wait_at_gate(self) -> None:
        gate = self._gate
        if gate is None or self._at_s < gate.at_s:
            return
        gate.reached.set()
        opened = asyncio.create_task(gate.opened.wait())
        aborted = asyncio.create_task(self._aborted.wait())
        try:
            await asyncio.wait((opened, aborted), return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
            aborted.cancel()

    def _step(self, start_s: float) -> Interval:
        due = self.controller.count_due(self._at_s)
        count, first = due - self._sent, self._sent
        self._sent = due
        outcome = Outcome.INDETERMINATE if self._aborted.is_set() else Outcome.ACCEPTED
        worker = self.ledger.workers[0]
        worker.ends[outcome].update(BitMap64(range(first, due)))
        worker.planned = due
        truth = Truth(np.zeros(TRUTH_SHAPE, np.int64))
        accepted = count if outcome is Outcome.ACCEPTED else 0
        truth.decisions[Typology.NONE, Decision.APPROVE] = accepted
        latency = LatencyHistogram()
        latency.record(np.full(accepted, 2_000, np.int64))
        return Interval(
            worker=0,
            start_s=start_s,
            end_s=self._at_s,
            counts=Counts(
                planned=count,
                accepted=accepted,
                indeterminate=count - accepted,
                attempts=count,
            ),
            response=latency.sparse(),
            service=latency.sparse(),
            lateness=latency.sparse(),
            truth=truth,
            errors={} if accepted == count else {"run_aborted": count - accepted},
            health=GeneratorHealth(cpu_s=0.01, connections=4, own_late=self._own_late),
        )

    async def pause(self) -> None:
        self.calls.append("pause")
        self.controller.pause(self._at_s)

    async def resume(self) -> None:
        self.calls.append("resume")
        self.controller.resume(self._at_s)

    async def set_multiplier(self, multiplier: float) -> None:
        self.calls.append(f"multiplier {multiplier}")
        self.controller.set_multiplier(self._at_s, multiplier)

    async def stop(self) -> None:
        self.calls.append("stop")
        self.controller.stop(self._at_s)

    async def abort(self) -> None:
        self.calls.append("abort")
        self._aborted.set()

    async def close(self) -> None:
        self.calls.append("close")


class FakeSpec:
    endpoint = Endpoint("127.0.0.1", 1)

    def __init__(self, fields: frozenset[str]) -> None:
        self.fields = fields

    def writer(self) -> RequestWriter:
        raise AssertionError("the fake engine writes nothing")

    def reader(self) -> AnswerReader:
        raise AssertionError("the fake engine reads nothing")


@dataclass
class FakeReader:
    """Hands out what the target is said to have decided."""

    ids: Iterable[str]
    error: SquallError | None = None
    hangs: asyncio.Event | None = None

    async def pages(self) -> AsyncIterator[DecisionPage]:
        if self.hangs is not None:
            self.hangs.set()
            await asyncio.Event().wait()
        ids = list(self.ids)
        for at in range(0, len(ids), 50):
            yield DecisionPage(ids[at : at + 50])
        if self.error is not None:
            raise self.error


@dataclass
class FakeTarget:
    """Has recorded all of ``decided``, or, None, exactly what it was sent."""

    decided: list[int] | None = None
    planned: int = 0
    no_reader: bool = False
    read_error: SquallError | None = None
    read_hangs: asyncio.Event | None = None
    check_error: SquallError | None = None
    fields: frozenset[str] = frozenset({"transaction_id", "amount"})
    name: str = "fake target"
    records_remedy: str = "add a reader"

    @property
    def spec(self) -> FakeSpec:
        return FakeSpec(self.fields)

    async def check(self) -> None:
        if self.check_error is not None:
            raise self.check_error

    def reader(self, run_tag: str) -> FakeReader | None:
        if self.no_reader:
            return None
        decided = range(self.planned) if self.decided is None else self.decided
        ids = [transaction_id(run_tag, index) for index in decided]
        return FakeReader(ids, self.read_error, self.read_hangs)

    def decisions(self, run_tag: str) -> None:
        return None


@dataclass
class FakeSession:
    target: FakeTarget
    ended: str | None = None
    agents: bytes | None = None
    closed: bool = False
    installation: Installation = field(default_factory=Installation)

    def pids(self) -> tuple[int, ...]:
        return ()

    async def read_agents(self) -> bytes | None:
        return self.agents

    def exit_reason(self) -> str | None:
        return self.ended


@dataclass
class Bench:
    """Everything one test sets up, and what it looks at afterwards."""

    target: FakeTarget = field(default_factory=FakeTarget)
    gate: Gate | None = None
    dies_at_s: float | None = None
    calibration: FakeCalibration = field(default_factory=FakeCalibration)
    own_late: int = 0
    clock: FakeClock = field(default_factory=FakeClock)
    told: list[str] = field(default_factory=list)
    engine: FakeEngine | None = None

    def __post_init__(self) -> None:
        self.session = FakeSession(self.target)

    @property
    def parts(self) -> Parts:
        return Parts(
            open_target=self._open,
            make_engine=self._make_engine,
            monotonic=self.clock,
            wall_clock=lambda: UNIX_S,
            randomness=lambda size: bytes(range(size)),
            cores=2,
        )

    def _make_engine(self, plan: LoadPlan) -> FakeEngine:
        self.engine = FakeEngine(
            plan, self.clock, self.gate, self.dies_at_s, self.calibration, self.own_late
        )
        if not self.target.planned:
            self.target.planned = self.engine.controller.total_at_end()
        return self.engine

    @asynccontextmanager
    async def _open(
        self, target: str, fields: frozenset[str], progress: Progress, setup: PlatformSetup
    ) -> AsyncIterator[TargetSession]:
        progress(f"opening {target}")
        try:
            yield self.session
        finally:
            self.session.closed = True


def config(
    criteria: tuple[str, ...] = (),
    load: LoadSpec | None = None,
    **fields: object,
) -> StressTestConfig:
    """50 TPS for 3 s, unless told otherwise."""
    scenario = TestScenario(
        name="example",
        title="Example",
        why="To test the orchestrator.",
        load=load or SustainedSpec(type="sustained", rate_tps=50, duration_s=3),
        criteria=criteria,
    )
    return StressTestConfig.model_validate({"scenario": scenario, "target": "fake", **fields})
