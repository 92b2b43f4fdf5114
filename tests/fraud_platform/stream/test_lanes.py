from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from tests.fraud_platform.documents import transaction

from fraud_platform.errors import StoreError
from fraud_platform.stream.adapters.streams import Failed, Outgoing, Stored
from fraud_platform.stream.backoff import Backoff
from fraud_platform.stream.envelope import Arrival, RecordReader
from fraud_platform.stream.lanes import LanePutter, PutRecords
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.validation import Validator


class Ticket:
    def __init__(self) -> None:
        self.where: list[Stored] = []
        self.why: list[str] = []

    def stored(self, where: Stored) -> None:
        self.where.append(where)

    def failed(self, why: str) -> None:
        self.why.append(why)

    @property
    def settled(self) -> bool:
        return bool(self.where or self.why)


class Stream:
    """Takes records, fails as it is told, and keeps what it took in order."""

    def __init__(self, chance: random.Random, trouble: float) -> None:
        self.records: list[Outgoing] = []
        self.together: dict[str, int] = {}
        self._chance = chance
        self._trouble = trouble
        self._lock = threading.Lock()

    def put(self, records: Sequence[Outgoing]) -> list[Stored | Failed]:
        with self._lock:
            keys = [record.partition_key for record in records]
            assert len(set(keys)) == len(keys), "one pack of a lane at a time"
            for key in keys:
                self.together[key] = self.together.get(key, 0) + 1
                assert self.together[key] == 1, "a lane is on its way twice"
        try:
            if self._chance.random() < self._trouble:
                raise StoreError("unreachable")
            return [self._one(record) for record in records]
        finally:
            with self._lock:
                for key in keys:
                    self.together[key] -= 1

    def _one(self, record: Outgoing) -> Stored | Failed:
        with self._lock:
            if self._chance.random() < self._trouble:
                return Failed("ProvisionedThroughputExceededException", "slow down")
            self.records.append(record)
            return Stored(str(len(self.records)), "shardId-000000000000")

    def arrivals(self) -> list[Arrival]:
        reader = RecordReader(Validator(current_currencies()))
        found: list[Arrival] = []
        for record in self.records:
            read = reader.read(record.data, 0.0)
            assert isinstance(read, list)
            found += read
        return found


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


def putter(put: PutRecords, give_up_s: float = 30.0) -> LanePutter:
    return LanePutter(put, backoff=Backoff(0.005, 0.02), give_up_s=give_up_s, seed=3)


@pytest.mark.parametrize("trouble", [0.0, 0.3])
async def test_customers_keep_their_order_whatever_fails(trouble: float) -> None:
    stream = Stream(random.Random(5), trouble)
    lanes = putter(stream.put)
    tickets = [Ticket() for _ in range(600)]
    for number, ticket in enumerate(tickets):
        lanes.add(Arrival(transaction(number), float(number)), ticket)
        if number % 60 == 0:
            await asyncio.sleep(0.01)
    await until(lambda: all(ticket.settled for ticket in tickets))
    assert all(len(ticket.where) == 1 and not ticket.why for ticket in tickets)
    by_user: dict[str, list[float]] = {}
    for arrival in stream.arrivals():
        by_user.setdefault(arrival.transaction.user, []).append(arrival.arrived_s)
    assert sum(map(len, by_user.values())) == 600
    assert all(times == sorted(times) for times in by_user.values())
    assert lanes.depth == 0
    assert (lanes.counters.throttled > 0) == (trouble > 0)
    await lanes.close(1.0)


async def test_what_the_stream_does_not_take_is_given_back() -> None:
    def put(_: Sequence[Outgoing]) -> list[Stored | Failed]:
        raise StoreError("nobody there")

    lanes = putter(put, give_up_s=0.1)
    tickets = [Ticket() for _ in range(40)]
    for number, ticket in enumerate(tickets):
        lanes.add(Arrival(transaction(number), 0.0), ticket)
    await until(lambda: all(ticket.settled for ticket in tickets))
    assert {why for ticket in tickets for why in ticket.why} == {"nobody there"}
    assert (lanes.depth, lanes.counters.given_up) == (0, 40)
    assert lanes.failing == "nobody there"
    await lanes.close(1.0)


async def test_packs_are_shared() -> None:
    stream = Stream(random.Random(5), 0.0)
    lanes = putter(stream.put)
    tickets = [Ticket() for _ in range(100)]
    for ticket in tickets:
        lanes.add(Arrival(transaction(1), 0.0), ticket)
    await until(lambda: all(ticket.settled for ticket in tickets))
    assert len(stream.records) == 1
    await lanes.close(1.0)
