"""The gateway's way into the stream: transactions are packed by lane and put in order.

A lane has one pack on its way at a time. A pack that fails is put again before anything newer of
its lane, so that a customer's transactions keep their order whatever fails.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from fraud_platform.errors import StoreError
from fraud_platform.stream.adapters.streams import Failed, Outgoing, Stored
from fraud_platform.stream.backoff import Backoff
from fraud_platform.stream.envelope import (
    LANES,
    PACK_LIMIT,
    Arrival,
    explicit_hash_key,
    lane_of,
    pack,
    partition_key,
)

log = logging.getLogger(__name__)

LINGER_S = 0.025
"""How long a transaction waits for others to share its pack, where none came shortly before."""
APART_S = 0.1
"""While they keep coming, calls begin so far apart: a call, and the invocation that reads what it
put, cost as much as a dozen transactions each, so at moderate rates few large ones are cheapest."""
GIVE_UP_S = 15.0
"""A transaction that the stream has not taken after this long is given back."""
SENDERS = 4
"""Calls of PutRecords at the same time."""


class Ticket(Protocol):
    """Whoever put a transaction in."""

    def stored(self, where: Stored) -> None:
        """The stream has it."""
        ...

    def failed(self, why: str) -> None:
        """The stream did not take it in time; it may have it nevertheless."""
        ...


class _Waiting(NamedTuple):
    arrival: Arrival
    ticket: Ticket
    since_s: float


PutRecords = Callable[[Sequence[Outgoing]], Sequence[Stored | Failed]]
"""One attempt, on a thread of its own. Raises ``StoreError``."""


@dataclass(slots=True)
class LaneCounters:
    """What has been put since the start."""

    transactions: int = 0
    records: int = 0
    bytes: int = 0
    puts: int = 0
    throttled: int = 0
    """Records that were refused for lack of capacity and put again."""
    failed_calls: int = 0
    given_up: int = 0
    busy_s: float = 0.0
    """Wall time of calls."""


@dataclass(slots=True)
class _Lane:
    number: int
    waiting: deque[_Waiting] = field(default_factory=deque)
    packed: list[_Waiting] = field(default_factory=list)
    record: Outgoing | None = None
    """A pack that failed, to be put again as it was."""
    in_flight: bool = False
    failures: int = 0
    not_before_s: float = 0.0


class LanePutter:
    """Takes transactions in on the event loop and puts them from threads."""

    def __init__(
        self,
        put: PutRecords,
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
        give_up_s: float = GIVE_UP_S,
        seed: int | None = None,
    ) -> None:
        self.counters = LaneCounters()
        self.failing = ""
        """Why the last call failed; empty when it did not."""
        self._put = put
        self._clock = clock
        self._backoff = backoff or Backoff(base_s=0.1, longest_s=2.0)
        self._give_up_s = give_up_s
        self._chance = random.Random(seed)
        self._lanes = [_Lane(number) for number in range(LANES)]
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="put")
        self._calls = 0
        self._called_s = -math.inf
        self._depth = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def depth(self) -> int:
        """Transactions that the stream does not have yet."""
        return self._depth

    def add(self, arrival: Arrival, ticket: Ticket) -> None:
        """Take a transaction in."""
        lane = self._lanes[lane_of(arrival.transaction.user)]
        lane.waiting.append(_Waiting(arrival, ticket, self._clock()))
        self._depth += 1
        if self._timer is None:
            self._timer = self._loop.call_later(self._linger_s(), self._flush)

    async def close(self, patience_s: float) -> None:
        """Put what is waiting, then end the threads."""
        deadline = self._clock() + patience_s
        while self._depth and self._clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LINGER_S)
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- inside ---------------------------------------------------------------------------

    def _linger_s(self) -> float:
        return max(LINGER_S, self._called_s + APART_S - self._clock())

    def _flush(self) -> None:
        """Send every lane that has something and nothing on its way."""
        self._timer = None
        now_s = self._clock()
        self._give_back(now_s)
        ready = [
            lane
            for lane in self._lanes
            if not lane.in_flight
            and (lane.record is not None or lane.waiting)
            and now_s >= lane.not_before_s
        ]
        if ready and self._calls < SENDERS:
            for lane in ready:
                lane.in_flight = True
                if lane.record is None:
                    count = min(len(lane.waiting), PACK_LIMIT)
                    lane.packed = [lane.waiting.popleft() for _ in range(count)]
            self._calls += 1
            self._called_s = now_s
            task = self._loop.create_task(self._send(ready))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._rearm()

    def _rearm(self) -> None:
        if self._timer is None and any(
            lane.waiting or lane.record is not None for lane in self._lanes if not lane.in_flight
        ):
            self._timer = self._loop.call_later(self._linger_s(), self._flush)

    async def _send(self, lanes: Sequence[_Lane]) -> None:
        try:
            results = await self._loop.run_in_executor(self._pool, self._call, lanes)
            self.failing = ""
        except StoreError as error:
            self.counters.failed_calls += 1
            if not self.failing:
                log.warning("%s; transactions wait and are put again", error)
            self.failing = str(error)
            results = [Failed("Unreachable", str(error))] * len(lanes)
        finally:
            self._calls -= 1
        now_s = self._clock()
        for lane, result in zip(lanes, results, strict=True):
            lane.in_flight = False
            if isinstance(result, Stored):
                self._took(lane, result)
            else:
                self._refused(lane, result, now_s)
        self._rearm()

    def _call(self, lanes: Sequence[_Lane]) -> Sequence[Stored | Failed]:
        """On a sender's thread."""
        begun_s = time.perf_counter()
        records = []
        for lane in lanes:
            if lane.record is None:
                data = pack([waiting.arrival for waiting in lane.packed])
                key = partition_key(lane.number)
                lane.record = Outgoing(data, key, explicit_hash_key(lane.number))
            records.append(lane.record)
        try:
            return self._put(records)
        finally:
            self.counters.puts += 1
            self.counters.busy_s += time.perf_counter() - begun_s

    def _took(self, lane: _Lane, where: Stored) -> None:
        assert lane.record is not None, "a lane in flight has a pack"
        counters = self.counters
        counters.transactions += len(lane.packed)
        counters.records += 1
        counters.bytes += len(lane.record.data)
        self._depth -= len(lane.packed)
        packed, lane.packed, lane.record, lane.failures = lane.packed, [], None, 0
        for waiting in packed:
            waiting.ticket.stored(where)

    def _refused(self, lane: _Lane, why: Failed, now_s: float) -> None:
        lane.failures += 1
        lane.not_before_s = now_s + self._backoff.wait_s(lane.failures, self._chance)
        if why.code != "Unreachable":
            self.counters.throttled += 1

    def _give_back(self, now_s: float) -> None:
        """Nobody waits for ever: what is too old is given back to whoever put it in."""
        oldest_s = now_s - self._give_up_s
        for lane in self._lanes:
            given: list[_Waiting] = []
            if not lane.in_flight and lane.packed and lane.packed[0].since_s < oldest_s:
                given += lane.packed
                lane.packed, lane.record, lane.failures = [], None, 0
            while not lane.packed and lane.waiting and lane.waiting[0].since_s < oldest_s:
                given.append(lane.waiting.popleft())
            self._depth -= len(given)
            self.counters.given_up += len(given)
            for waiting in given:
                waiting.ticket.failed(self.failing or "the stream takes no more")
