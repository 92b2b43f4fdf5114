"""Reading a stream from a gateway: every record of every shard, once, from a moment on.

The position in each shard is a checkpoint (the last sequence number that was handed on). Iterators
expire after five minutes and reads fail: the reader goes on behind the checkpoint, with nothing
left out. Closed shards are read to their end, then their children.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fraud_platform.errors import StoreError
from fraud_platform.stream.aws_wire import AwsCallError, AwsJson
from fraud_platform.stream.backoff import Backoff

log = logging.getLogger(__name__)

POLL_S = 0.22
"""Kinesis allows five reads a second from a shard."""
UNWANTED_POLL_S = 1.1
"""While nobody waits: whoever else reads the stream has the shard's other reads."""
LIMIT = 10_000
_LOOK_FOR_SHARDS_S = 30.0
_LOOK_FOR_WAITERS_S = 0.05
_THREADS = 8


class Page(NamedTuple):
    """One read. ``closed``: the shard has ended and this was its last page."""

    data: Sequence[bytes]
    last: str | None
    behind_ms: float
    closed: bool


@dataclass(slots=True)
class _Position:
    shard: str
    checkpoint: str | None = None
    iterator: str | None = None
    behind_ms: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class ReaderCounters:
    """What has been read since the start."""

    records: int = 0
    reads: int = 0
    failures: int = 0
    expired: int = 0
    """Iterators that were made anew from the checkpoint."""
    shards: dict[str, float] = field(default_factory=dict)
    """Milliseconds behind, of the shards that are being read."""


class ShardReader:
    """Reads one stream and hands its records on, in the order of each shard.

    It reads every ``poll_s`` while its records are ``wanted``, and at its leisure else.
    """

    def __init__(
        self,
        wire: AwsJson,
        stream: str,
        hand_on: Callable[[Sequence[bytes]], Any],
        parse: Callable[[bytes], bytes] = bytes,
        since_s: float | None = None,
        poll_s: float = POLL_S,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.counters = ReaderCounters()
        self._wire = wire
        self._stream = stream
        self._hand_on = hand_on
        self._parse = parse
        self._since_s = time.time() if since_s is None else since_s
        self._poll_s = poll_s
        self._wanted = wanted
        self._positions: dict[str, _Position] = {}
        self._finished: set[str] = set()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="read")
        self._backoff = Backoff(base_s=0.2, longest_s=10.0)
        self._chance = random.Random()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._find_shards()
                await asyncio.sleep(_LOOK_FOR_SHARDS_S)
        finally:
            for task in list(self._tasks):
                task.cancel()
            self._pool.shutdown(wait=False, cancel_futures=True)

    # --- inside ---------------------------------------------------------------------------

    async def _find_shards(self) -> None:
        try:
            shards = await self._on_thread(self._list_shards)
        except StoreError as error:
            log.warning("stream %s cannot be listed: %s", self._stream, error)
            return
        known = {shard["ShardId"] for shard in shards}
        for shard in shards:
            name = shard["ShardId"]
            if name in self._positions or name in self._finished:
                continue
            parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} & known
            if not parents <= self._finished:
                continue  # its parents are read first
            position = _Position(name)
            self._positions[name] = position
            task = asyncio.get_running_loop().create_task(self._follow(position))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _follow(self, position: _Position) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun_s = loop.time()
            try:
                page = await self._on_thread(lambda: self._read(position))
            except StoreError as error:
                self.counters.failures += 1
                position.failures += 1
                log.debug("shard %s: %s", position.shard, error)
                await asyncio.sleep(self._backoff.wait_s(position.failures, self._chance))
                continue
            position.failures = 0
            position.behind_ms = page.behind_ms
            self.counters.reads += 1
            self.counters.records += len(page.data)
            self.counters.shards[position.shard] = page.behind_ms
            if page.data:
                self._hand_on(page.data)
                position.checkpoint = page.last
            if page.closed:
                break
            await self._rest(begun_s)
        self._finished.add(position.shard)
        del self._positions[position.shard]
        self.counters.shards.pop(position.shard, None)
        await self._find_shards()

    async def _rest(self, begun_s: float) -> None:
        """Wait for the next turn of a shard that was read at ``begun_s``."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, begun_s + self._poll_s - clock()))
        while not self._wanted() and clock() < begun_s + UNWANTED_POLL_S:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_FOR_WAITERS_S)

    def _read(self, position: _Position) -> Page:
        """One GetRecords, on a thread."""
        if position.iterator is None:
            position.iterator = self._iterator(position)
        try:
            answer = self._wire.call(
                "GetRecords", {"ShardIterator": position.iterator, "Limit": LIMIT}, once=True
            )
        except AwsCallError as error:
            if error.code == "ExpiredIteratorException":
                self.counters.expired += 1
            position.iterator = None  # made anew, behind the checkpoint
            raise
        records = answer["Records"]
        following = answer.get("NextShardIterator")
        position.iterator = following
        return Page(
            [self._parse(b64decode(record["Data"])) for record in records],
            records[-1]["SequenceNumber"] if records else None,
            float(answer.get("MillisBehindLatest", 0)),
            following is None,
        )

    def _iterator(self, position: _Position) -> str:
        asked: dict[str, Any] = {"StreamName": self._stream, "ShardId": position.shard}
        if position.checkpoint is not None:
            asked["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER"
            asked["StartingSequenceNumber"] = position.checkpoint
        else:
            asked["ShardIteratorType"] = "AT_TIMESTAMP"
            asked["Timestamp"] = self._since_s
        answer = self._wire.call("GetShardIterator", asked, once=True)
        return str(answer["ShardIterator"])

    def _list_shards(self) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"StreamName": self._stream}
        while True:
            answer = self._wire.call("ListShards", asked)
            shards += answer["Shards"]
            if not answer.get("NextToken"):
                return shards
            asked = {"NextToken": answer["NextToken"]}

    async def _on_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def behind_ms(counters: ReaderCounters) -> float:
    """How far the slowest shard's reading is behind."""
    return max(list(counters.shards.values()), default=0.0)
