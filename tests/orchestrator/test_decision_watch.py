"""What follows decisions: waits for what is owed, ends in time, says when it cannot know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from pyroaring import BitMap64
from tests.orchestrator.fakes import FakeClock

from squall.errors import TargetUnreachable
from squall.load_generator import DecisionPage, Ledger
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.load_generator.transactions import FactorySpec
from squall.metrics import LateDecisions, MetricsAggregator
from squall.models import (
    FIELDS,
    ArrivalProcess,
    Decision,
    DecisionBatch,
    DecisionEvent,
    Mix,
    Outcome,
    transaction_id,
)
from squall.models.load_spec import SustainedSpec
from squall.orchestrator import decision_watch
from squall.orchestrator.decision_watch import QUIET_S, DecisionWatch

TAG = "abcdefgh"
SOURCE = FactorySpec(seed=5, mix=Mix(0.2, 0.0), planned=1_000, epoch_s=1.79e9).build(
    TAG, frozenset(FIELDS)
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own clock is all that passes."""
    monkeypatch.setattr(decision_watch, "_LOOK_EVERY_S", 0.0)


class FakeFeed:
    poll_s = 0.25

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[DecisionBatch | TargetUnreachable] = asyncio.Queue()
        self.closed = False

    async def open(self) -> None:
        pass

    async def batches(self) -> AsyncIterator[DecisionBatch]:
        while True:
            batch = await self.arrived.get()
            if isinstance(batch, TargetUnreachable):
                raise batch
            yield batch

    async def close(self) -> None:
        self.closed = True


class Bench:
    """Twenty accepted transactions, and a clock of the test's own."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.feed = FakeFeed()
        self.notes: list[str] = []
        load = SustainedSpec(type="sustained", rate_tps=100, duration_s=10)
        controller = RateController(build(load, 0), ArrivalProcess.EVEN, 0)
        self.late = LateDecisions(TAG, SOURCE, controller, lambda: 100.0)
        self.aggregator = MetricsAggregator("run", build(load, 0), controller)
        self.watch = DecisionWatch(
            self.feed, self.late, self.aggregator, self.clock, self.notes.append
        )
        self.ledger = Ledger(1)
        self.ledger.workers[0].ends[Outcome.ACCEPTED].update(BitMap64(range(20)))

    def see(self, *numbers: int, digest: int = 1) -> None:
        events = [
            DecisionEvent(transaction_id(TAG, n), Decision.APPROVE, False, 0.5, False, digest)
            for n in numbers
        ]
        self.feed.arrived.put_nowait(DecisionBatch(self.clock.now_s, events))

    async def seen(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.late.seen) < count:
                await asyncio.sleep(0)

    async def settle(self, left_s: float) -> None:
        """Wait, while the clock runs ahead by a tenth of a second per look."""
        end_s = self.clock.now_s + left_s

        def left() -> float:
            self.clock.now_s += 0.1
            return end_s - self.clock.now_s

        await self.watch.settle(self.ledger, left, lambda: False)


async def test_it_waits_for_all_that_is_owed_and_then_for_quiet() -> None:
    bench = Bench()
    bench.watch.start()
    bench.see(*range(20))
    await bench.seen(20)
    before_s = bench.clock.now_s
    await bench.settle(left_s=30.0)
    assert QUIET_S < bench.clock.now_s - before_s < 3.0
    assert bench.aggregator.latencies().decision.count == 20
    await bench.watch.close()
    assert bench.feed.closed


async def test_what_never_comes_is_waited_for_until_time_is_up() -> None:
    bench = Bench()
    bench.watch.start()
    bench.see(*range(19))
    await bench.seen(19)
    await bench.settle(left_s=4.0)
    assert bench.clock.now_s == pytest.approx(104.0, abs=0.2)
    await bench.watch.close()


async def test_after_a_failure_losses_are_unknown() -> None:
    bench = Bench()
    bench.watch.start()
    bench.see(*range(5))
    bench.feed.arrived.put_nowait(TargetUnreachable("nothing listens there"))
    await bench.seen(5)
    await bench.settle(left_s=30.0)
    assert bench.notes == ["the decisions could not be followed to the end: nothing listens there"]
    with pytest.raises(TargetUnreachable):
        _ = [page async for page in bench.watch.reader(None).pages()]
    await bench.watch.close()


class OwnRecords:
    async def pages(self) -> AsyncIterator[DecisionPage]:
        yield DecisionPage([transaction_id(TAG, n) for n in range(18)])


async def test_a_table_is_the_record_and_the_stream_adds_its_doubles() -> None:
    bench = Bench()
    bench.watch.start()
    bench.see(*range(20))
    bench.see(3, digest=2)
    await bench.seen(20)
    await bench.settle(left_s=3.0)
    ids = [i async for page in bench.watch.reader(OwnRecords()).pages() for i in page.ids]
    numbers, times = np.unique(np.array(ids), return_counts=True)
    assert len(numbers) == 18
    assert dict(zip(numbers.tolist(), times.tolist(), strict=True))[transaction_id(TAG, 3)] == 3
    await bench.watch.close()
