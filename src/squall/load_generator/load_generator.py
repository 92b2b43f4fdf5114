"""The load generator: workers start, calibrate, run, drain and report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from squall import errors
from squall.errors import SquallError, TargetError, WorkerFailure
from squall.load_generator.ledger import Ledger
from squall.load_generator.messages import Abort, Change, Control, Go, Ready, Report, Unable
from squall.load_generator.plan import LoadPlan
from squall.load_generator.pool import LocalPool, WorkerMessage, WorkerPool
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.models import (
    Counts,
    GeneratorHealth,
    Interval,
    SparseCounts,
    Truth,
)

START_IN_S = 0.25
"""From ``run`` to the first intended send: time for every worker to hear of it."""
CONTROL_IN_S = 0.15
"""From a control to its effect, likewise."""
PREPARE_DEADLINE_S = 60.0
WORKER_SHARE = 0.7
"""Part of a core that one worker is planned to use."""
PLANNED_US_PER_REQUEST = 40.0
"""Cautious CPU per request for choosing the number of workers before calibration."""


def fit_workers(peak_tps: float, cores: int) -> int:
    """Workers for a peak rate: enough for it, never more than the cores."""
    needed = peak_tps * PLANNED_US_PER_REQUEST * 1e-6 / WORKER_SHARE
    return max(1, min(cores, -(-int(needed * 1000) // 1000)))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the workers found before the run."""

    tps: float
    """What the workers can do together at best, transactions per second."""
    connections: int
    notes: tuple[str, ...] = ()
    """What that figure leaves out."""


@dataclass(frozen=True, slots=True)
class LostWorker:
    """A worker that died during the run."""

    worker: int
    at_s: float
    indeterminate: int
    """Transactions that it may have written, and whose end it did not report."""


class LoadGenerator:
    """One run's load, as one object. Order of calls: prepare, run, close.

    ``clock`` is the one on which ``started_at_monotonic`` and the pool's ``Go`` are.
    """

    def __init__(
        self,
        plan: LoadPlan,
        pool: WorkerPool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.ledger = Ledger(plan.workers)
        self.lost_workers: list[LostWorker] = []
        self.started_at_monotonic = 0.0
        self._pool: WorkerPool = LocalPool() if pool is None else pool
        self._clock = clock
        self.controller = RateController(build(plan.load, plan.seed), plan.arrivals, plan.seed)
        self._alive: set[int] = set(range(plan.workers))
        self._finished: set[int] = set()
        self._heads = [0] * plan.workers

    @property
    def workers_alive(self) -> int:
        """Workers that have neither died nor finished."""
        return len(self._alive)

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Ids of the workers' processes on this machine."""
        return self._pool.process_ids

    async def prepare(self) -> Calibration:
        """Start the workers, connect and calibrate.

        Raises:
            ConfigurationError: more connections than files may be open.
            TargetUnreachable: nothing could be connected, or not all of it in time.
            WorkerFailure: a worker died, failed or was not ready in time.
        """
        await self._pool.start(self.plan)
        tps, connections = 0.0, 0
        try:
            async with asyncio.timeout(PREPARE_DEADLINE_S):
                for _ in range(self.plan.workers):
                    ready = await self._ready()
                    tps += ready.capacity_tps
                    connections += ready.connections
        except TimeoutError as error:
            raise WorkerFailure(
                f"the load workers were not ready within {PREPARE_DEADLINE_S:g} s"
            ) from error
        tps *= min(1.0, self._pool.cores / self.plan.workers)
        return Calibration(tps, connections, self._left_out())

    def _left_out(self) -> tuple[str, ...]:
        if not self.plan.target.endpoint.tls:
            return ()
        return (
            "the calibration sends without TLS, which costs the workers more for each request: "
            "what they can make and send is less than it says",
        )

    async def _ready(self) -> Ready:
        event = await self._pool.receive()
        if isinstance(event.message, Ready):
            return event.message
        if isinstance(event.message, Unable):
            raise _as_error(event.message)
        raise WorkerFailure(f"load worker {event.worker} died while preparing")

    async def run(self) -> AsyncIterator[Interval]:
        """Run the load; yields what workers report until all have drained or died.

        Raises:
            WorkerFailure: every worker died; what they reported stays in the ledger.
        """
        self.started_at_monotonic = self._clock() + START_IN_S
        self._pool.send(Go(self.started_at_monotonic))
        while self._alive:
            event = await self._pool.receive()
            interval = self._take(event)
            if interval is not None:
                yield interval
            for unsent in self._pass_over():
                yield unsent
        if self.plan.workers == len(self.lost_workers):
            raise WorkerFailure("every load worker died")
        self.ledger.check_balance()

    def _take(self, event: WorkerMessage) -> Interval | None:
        worker, message = event.worker, event.message
        if isinstance(message, Report):
            self.ledger.workers[worker].add(message.ledger, message.planned_seq)
            self._heads[worker] = message.head_seq
            if message.final:
                self._alive.discard(worker)
                self._finished.add(worker)
            return message.interval
        if message is None and worker not in self._finished:
            return self._settle_lost(worker)
        return None

    def _settle_lost(self, worker: int) -> Interval:
        """Give an end to what a dead worker had not reported of what was due: it may be written."""
        self._alive.discard(worker)
        at_s = self.run_time()
        share = self._share(worker, self.controller.count_due(at_s))
        written_below = max(self._heads[worker], share)
        counts = self.ledger.workers[worker].settle_lost_worker(written_below)
        self.lost_workers.append(LostWorker(worker, at_s, counts.indeterminate))
        return _of_lost_worker(worker, at_s, counts)

    def _pass_over(self) -> Iterator[Interval]:
        """What has come due of dead workers' shares since the last call: it is not sent.

        The schedule goes on without them and still follows the controls, so how much a share comes
        to is known only as it comes due, or when nobody is left for whom it could.
        """
        if not self.lost_workers:
            return
        at_s, controller = self.run_time(), self.controller
        count = controller.count_due(at_s) if self._alive else controller.total_at_end()
        for lost in self.lost_workers:
            share = self._share(lost.worker, count)
            counts = self.ledger.workers[lost.worker].leave_unsent(share)
            if counts.planned:
                yield _of_lost_worker(lost.worker, at_s, counts)

    def _share(self, worker: int, count: int) -> int:
        return max(0, (count - worker + self.plan.workers - 1) // self.plan.workers)

    def run_time(self) -> float:
        """Seconds since the run's start."""
        return self._clock() - self.started_at_monotonic

    async def pause(self) -> None:
        """Stop the schedule's clock; what is due is still sent."""
        self._change(Control.PAUSE)

    async def resume(self) -> None:
        """Let the schedule's clock run again."""
        self._change(Control.RESUME)

    async def set_multiplier(self, multiplier: float) -> None:
        """Multiply the profile's rate from now on."""
        self._change(Control.MULTIPLIER, multiplier)

    async def stop(self) -> None:
        """Let nothing more become due; drain and report."""
        self._change(Control.STOP)

    async def abort(self) -> None:
        """Break all connections at once; what is in flight becomes indeterminate."""
        self.controller.stop(self.run_time())
        self._pool.send(Abort())

    def _change(self, control: Control, value: float = 1.0) -> None:
        at_s = self.run_time() + CONTROL_IN_S
        change = Change(control, at_s, value)
        change.apply_to(self.controller)
        self._pool.send(change)

    async def close(self) -> None:
        """End the workers."""
        await self._pool.close()


def _of_lost_worker(worker: int, at_s: float, counts: Counts) -> Interval:
    """What was settled for a dead worker at one moment."""
    empty = SparseCounts.empty()
    return Interval(
        worker=worker,
        start_s=at_s,
        end_s=at_s,
        counts=counts,
        response=empty,
        service=empty,
        lateness=empty,
        truth=Truth(),
        errors={"worker_lost": counts.indeterminate + counts.not_sent},
        health=GeneratorHealth(),
    )


def _as_error(message: Unable) -> SquallError:
    kind = getattr(errors, message.kind, TargetError)
    if isinstance(kind, type) and issubclass(kind, SquallError):
        return kind(message.message)
    return TargetError(message.message)
