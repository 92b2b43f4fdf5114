"""One worker's whole run: prepare, go, report ten times a second, drain, finish."""

from __future__ import annotations

import asyncio
import gc
import math
import random
import time
from collections.abc import Callable

import psutil

from squall.load_generator.engine.blocks import BlockMaker
from squall.load_generator.engine.calibration import calibration_schedule, capacity_tps
from squall.load_generator.engine.connection import Connection
from squall.load_generator.engine.connector import Connector
from squall.load_generator.engine.dispatcher import Dispatcher, SendHealth
from squall.load_generator.engine.record_calibration import record_capacity_tps
from squall.load_generator.engine.record_connection import RecordConnection
from squall.load_generator.engine.record_dispatcher import RecordDispatcher
from squall.load_generator.engine.sealed_connection import SealedConnection
from squall.load_generator.engine.slack import Slack
from squall.load_generator.engine.timer import FineTimer
from squall.load_generator.messages import Assignment, Change, Ready, Report
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.load_generator.target_spec import (
    RecordCalls,
    RecordTargetSpec,
    SealedTargetSpec,
    decides_later,
)
from squall.models import GeneratorHealth, Interval

REPORT_S = 0.1
_REPORT_AFTER_S = 0.002
_GRAIN_S = 0.0003
"""Shortest time between two ticks: sends closer together than this go out together."""
_STARVED_GRAIN_S = 0.002
"""Likewise while no connection is free: answers, not ticks, drive the sending then."""
_LONGEST_TICK_S = 0.02
_SWEEP_SHARE = 0.2
_COLLECT_EVERY_REPORTS = 50
_ABSORB_ROWS = 512
"""Completions that are counted in one go while sending has time: about 0.3 ms."""
_MEMORY_EVERY_REPORTS = 10
_UNREACHABLE_GIVE_UP_S = 5.0
"""A drain ends early when nothing could be connected for this long."""


class WorkerSession:
    """Drives a dispatcher by the clock; ``send`` takes the reports.

    ``worked`` is the processor time of the thread that runs it, seconds.
    """

    def __init__(
        self,
        assignment: Assignment,
        send: Callable[[Report], None],
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        plan = assignment.plan
        self._plan = plan
        self._worker = assignment.worker
        self._send = send
        self._clock = time.monotonic
        self._process = psutil.Process()
        self._slack = Slack(self._clock, worked)
        self._controller = RateController(build(plan.load, plan.seed), plan.arrivals, plan.seed)
        target = plan.target
        self._source = plan.source.build(plan.run_tag, target.fields)
        self._maker = self._new_maker(self._controller)
        share, rest = divmod(plan.client.connections, plan.workers)
        self._connector = Connector(
            target.endpoint, max(1, share + (1 if self._worker < rest else 0))
        )
        self._calls: RecordCalls | None = None
        self._records: RecordDispatcher | None = None
        self._dispatcher: Dispatcher | RecordDispatcher
        if isinstance(target, RecordTargetSpec):
            self._calls = target.calls()
            records = self._new_record_dispatcher(self._calls)
            self._records = self._dispatcher = records
            self._connect: Callable[[], asyncio.BaseProtocol] = lambda: RecordConnection(records)
        else:
            dispatcher = self._new_dispatcher()
            self._dispatcher = dispatcher
            if isinstance(target, SealedTargetSpec):
                seal = target.seal()
                self._connect = lambda: SealedConnection(dispatcher, seal)
            else:
                self._connect = lambda: Connection(dispatcher)
        self._finished = asyncio.Event()
        self._sent_all_at_s: float | None = None
        self._down_since_s: float | None = None
        self._planned = 0
        self._writes = 0
        self._reported_s = 0.0
        self._cpu_s = 0.0
        self._reports = 0
        self._rss_bytes = 0
        self._over = False
        self._outbox: Report | None = None

    def _new_dispatcher(self) -> Dispatcher:
        client = self._plan.client
        return Dispatcher(
            self._maker,
            self._plan.target.reader(),
            client.retry,
            self._queue_limit,
            client.timeout_s,
            self._jitter(),
            self._clock,
            self._replace,
            self._soon,
            decides_later=decides_later(self._plan.target),
        )

    def _new_record_dispatcher(self, calls: RecordCalls) -> RecordDispatcher:
        client = self._plan.client
        return RecordDispatcher(
            self._maker,
            calls,
            client.retry,
            self._queue_limit,
            client.timeout_s,
            self._jitter(),
            self._clock,
            self._replace,
        )

    @property
    def _queue_limit(self) -> int:
        return max(1, self._plan.client.queue_limit // self._plan.workers)

    def _jitter(self) -> random.Random:
        return random.Random(f"{self._plan.seed}/retry/{self._worker}")

    async def prepare(self) -> Ready:
        """Connect, calibrate and make the first blocks.

        Raises:
            TargetUnreachable: nothing could be connected.
        """
        await self._connector.open_all(self._connect)
        maker = self._new_maker(calibration_schedule())
        calls = self._calls
        capacity = capacity_tps(maker) if calls is None else record_capacity_tps(maker, calls)
        while self._maker.wants_work:
            self._maker.step()
        gc.collect()
        gc.freeze()
        gc.disable()
        return Ready(capacity, len(self._dispatcher.connections))

    async def run(self, start: float) -> None:
        """Send the load that starts at ``start`` on the clock, until everything is settled."""
        loop = asyncio.get_running_loop()
        self._dispatcher.begin(start)
        self._cpu_s = time.process_time()
        self._timer = FineTimer(loop, self._tick)
        self._timer.arm(start)
        loop.call_at(start + REPORT_S, self._report_and_rearm)
        try:
            await self._finished.wait()
        finally:
            self._timer.close()
            self._connector.close()

    def change(self, change: Change) -> None:
        """Apply a control; all workers get the same one, so all keep the same schedule."""
        change.apply_to(self._controller)
        self._dispatcher.redue()
        self._timer.arm(self._clock())

    def abort(self) -> None:
        """Break everything off now; what is in flight becomes indeterminate."""
        now = self._run_time()
        self._controller.stop(now)
        self._finish(now, "run_aborted")

    def _new_maker(self, controller: RateController) -> BlockMaker:
        plan = self._plan
        return BlockMaker(
            self._source,
            plan.target.writer(),
            controller,
            plan.run_tag,
            self._worker,
            plan.workers,
        )

    def _run_time(self) -> float:
        return self._clock() - self._dispatcher.start

    def _replace(self, at_once: bool) -> None:
        self._connector.replace(self._connect, at_once)

    def _soon(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    def _tick(self) -> None:
        if self._over:
            return
        next_due = self._dispatcher.tick()
        now = self._clock()
        if self._maker.wants_work and not self._pressed():
            self._maker.step()
            wake = min(next_due, now + _GRAIN_S)
        elif self._dispatcher.log.rows >= _ABSORB_ROWS and not self._dispatcher.starved:
            self._dispatcher.absorb()
            wake = next_due
        else:
            wake = next_due
        soonest = now + (_STARVED_GRAIN_S if self._dispatcher.starved else _GRAIN_S)
        wake = min(max(wake, soonest), now + _LONGEST_TICK_S)
        self._timer.arm(wake)

    def _pressed(self) -> bool:
        """Whether this worker is the limit itself: answers wait for it, and it never rests.

        There is no idle time to make blocks in then. Made whole when they are needed, they cost
        less than in steps between answers, as both push the other's data out of the core's cache.
        (An answer to a call of many records is rare, so there it makes no difference.)
        """
        return self._records is None and self._dispatcher.starved and self._slack.used_up()

    def _due_by(self, now: float) -> int:
        """How many of this worker's transactions are due by ``now``; all that were sent are."""
        count = self._controller.count_due(now)
        share = (count - self._worker + self._plan.workers - 1) // self._plan.workers
        return max(share, self._dispatcher.head)

    def _count(self) -> None:
        """Count what was completed; report a moment later, so that sends get in between."""
        if not self._over:
            self._dispatcher.absorb()
            asyncio.get_running_loop().call_later(_REPORT_AFTER_S, self._report_and_rearm)

    def _report_and_rearm(self) -> None:
        if self._over:
            return
        now = self._run_time()
        due = self._due_by(now)
        self._dispatcher.bound_queue(due)
        self._dispatcher.sweep_timeouts(_SWEEP_SHARE)
        if self._drained(now, due):
            self._finish(now, "drain_ended")
            return
        self._report(now, due, final=False)
        self._reports += 1
        if self._reports % _COLLECT_EVERY_REPORTS == 0:
            gc.collect(1)
        next_at = self._dispatcher.start + (math.floor(now / REPORT_S + 0.5) + 1) * REPORT_S
        asyncio.get_running_loop().call_at(next_at - _REPORT_AFTER_S, self._count)

    def _drained(self, now: float, due: int) -> bool:
        """Whether nothing is left to wait for, or the wait has been long enough."""
        dispatcher = self._dispatcher
        if dispatcher.connections:
            self._down_since_s = None
        elif self._down_since_s is None:
            self._down_since_s = now
        if now < self._controller.end_s:
            self._sent_all_at_s = None
            return False
        if self._sent_all_at_s is None:
            self._sent_all_at_s = now
        left = dispatcher.head < due or dispatcher.in_flight or dispatcher.retries_waiting
        gone = self._down_since_s is not None and now - self._down_since_s > _UNREACHABLE_GIVE_UP_S
        return not left or gone or now - self._sent_all_at_s > self._plan.drain_s

    def _finish(self, now: float, kind: str) -> None:
        self._over = True
        due = self._due_by(now)
        self._connector.close()
        self._dispatcher.give_up(due, kind)
        self._report(now, due, final=True)
        self._finished.set()

    def _report(self, now: float, due: int, final: bool) -> None:
        dispatcher = self._dispatcher
        dispatcher.absorb()
        tally = dispatcher.tally
        response, service, lateness = (
            tally.response.sparse(),
            tally.service.sparse(),
            tally.lateness.sparse(),
        )
        ledger = tally.ledger_delta()
        health, dispatcher.health = dispatcher.health, SendHealth()
        counts, truth, errors = tally.take(due - self._planned, dispatcher.writes - self._writes)
        records = self._records
        if final or self._reports % _MEMORY_EVERY_REPORTS == 0:
            self._rss_bytes = self._process.memory_info().rss
        cpu_s = time.process_time()
        interval = Interval(
            worker=self._worker,
            start_s=self._reported_s,
            end_s=now,
            counts=counts,
            response=response,
            service=service,
            lateness=lateness,
            truth=truth,
            errors=errors,
            health=GeneratorHealth(
                cpu_s=cpu_s - self._cpu_s,
                rss_bytes=self._rss_bytes,
                queue_depth=dispatcher.queue_depth(due),
                in_flight=dispatcher.in_flight,
                connections=len(dispatcher.connections),
                own_lateness_us_max=round(health.own_lateness_s_max * 1e6),
                own_late=health.own_late,
                pool_waits=health.pool_waits,
            ),
            retried=dispatcher.take_retried(),
            receipts=() if records is None else records.take_receipts(),
        )
        self._planned, self._cpu_s, self._reported_s = due, cpu_s, now
        self._writes = dispatcher.writes
        self._post()
        self._outbox = Report(interval, ledger, dispatcher.head, due, final)
        if final:
            self._post()
        else:  # packing it takes as long again as making it: let sends get in between
            asyncio.get_running_loop().call_later(_REPORT_AFTER_S, self._post)

    def _post(self) -> None:
        """Hand over the report that was made last, if it was not yet."""
        report, self._outbox = self._outbox, None
        if report is not None:
            self._send(report)
