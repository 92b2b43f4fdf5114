"""A dead worker's share follows the schedule: whatever the controls, all who count agree on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from pyroaring import BitMap
from tests.load_generator.test_load_generator import plan

from squall.errors import WorkerFailure
from squall.load_generator import LoadGenerator, LostWorker, without_final_read
from squall.load_generator.engine.tally import LedgerDelta
from squall.load_generator.messages import Abort, Change, Message, Report
from squall.load_generator.plan import LoadPlan
from squall.load_generator.pool import WorkerMessage
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.metrics import MetricsAggregator
from squall.models import Counts, GeneratorHealth, Interval, Outcome, SparseCounts, Truth
from squall.models.load_spec import SustainedSpec

RATE_TPS, DURATION_S, WORKERS = 100.0, 100.0, 2
PLAN = plan(
    1,
    SustainedSpec(type="sustained", rate_tps=RATE_TPS, duration_s=DURATION_S),
    workers=WORKERS,
)
START = 7_000.0
"""The run's start on the clock that the story moves."""

Story = AsyncIterator[WorkerMessage]


class Stage:
    """A pool whose workers say what a story tells them to, and the run that listens to them."""

    cores = WORKERS
    process_ids: tuple[int, ...] = ()

    def __init__(self, story: Callable[[Stage], Story]) -> None:
        self.now = 0.0
        self.generator = LoadGenerator(PLAN, self, lambda: self.now)
        profile = build(PLAN.load, PLAN.seed)
        self.aggregator = MetricsAggregator("run", profile, self.generator.controller)
        self._schedule = RateController(profile, PLAN.arrivals, PLAN.seed)
        self._story = story(self)
        self._reported = [(0.0, 0)] * WORKERS

    async def start(self, plan: LoadPlan) -> None:
        """They are there."""

    def send(self, message: Message) -> None:
        if isinstance(message, Change):
            message.apply_to(self._schedule)
        elif isinstance(message, Abort):
            self._schedule.stop(self.now - START)

    async def receive(self) -> WorkerMessage:
        return await anext(self._story)

    async def close(self) -> None:
        """They are gone."""

    # What a story is made of

    def at(self, at_s: float) -> None:
        """It is so late."""
        self.now = START + at_s

    def report(self, worker: int, at_s: float, *, final: bool = False) -> WorkerMessage:
        """A worker has sent all that was due, and all was accepted."""
        self.at(at_s)
        since_s, first = self._reported[worker]
        count = self._schedule.count_due(at_s)
        due = (count - worker + WORKERS - 1) // WORKERS
        self._reported[worker] = at_s, due
        empty, none = SparseCounts.empty(), BitMap()
        interval = Interval(
            worker=worker,
            start_s=since_s,
            end_s=at_s,
            counts=Counts(planned=due - first, accepted=due - first, attempts=due - first),
            response=empty,
            service=empty,
            lateness=empty,
            truth=Truth(),
            errors={},
            health=GeneratorHealth(),
        )
        delta = LedgerDelta((BitMap(range(first, due)), none, none, none), none)
        return WorkerMessage(worker, Report(interval, delta, due, due, final))

    def death(self, worker: int, at_s: float) -> WorkerMessage:
        self.at(at_s)
        return WorkerMessage(worker, None)

    # The run

    async def run(self) -> Stage:
        self.now = START - 0.25
        async for interval in self.generator.run():
            self.aggregator.add(interval)
            assert self.aggregator.counts.planned == self.generator.ledger.planned
        return self

    def checked(self) -> Counts:
        """What the run came to, after a look at whether all who count agree."""
        ledger, counts = self.generator.ledger, self.aggregator.counts
        ledger.check_balance()
        account = without_final_read(ledger, counts, PLAN.run_tag, "")
        assert account.balanced
        assert self.aggregator.accounting().planned == account.planned == counts.planned
        assert counts.planned == self.generator.controller.total_at_end()
        assert counts.not_sent == ledger.count(Outcome.NOT_SENT) == account.not_sent
        assert counts.indeterminate == ledger.count(Outcome.INDETERMINATE)
        assert self.aggregator.errors == {"worker_lost": counts.errors}
        assert sum(second.planned for second in self.aggregator.seconds()) == counts.planned
        assert sum(phase.planned for phase in self.aggregator.phases()) == counts.planned
        return counts


async def first_ten_seconds(stage: Stage) -> Story:
    """Worker 1 reports at 9.9 s for the last time and is found dead at 10 s."""
    yield stage.report(0, 9.9)
    yield stage.report(1, 9.9)
    yield stage.death(1, 10.0)


async def test_what_was_due_by_the_death_may_have_been_written() -> None:
    async def story(stage: Stage) -> Story:
        async for told in first_ten_seconds(stage):
            yield told
        assert stage.aggregator.counts.indeterminate == 5
        assert stage.aggregator.counts.not_sent == 0
        yield stage.report(0, 50.0)
        yield stage.report(0, 100.0, final=True)

    stage = await Stage(story).run()
    assert stage.generator.lost_workers == [LostWorker(1, 10.0, indeterminate=5)]
    counts = stage.checked()
    assert (counts.accepted, counts.indeterminate, counts.not_sent) == (5_000 + 495, 5, 4_500)


async def test_a_share_comes_due_like_any_other() -> None:
    async def story(stage: Stage) -> Story:
        async for told in first_ten_seconds(stage):
            yield told
        for second in range(11, 101):
            yield stage.report(0, second - 0.001)
            assert stage.aggregator.counts.planned == pytest.approx(100 * second - 50, abs=51)
        yield stage.report(0, 100.0, final=True)

    stage = await Stage(story).run()
    assert stage.checked().planned == 10_000
    dead = stage.aggregator.seconds()[11:99]
    assert {second.errors for second in dead} == {50}


async def test_a_stop_ends_it() -> None:
    async def story(stage: Stage) -> Story:
        async for told in first_ten_seconds(stage):
            yield told
        await stage.generator.stop()
        yield stage.report(0, 10.1)
        yield stage.report(0, 10.3, final=True)

    counts = (await Stage(story).run()).checked()
    assert (counts.planned, counts.indeterminate, counts.not_sent) == (1_015, 5, 7)


async def test_another_rate_is_its_rate() -> None:
    async def story(stage: Stage) -> Story:
        async for told in first_ten_seconds(stage):
            yield told
        await stage.generator.set_multiplier(3.0)
        yield stage.report(0, 60.0)
        yield stage.report(0, 100.0, final=True)

    stage = await Stage(story).run()
    stage.checked()
    share = stage.generator.ledger.workers[1]
    assert share.planned == 13_985
    assert len(share.ends[Outcome.NOT_SENT]) == 13_985 - 500


async def test_in_a_pause_nothing_of_it_is_due_and_nothing_is_left_out() -> None:
    async def story(stage: Stage) -> Story:
        async for told in first_ten_seconds(stage):
            yield told
        await stage.generator.pause()
        yield stage.report(0, 20.0)
        yield stage.report(0, 60.0)
        assert stage.aggregator.counts.planned == 1_015
        await stage.generator.resume()
        yield stage.report(0, 100.0)
        assert stage.aggregator.counts.planned < 10_000
        yield stage.report(0, 150.1, final=True)

    counts = (await Stage(story).run()).checked()
    assert (counts.planned, counts.not_sent) == (10_000, 4_500)


async def test_an_abort_ends_it_at_once() -> None:
    async def story(stage: Stage) -> Story:
        async for told in first_ten_seconds(stage):
            yield told
        yield stage.report(0, 12.0)
        await stage.generator.abort()
        yield stage.report(0, 12.1, final=True)

    counts = (await Stage(story).run()).checked()
    assert (counts.planned, counts.not_sent) == (1_200, 100)


@pytest.mark.parametrize("paused", [False, True])
async def test_when_nobody_is_left_the_rest_of_the_plan_is_not_sent(paused: bool) -> None:
    async def story(stage: Stage) -> Story:
        async for told in first_ten_seconds(stage):
            yield told
        if paused:
            await stage.generator.pause()
        yield stage.report(0, 30.0)
        yield stage.death(0, 31.0)

    stage = Stage(story)
    with pytest.raises(WorkerFailure, match="every load worker died"):
        await stage.run()
    assert stage.checked().planned == 10_000
    offered_tps = stage.aggregator.throughput().offered_tps
    assert offered_tps == pytest.approx(RATE_TPS, rel=0.001)
