"""Where the workers run makes no difference: another pool, the same run."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from functools import partial

import pytest
from tests.load_generator.test_load_generator import approve, plan, run, serving

from squall.load_generator import LoadGenerator, LocalPool, WorkerPool
from squall.load_generator.engine.session import WorkerSession
from squall.load_generator.messages import Abort, Assignment, Change, Go, Message, Ready
from squall.load_generator.plan import LoadPlan
from squall.load_generator.pool import WorkerMessage
from squall.models import Counts, Interval

AHEAD_S = 1e6
"""How far the run's clock is ahead of that of the workers' host."""


class OtherHost:
    """Workers as tasks of this event loop, on a host whose ``time.monotonic`` began elsewhere.

    No process, no socket, nothing pickled.
    """

    cores = 2
    process_ids: tuple[int, ...] = ()

    def __init__(self) -> None:
        self._inbox: asyncio.Queue[WorkerMessage] = asyncio.Queue()
        self._sessions: dict[int, WorkerSession] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, plan: LoadPlan) -> None:
        for worker in range(plan.workers):
            session = WorkerSession(Assignment(plan, worker), partial(self._say, worker))
            self._sessions[worker] = session
            self._say(worker, await session.prepare())

    def _say(self, worker: int, message: Message | None) -> None:
        self._inbox.put_nowait(WorkerMessage(worker, message))

    def send(self, message: Message) -> None:
        for worker, session in self._sessions.items():
            if isinstance(message, Go):
                at_monotonic_s = message.at_monotonic_s - AHEAD_S
                self._tasks.append(asyncio.create_task(self._work(worker, at_monotonic_s)))
            elif isinstance(message, Change):
                session.change(message)
            elif isinstance(message, Abort):
                session.abort()

    async def _work(self, worker: int, at_monotonic_s: float) -> None:
        await self._sessions[worker].run(at_monotonic_s)
        del self._sessions[worker]
        self._say(worker, None)

    async def receive(self) -> WorkerMessage:
        return await self._inbox.get()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        gc.enable()  # which a worker has off, in a process of its own
        gc.unfreeze()


class Calibrated(OtherHost):
    """Its workers have done nothing but calibrate, and found the same."""

    def __init__(self, cores: int) -> None:
        super().__init__()
        self.cores = cores

    async def start(self, plan: LoadPlan) -> None:
        for worker in range(plan.workers):
            self._say(worker, Ready(capacity_tps=40_000.0, connections=4))


def on_this_host(load_plan: LoadPlan) -> LoadGenerator:
    return LoadGenerator(load_plan, LocalPool())


def on_another(load_plan: LoadPlan) -> LoadGenerator:
    pool: WorkerPool = OtherHost()
    return LoadGenerator(load_plan, pool, lambda: time.monotonic() + AHEAD_S)


@pytest.mark.parametrize("workers", [1, 2])
async def test_another_pool_sends_and_measures_the_same(workers: int) -> None:
    sent, measured = [], []
    for make in (on_this_host, on_another):
        async with serving(approve) as server:
            result = await run(plan(server.port, workers=workers), make=make)
        sent.append(sorted(request.body for request in server.requests))
        measured.append((result.counts, result.errors, result.truth.decisions.tolist()))
        assert result.response.total == 600
        assert result.generator.workers_alive == 0
    assert sent[0] == sent[1]
    assert measured[0] == measured[1]
    assert measured[0][0] == Counts(planned=600, accepted=600, attempts=600)


@pytest.mark.parametrize("make", [on_this_host, on_another])
async def test_controls_reach_the_workers_of_any_pool(
    make: Callable[[LoadPlan], LoadGenerator],
) -> None:
    steps = iter((LoadGenerator.pause, LoadGenerator.resume, LoadGenerator.stop))

    async def steer(generator: LoadGenerator, interval: Interval) -> None:
        if interval.end_s > 0.5 and interval.worker == 0 and (step := next(steps, None)):
            await step(generator)

    async with serving(approve) as server:
        result = await run(plan(server.port, workers=2), steer, make)
    assert result.counts.planned == result.generator.controller.total_at_end()
    assert result.counts.accepted == result.counts.planned == len(server.requests)
    assert 150 <= result.counts.planned < 600


@pytest.mark.parametrize(
    ("cores", "tps"), [(1, 40_000.0), (3, 120_000.0), (4, 160_000.0), (64, 160_000.0)]
)
async def test_workers_that_share_a_core_share_its_time(cores: int, tps: float) -> None:
    calibration = await LoadGenerator(plan(1, workers=4), Calibrated(cores)).prepare()
    assert calibration.tps == pytest.approx(tps)
    assert calibration.connections == 16
    assert calibration.notes == ()


async def test_the_calibration_of_a_target_with_tls_says_what_it_leaves_out() -> None:
    (note,) = (await LoadGenerator(plan(1, scheme="https"), Calibrated(1)).prepare()).notes
    assert "without TLS" in note
