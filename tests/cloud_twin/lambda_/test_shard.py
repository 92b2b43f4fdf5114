"""One shard's worker, with a function that is a coroutine: order, lanes, checkpoints, stopping."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from tests.cloud_twin.lambda_.fakes import ROLE, STREAM, FakeMetrics, FakeStream, until

from cloud_twin.clock import SystemClock
from cloud_twin.errors import AwsError
from cloud_twin.meter import Meter
from cloud_twin.service import Surroundings
from cloud_twin.services.lambda_.mappings.event import RecordTexts
from cloud_twin.services.lambda_.mappings.planner import Discard, Policy
from cloud_twin.services.lambda_.mappings.shard import ShardProgress, ShardWorker
from cloud_twin.services.lambda_.runtime.outcome import Outcome
from cloud_twin.services.lambda_.throttle import throttled

SHARD = "shardId-000000000000"
Rule = Callable[[list[dict[str, Any]]], bool]


class FakeHandler:
    """Stands for the mapping: its function is ``rule`` over the batch's records."""

    def __init__(self, rule: Rule, delay_s: Callable[[], float] = lambda: 0.0) -> None:
        self.rule = rule
        self.delay_s = delay_s
        self.done: list[dict[str, Any]] = []
        self.batches: list[list[str]] = []
        self.discards: list[Discard] = []
        self.running = 0
        self.running_max = 0
        self.throttles = 0
        self.attempts: list[int] = []

    async def invoke(self, event: bytes, newest_wall_s: float, attempt: int) -> Outcome:
        self.attempts.append(attempt)
        if self.throttles:
            self.throttles -= 1
            raise throttled("ConcurrentInvocationLimitExceeded")
        records = [record["kinesis"] for record in json.loads(event)["Records"]]
        self.batches.append([record["sequenceNumber"] for record in records])
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        await asyncio.sleep(self.delay_s())
        self.running -= 1
        failed = not self.rule(records)
        if not failed:
            self.done.extend(records)
        return Outcome("id", b"null", "Unhandled" if failed else None, None, "$LATEST", 0, None, 0)

    def discard(self, shard_id: str, discard: Discard, outcome: Outcome | None) -> None:
        self.discards.append(discard)

    def note(self, result: str) -> None:
        pass


def worker(
    stream: FakeStream,
    progress: ShardProgress,
    handler: FakeHandler,
    policy: Policy,
    lanes: int = 1,
) -> ShardWorker:
    surroundings = Surroundings(SystemClock(), Meter(), FakeMetrics(), random.Random(3))
    return ShardWorker(
        progress,
        STREAM,
        stream,
        policy,
        lanes,
        False,
        RecordTexts(STREAM, "us-east-1", SHARD, ROLE),
        handler,
        surroundings,
        (0.001, 0.004),
    )


def by_key(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    keys = defaultdict(list)
    for record in records:
        keys[record["partitionKey"]].append(record["sequenceNumber"])
    return dict(keys)


@pytest.mark.parametrize("lanes", [1, 4, 10])
async def test_nothing_is_lost_doubled_or_reordered_within_a_key(lanes: int) -> None:
    stream, chance = FakeStream(), random.Random(lanes)
    written: defaultdict[str, list[str]] = defaultdict(list)
    for _ in range(2000):
        key = f"key{chance.randrange(30)}"
        written[key].append(stream.put(b"data", key))
    stream.shards[SHARD].closed = True
    failing = random.Random(5)
    handler = FakeHandler(
        lambda records: failing.random() > 0.2, lambda: failing.choice([0.0, 0.001, 0.003])
    )
    progress = ShardProgress(SHARD, None)
    await worker(stream, progress, handler, Policy(batch_size=20, bisect=True), lanes).run()
    assert by_key(handler.done) == dict(written)
    assert progress.finished
    assert progress.checkpoint == stream.shards[SHARD].records[-1].sequence_number
    if lanes > 1:
        assert 1 < handler.running_max <= lanes
    else:
        assert handler.running_max == 1


@pytest.mark.parametrize("lanes", [1, 5])
async def test_a_stopped_worker_goes_on_where_it_was(lanes: int) -> None:
    stream = FakeStream()
    numbers = [stream.put(b"x", f"key{n % 17}") for n in range(500)]
    progress = ShardProgress(SHARD, None)
    handler = FakeHandler(lambda _: True, lambda: 0.001)
    seen: list[str | None] = []
    while len(handler.done) < len(numbers):
        one = worker(stream, progress, handler, Policy(batch_size=7), lanes)
        running = asyncio.create_task(one.run())
        target = min(len(numbers), len(handler.done) + 60)
        await until(lambda target=target: len(handler.done) >= target)  # type: ignore[misc]
        one.stop()
        await asyncio.wait_for(running, 5)
        seen.append(progress.checkpoint)
    assert sorted(record["sequenceNumber"] for record in handler.done) == numbers
    assert seen == sorted(filter(None, seen)), "a checkpoint only moves forward"
    assert progress.checkpoint == numbers[-1]
    assert not progress.finished, "the shard is open"


async def test_a_checkpoint_does_not_pass_a_record_that_is_not_done() -> None:
    stream = FakeStream()
    bad = stream.put(b"bad", "a")
    last = [stream.put(b"good", f"key{n}") for n in range(40)][-1]
    handler = FakeHandler(lambda records: bad not in [r["sequenceNumber"] for r in records])
    progress = ShardProgress(SHARD, None)
    one = worker(stream, progress, handler, Policy(batch_size=1), 10)
    running = asyncio.create_task(one.run())
    await until(lambda: len(handler.done) >= 30)
    assert progress.checkpoint is None
    handler.rule = lambda _: True
    await until(lambda: progress.checkpoint == last)
    one.stop()
    await asyncio.wait_for(running, 5)


async def test_throttling_costs_no_retry() -> None:
    stream = FakeStream()
    stream.put(b"x")
    stream.shards[SHARD].closed = True
    handler = FakeHandler(lambda _: True)
    handler.throttles = 5
    await worker(stream, ShardProgress(SHARD, None), handler, Policy(retries_max=0)).run()
    assert len(handler.done) == 1
    assert handler.discards == []
    assert handler.attempts == [1, 2, 3, 4, 5, 6], "as fault plans count them"


async def test_a_record_that_is_too_old_never_reaches_the_function() -> None:
    stream = FakeStream()
    stream.put(b"old", arrived_wall_s=1000.0)
    fresh = stream.put(b"new")
    stream.shards[SHARD].closed = True
    handler = FakeHandler(lambda _: True)
    await worker(stream, ShardProgress(SHARD, None), handler, Policy(age_s_max=60)).run()
    assert handler.batches == [[fresh]]
    assert [d.condition for d in handler.discards] == ["RecordAgeExceeded"]


async def test_a_window_gathers_what_trickles_in() -> None:
    stream = FakeStream()
    handler = FakeHandler(lambda _: True)
    one = worker(stream, ShardProgress(SHARD, None), handler, Policy(batch_size=5, window_s=60))
    running = asyncio.create_task(one.run())
    for n in range(5):
        stream.put(bytes([n]))
        await asyncio.sleep(0)
        await until(lambda n=n: bool(stream.reads) or n == 0)  # type: ignore[misc]
    await until(lambda: bool(handler.batches))
    assert [len(batch) for batch in handler.batches] == [5]
    one.stop()
    await asyncio.wait_for(running, 5)


async def test_a_stream_that_goes_away_ends_the_worker_and_keeps_its_place() -> None:
    stream = FakeStream()
    number = stream.put(b"x")
    handler = FakeHandler(lambda _: True)
    progress = ShardProgress(SHARD, None)
    running = asyncio.create_task(worker(stream, progress, handler, Policy()).run())
    await until(lambda: len(handler.done) == 1)
    stream.gone = True
    stream.put(b"y")
    with pytest.raises(AwsError, match="not found"):
        await asyncio.wait_for(running, 5)
    assert progress.checkpoint == number
    assert not progress.finished


async def test_reading_stops_while_the_function_is_busy() -> None:
    stream = FakeStream()
    for n in range(5000):
        stream.put(b"x", str(n))
    handler = FakeHandler(lambda _: True, lambda: 3600.0)
    progress = ShardProgress(SHARD, None)
    running = asyncio.create_task(worker(stream, progress, handler, Policy(batch_size=10)).run())
    await until(lambda: handler.running == 1)
    await asyncio.sleep(0.05)
    assert progress.items_read <= 1000, "one read, then no more"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(progress.pending) == progress.items_read, "nothing of it is forgotten"
