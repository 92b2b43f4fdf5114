"""Operations at a fixed rate beside a load: each is due at its moment, however slow others are."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil

from squall.load_generator.load_clock import LoadClock
from squall.probes.tally import Tally

Operation = Callable[[int], Awaitable[bool]]
"""Carries out the operation of this number, on a connection of its own, and counts it; whether it
succeeded."""

_LATENCY_COVERED_S = 0.05
_TIMER_S, _LOOK_S = 0.001, 0.05
_CONNECTIONS_MIN, _CONNECTIONS_MAX = 4, 256


def connections_for(rate_tps: float) -> int:
    """Connections that hold a rate while answers take up to 50 ms (Little's law)."""
    return min(max(_CONNECTIONS_MIN, ceil(rate_tps * _LATENCY_COVERED_S)), _CONNECTIONS_MAX)


@dataclass(frozen=True, slots=True)
class Pace:
    """When the operations of a probe are due: evenly, from ``start_s`` of the load on."""

    start_s: float
    end_s: float
    rate_tps: float

    @classmethod
    def of(cls, load: LoadClock, during: str | None, rate_tps: float) -> Pace:
        """In a phase of the load, or the whole of it."""
        start_s, end_s = load.window(during)
        return cls(start_s, end_s, rate_tps)

    @property
    def count(self) -> int:
        """Operations that are due before the end; at least one."""
        return max(1, ceil((self.end_s - self.start_s) * self.rate_tps - 1e-9))

    def due_s(self, number: int) -> float:
        """When operation ``number`` (from 0) is due, in seconds of the load."""
        return self.start_s + number / self.rate_tps


class LoadTime:
    """Seconds of the load, going on after its end, where the load's own clock stands still."""

    def __init__(self, load: LoadClock, clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._offset_s: float | None = None

    def now_s(self) -> float:
        """How far the load is, or would be."""
        at_s = self._load.profile_s()
        if self._offset_s is None or at_s < self._load.profile.duration_s:
            self._offset_s = self._clock() - at_s
        return self._clock() - self._offset_s

    async def reach(self, at_s: float) -> None:
        """Wait until the load is so far; at most a millisecond longer, which is what a timer takes.

        A pause moves what is waited for, so it is looked at again from time to time.
        """
        while (left_s := at_s - self.now_s()) > 0:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(min(max(left_s, _TIMER_S), _LOOK_S))


class OpenLoop:
    """Carries out a pace's operations, taking them in turn on as many connections as are given.

    An operation that finds all connections busy waits, and the wait is part of its latency. None
    is left out: at the end of the phase what was due in it is still carried out.
    """

    def __init__(self, load: LoadClock, pace: Pace, tally: Tally) -> None:
        self._pace = pace
        self._tally = tally
        self._time = LoadTime(load)
        self._numbers = itertools.count()
        self.last_s = pace.start_s
        """When the last operation so far was done."""

    async def run(self, operations: Sequence[Operation]) -> None:
        """Carry out all of them; one at a time on each connection."""
        async with asyncio.TaskGroup() as workers:
            for operation in operations:
                workers.create_task(self._work(operation))

    @property
    def elapsed_s(self) -> float:
        """How long it took: the phase, or longer where it fell behind."""
        return max(self._pace.end_s, self.last_s) - self._pace.start_s

    async def _work(self, operation: Operation) -> None:
        pace, tally, now_s = self._pace, self._tally, self._time.now_s
        while (number := next(self._numbers)) < pace.count:
            due_s = pace.due_s(number)
            await self._time.reach(due_s)
            succeeded = await operation(number)
            self.last_s = now_s()
            if succeeded:
                tally.took(self.last_s - due_s)
