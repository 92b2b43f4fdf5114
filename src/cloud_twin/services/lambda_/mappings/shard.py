"""Reads one shard and hands its records to the function, lane by lane, in order.

A checkpoint is the newest record before which all are done. It only moves forward, and a worker
that is made again goes on after it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cloud_twin.errors import AwsError
from cloud_twin.ports import StreamRecord, StreamSource
from cloud_twin.service import Surroundings
from cloud_twin.services.lambda_.mappings.event import RecordTexts, first_failure, kinesis_event
from cloud_twin.services.lambda_.mappings.planner import (
    Discard,
    Item,
    Lane,
    Policy,
    retry_delay_s,
)
from cloud_twin.services.lambda_.runtime.outcome import Outcome

_READ_BYTES = 4 * 1024 * 1024
_BUFFER_BYTES = 12 * 1024 * 1024
"""A lane that has so much waiting is not read for."""
GONE = "ResourceNotFoundException"
"""The only refusal of a read after which the stream itself has to be looked at again."""


class BatchHandler(Protocol):
    """What a shard's worker needs from its mapping."""

    async def invoke(self, event: bytes, newest_wall_s: float, attempt: int) -> Outcome:
        """Run the function. Raises ``AwsError`` where it cannot be reached."""
        ...

    def discard(self, shard_id: str, discard: Discard, outcome: Outcome | None) -> None:
        """Records are given up."""
        ...

    def note(self, result: str) -> None:
        """The mapping's last processing result."""
        ...


@dataclass(slots=True)
class ShardProgress:
    """What a worker leaves behind for the next one."""

    shard_id: str
    checkpoint: str | None
    """Everything up to this sequence number is done; None: nothing, from the oldest on."""
    finished: bool = False
    read_to: str | None = None
    items_read: int = 0
    pending: list[tuple[Item, str]] = field(default_factory=list)
    """Records read after the checkpoint that are not done, with their partition keys."""

    def __post_init__(self) -> None:
        self.read_to = self.checkpoint


class ShardWorker:
    """Works on one shard until it is closed and done, or until it is stopped."""

    def __init__(
        self,
        progress: ShardProgress,
        stream_arn: str,
        source: StreamSource,
        policy: Policy,
        lanes: int,
        report_failures: bool,
        texts: RecordTexts,
        handler: BatchHandler,
        surroundings: Surroundings,
        retry_s: tuple[float, float],
    ) -> None:
        self.progress = progress
        self._stream_arn = stream_arn
        self._source = source
        self._policy = policy
        self._lanes = [Lane(policy) for _ in range(lanes)]
        self._wakes = [asyncio.Event() for _ in range(lanes)]
        self._report_failures = report_failures
        self._texts = texts
        self._handler = handler
        self._clock = surroundings.clock
        self._random = surroundings.random
        self._retry_s = retry_s
        self._space = asyncio.Event()
        self._stop = asyncio.Event()
        self._read_all = False
        self._undone: deque[tuple[int, str, str]] = deque()  # ordinal, sequence number, key

    async def run(self) -> None:
        """Read and hand over. Raises ``AwsError`` where the stream cannot be read any more."""
        self._take_over()
        stopped = asyncio.ensure_future(self._stop.wait())
        reader = asyncio.ensure_future(self._read())
        workers = [asyncio.ensure_future(self._work(n)) for n in range(len(self._lanes))]
        try:
            await asyncio.wait({stopped, reader}, return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and reader.exception() is None:
                self._read_all = True
            else:
                self._stop.set()
            self._wake_all()
            await asyncio.gather(*workers)
            if reader.done():
                reader.result()
        finally:
            await _cancel(stopped, reader, *workers)
            self._leave()
        self.progress.finished = self._read_all and not self.progress.pending

    def stop(self) -> None:
        """End after the batches that are with the function now."""
        self._stop.set()
        self._wake_all()

    # --- reading --------------------------------------------------------------------------

    async def _read(self) -> None:
        source, arn, progress = self._source, self._stream_arn, self.progress
        limit = max(1000, self._policy.batch_size)
        while True:
            while not self._wanted():
                self._space.clear()
                await self._space.wait()
            try:
                read = await source.read(
                    arn, progress.shard_id, progress.read_to, limit, _READ_BYTES
                )
            except AwsError as error:
                if error.code == GONE:
                    raise
                self._handler.note(f"PROBLEM: Stream could not be read: {error.code}")
                await asyncio.sleep(self._retry_s[0])
                continue
            if read.records:
                self._push(read.records)
                await asyncio.sleep(0)
            elif read.closed:
                return
            else:
                await source.wait(arn, progress.shard_id, progress.read_to)

    def _wanted(self) -> bool:
        most = 2 * self._policy.batch_size
        for lane in self._lanes:
            count, size = lane.waiting()
            if count >= most or size >= _BUFFER_BYTES:
                return False
        return True

    def _push(self, records: Sequence[StreamRecord]) -> None:
        progress = self.progress
        items = self._texts.items(records, progress.items_read)
        progress.items_read += len(items)
        progress.read_to = items[-1].sequence_number
        self._distribute(items, [record.partition_key for record in records])

    def _distribute(self, items: list[Item], keys: list[str]) -> None:
        now_s = self._clock.monotonic_s()
        self._undone.extend(
            (item.ordinal, item.sequence_number, key) for item, key in zip(items, keys, strict=True)
        )
        if len(self._lanes) == 1:
            self._lanes[0].push(items, now_s)
            self._wakes[0].set()
            return
        parts: list[list[Item]] = [[] for _ in self._lanes]
        for item, key in zip(items, keys, strict=True):
            parts[zlib.crc32(key.encode()) % len(parts)].append(item)
        for lane, wake, part in zip(self._lanes, self._wakes, parts, strict=True):
            if part:
                lane.push(part, now_s)
                wake.set()

    # --- working --------------------------------------------------------------------------

    async def _work(self, number: int) -> None:
        lane, wake = self._lanes[number], self._wakes[number]
        failures = 0
        while not self._stop.is_set():
            wake.clear()
            due_s = lane.due_in_s(self._clock.monotonic_s())
            if due_s is None and self._read_all:
                return
            if due_s is None or (due_s > 0 and not self._read_all):
                await _wait(wake.wait(), due_s)
                continue
            outcome = await self._hand_over(lane)
            self._advance()
            if outcome:
                failures = 0
            else:
                failures += 1
                delay_s = retry_delay_s(failures, *self._retry_s)
                await _wait(self._stop.wait(), delay_s * self._random.uniform(0.75, 1.0))

    async def _hand_over(self, lane: Lane) -> bool:
        """One piece to the function; False where the next one should wait a while."""
        lane.take(self._clock.monotonic_s())
        self._give_up(lane.too_old(self._clock.wall_s()), None)
        piece = lane.taken
        if piece is None:
            return True
        event = kinesis_event(piece.items)
        try:
            newest_wall_s = piece.items[-1].arrived_wall_s
            outcome = await self._handler.invoke(event, newest_wall_s, piece.attempt)
        except AwsError as error:
            lane.put_back()
            self._handler.note(f"PROBLEM: Function call failed: {error.code}")
            return False
        except BaseException:
            lane.put_back()
            raise
        first = None
        if not outcome.failed and self._report_failures:
            first = first_failure(outcome.payload, piece.items)
        if outcome.failed:
            discard = lane.failed()
        elif first is not None:
            discard = lane.partly_failed(first)
        else:
            lane.succeeded()
            self._handler.note("OK")
            return True
        self._handler.note("PROBLEM: Function call failed")
        self._give_up(discard, outcome)
        # Halves are tried at once, and what follows a discarded piece too; a retry waits.
        split = self._policy.bisect and (len(piece.items) > 1)
        return discard is not None or split

    def _give_up(self, discard: Discard | None, outcome: Outcome | None) -> None:
        if discard is not None:
            self._handler.discard(self.progress.shard_id, discard, outcome)

    def _advance(self) -> None:
        """Move the checkpoint up to the first record that is not done."""
        firsts = [n for lane in self._lanes if (n := lane.first_ordinal()) is not None]
        first = min(firsts, default=self.progress.items_read)
        undone = self._undone
        while undone and undone[0][0] < first:
            self.progress.checkpoint = undone.popleft()[1]
        if self._wanted():
            self._space.set()

    # --- from one worker to the next ------------------------------------------------------

    def _take_over(self) -> None:
        pending, self.progress.pending = self.progress.pending, []
        if pending:
            self._distribute([item for item, _ in pending], [key for _, key in pending])

    def _leave(self) -> None:
        self._advance()
        keys = {ordinal: key for ordinal, _, key in self._undone}
        items = [item for lane in self._lanes for item in lane.pending()]
        items.sort(key=lambda item: item.ordinal)
        self.progress.pending = [(item, keys[item.ordinal]) for item in items]

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()


async def _wait(what: Awaitable[object], limit_s: float | None) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await what
    except TimeoutError:
        return


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
