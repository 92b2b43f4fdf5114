"""Asynchronous events: queued, tried up to three times, then sent to where failures go.

A function error is tried again after one minute and then two. A throttled event goes back to the
queue, waits from one second up to five minutes, and is given up when it is too old.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from cloud_twin.errors import AwsError
from cloud_twin.ports import InnerCalls, QueueSink, Subject
from cloud_twin.service import PartialFailure, Surroundings
from cloud_twin.services.lambda_.destinations import async_record
from cloud_twin.services.lambda_.functions import AsyncSettings, Function
from cloud_twin.services.lambda_.invoker import Event, Invoker
from cloud_twin.services.lambda_.runtime.outcome import Outcome
from cloud_twin.services.lambda_.throttle import Throttle, throttled

_THROTTLE_S_MIN = 1.0
_THROTTLE_S_MAX = 300.0


@dataclass(slots=True)
class _Queued:
    event: Event
    qualifier: str
    arrived_s: float
    planned: PartialFailure | None
    """The function error that a fault plan had for the call that queued it; for one attempt."""
    attempts: int = 0
    throttles: int = 0


@dataclass(order=True, slots=True)
class _Due:
    due_s: float
    number: int
    queued: _Queued = field(compare=False)


class AsyncEvents:
    """The asynchronous queue of one function."""

    def __init__(
        self,
        function: Function,
        invoker: Invoker,
        throttle: Throttle,
        queues: QueueSink,
        surroundings: Surroundings,
        retry_delays_s: tuple[float, float],
        events_max: int,
        find: Callable[[str], Function],
        calls: InnerCalls,
    ) -> None:
        self._function = function
        self._invoker = invoker
        self._throttle = throttle
        self._queues = queues
        self._clock = surroundings.clock
        self._retry_delays_s = retry_delays_s
        self._events_max = events_max
        self._find = find
        self._calls = calls
        self._heap: list[_Due] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._dispatcher = asyncio.create_task(self._dispatch())

    def __len__(self) -> int:
        return len(self._heap) + len(self._running)

    def put(self, event: Event, qualifier: str, planned: PartialFailure | None = None) -> None:
        """Queue one event. Raises ``AwsError`` where too many wait.

        ``planned``: a function error for its first attempt.
        """
        if len(self) >= self._events_max:
            raise throttled("CallerRateLimitExceeded")
        self._invoker.put_metric(self._function.name, "AsyncEventsReceived", 1)
        self._push(_Queued(event, qualifier, self._clock.monotonic_s(), planned), 0.0)

    async def close(self) -> None:
        """Drop what waits and what runs."""
        tasks = [self._dispatcher, *self._running]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _push(self, queued: _Queued, delay_s: float) -> None:
        due = _Due(self._clock.monotonic_s() + delay_s, next(self._numbers), queued)
        heapq.heappush(self._heap, due)
        self._changed.set()

    async def _dispatch(self) -> None:
        while True:
            self._changed.clear()
            now_s = self._clock.monotonic_s()
            wait_s: float | None = None
            if self._heap:
                wait_s = max(0.0, self._heap[0].due_s - now_s)
            if wait_s == 0.0 and (self._switched_off() or self._has_room()):
                queued = heapq.heappop(self._heap).queued
                task = asyncio.create_task(self._attempt(queued))
                self._running.add(task)
                task.add_done_callback(self._done)
                await asyncio.sleep(0)
                continue
            if wait_s == 0.0:
                wait_s = 0.05  # no room: look again when one of ours ends, or soon
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._changed.set()

    def _switched_off(self) -> bool:
        return self._throttle.reserved(self._function.arn) == 0

    def _has_room(self) -> bool:
        return self._throttle.room(self._function.arn)

    async def _attempt(self, queued: _Queued) -> None:
        settings = self._settings(queued.qualifier)
        age_s = self._clock.monotonic_s() - queued.arrived_s
        self._invoker.put_metric(self._function.name, "AsyncEventAge", age_s * 1000, "Milliseconds")
        if self._switched_off():
            self._give_up(queued, settings, "ZeroReservedConcurrency", None)
            return
        if age_s > settings.age_s_max:
            self._give_up(queued, settings, "EventAgeExceeded", None)
            return
        try:
            self._find(self._function.arn).version(queued.qualifier)
        except AwsError:
            return  # the function was deleted: its events go with it
        try:
            outcome = await self._invoke(queued)
        except AwsError:
            delay_s = min(_THROTTLE_S_MAX, _THROTTLE_S_MIN * 2.0 ** min(queued.throttles, 10))
            queued.throttles += 1
            self._push(queued, delay_s)
            return
        queued.attempts += 1
        if not outcome.failed:
            self._send(settings.on_success, queued, "Success", outcome)
        elif queued.attempts > settings.retries_max:
            self._give_up(queued, settings, "RetriesExhausted", outcome)
        else:
            self._push(queued, self._retry_delays_s[min(queued.attempts, 2) - 1])

    async def _invoke(self, queued: _Queued) -> Outcome:
        """One attempt, as fault plans for ``Invoke`` have it. Raises ``AwsError``."""
        name = self._function.name
        queued_with, queued.planned = queued.planned, None

        async def run(planned: PartialFailure | None) -> Outcome:
            version = self._find(self._function.arn).version(queued.qualifier)
            return await self._invoker.invoke(
                version.deployment, queued.event, planned or queued_with
            )

        return await self._calls.make(
            Subject("lambda", "Invoke", (name,), queued.attempts + queued.throttles + 1),
            run,
            lambda error: self._invoker.count_refusal(name, error),
        )

    def _settings(self, qualifier: str) -> AsyncSettings:
        return self._function.async_settings.get(qualifier) or AsyncSettings()

    def _give_up(
        self, queued: _Queued, settings: AsyncSettings, condition: str, outcome: Outcome | None
    ) -> None:
        self._invoker.put_metric(self._function.name, "AsyncEventsDropped", 1)
        self._send(settings.on_failure, queued, condition, outcome)
        dead_letters = self._function.latest.settings.dead_letter_arn
        if dead_letters:
            self._deliver(dead_letters, queued.event.payload.decode(), "DeadLetterErrors")

    def _send(
        self, queue_arn: str, queued: _Queued, condition: str, outcome: Outcome | None
    ) -> None:
        if not queue_arn:
            return
        body = async_record(
            outcome,
            queued.event.request_id,
            f"{self._function.arn}:{queued.qualifier or '$LATEST'}",
            condition,
            queued.attempts,
            queued.event.payload,
            self._clock.wall_s(),
        )
        self._deliver(queue_arn, body, "DestinationDeliveryFailures")

    def _deliver(self, queue_arn: str, body: str, failure_metric: str) -> None:
        try:
            self._queues.send(queue_arn, body)
        except AwsError:
            self._invoker.put_metric(self._function.name, failure_metric, 1)
