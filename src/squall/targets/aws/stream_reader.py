"""Follows a Kinesis stream of decisions from before the run's start, through resharding."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from squall.errors import SquallError, TargetProtocolError
from squall.models import DecisionBatch
from squall.targets.aws.decision_events import EventReader
from squall.targets.aws.service_client import AwsRefused, Service, ServiceClient
from squall.targets.aws.shard_tree import Shard, ShardTree

READ_LIMIT = 10_000
"""Records of one GetRecords, the most that AWS gives."""
CATCH_UP_S = 0.2
"""Between two reads while behind: a shard answers five a second."""
BEFORE_START_S = 60.0
"""How far before the start a reader goes back that lost its place before its first record."""

Position = dict[str, object]
_TIP: Position = {"ShardIteratorType": "LATEST"}
_FIRST: Position = {"ShardIteratorType": "TRIM_HORIZON"}


class StreamReader:
    """Events of one run, as they appear (a ``DecisionFeed``).

    Each shard is asked every ``poll_s``, so a decision is seen up to that much after it could be
    read. An iterator that expires is taken again after the last record read.
    """

    def __init__(
        self,
        service: Service,
        stream: str,
        events: EventReader,
        poll_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._stream = stream
        self._events = events
        self.poll_s = poll_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._began_wall_s = 0.0
        self._tree = ShardTree()
        self._arrived: asyncio.Queue[DecisionBatch | SquallError] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listing = asyncio.Lock()

    async def open(self) -> None:
        """Take the present tips of all shards; what comes after them will be read.

        Raises:
            TargetError: the stream cannot be read.
        """
        self._began_wall_s = self._wall_clock()
        client = self._service.client()
        try:
            shards = self._tree.begin(await self._list(client))
            iterators = [await self._iterator(client, shard, _TIP) for shard in shards]
        finally:
            await client.close()
        for number, (shard, iterator) in enumerate(zip(shards, iterators, strict=True)):
            self._follow(shard, iterator, self._at_start(), self.poll_s * number / len(shards))

    def _at_start(self) -> Position:
        at_s = self._began_wall_s - BEFORE_START_S
        return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": at_s}

    async def batches(self) -> AsyncIterator[DecisionBatch]:
        """Events in the order in which they are read; never ends by itself.

        Raises:
            TargetError: the stream cannot be read any more.
        """
        while True:
            arrived = await self._arrived.get()
            if isinstance(arrived, SquallError):
                raise arrived
            yield arrived

    async def close(self) -> None:
        """Read no more. Harmless when repeated."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _follow(
        self, shard: str, iterator: str | None, position: Position, wait_s: float = 0.0
    ) -> None:
        task = asyncio.create_task(self._read(shard, iterator, position, wait_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(
        self, shard: str, iterator: str | None, position: Position, wait_s: float
    ) -> None:
        client = self._service.client()
        try:
            await asyncio.sleep(wait_s)
            await self._read_to_end(client, shard, iterator, position)
            self._tree.finish(shard)
            await self._begin_children(client)
        except SquallError as error:
            self._arrived.put_nowait(error)
        except (KeyError, TypeError, AttributeError) as error:
            told = f"an answer about stream {self._stream} is not as AWS's are: {error!r}"
            self._arrived.put_nowait(TargetProtocolError(told))
        finally:
            await client.close()

    async def _read_to_end(
        self, client: ServiceClient, shard: str, iterator: str | None, position: Position
    ) -> None:
        iterator = iterator or await self._iterator(client, shard, position)
        while iterator is not None:
            asked_s = self._clock()
            parameters: dict[str, object] = {"ShardIterator": iterator, "Limit": READ_LIMIT}
            try:
                answer = await client.call("GetRecords", parameters)
            except AwsRefused as error:
                if error.refusal.code != "ExpiredIteratorException":
                    raise
                iterator = await self._iterator(client, shard, position)
                continue
            records = answer.get("Records") or []
            if records:
                self._hand_over(records)
                position = {
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "StartingSequenceNumber": records[-1]["SequenceNumber"],
                }
            iterator = answer.get("NextShardIterator")
            behind = bool(answer.get("MillisBehindLatest")) or len(records) == READ_LIMIT
            pause_s = CATCH_UP_S if behind else self.poll_s
            await asyncio.sleep(max(0.0, asked_s + pause_s - self._clock()))

    def _hand_over(self, records: list[dict[str, Any]]) -> None:
        seen_at_s = self._clock()
        events = [event for record in records for event in self._events.read_base64(record["Data"])]
        if events:
            self._arrived.put_nowait(DecisionBatch(seen_at_s, events))

    async def _begin_children(self, client: ServiceClient) -> None:
        async with self._listing:
            for shard in self._tree.ready(await self._list(client)):
                self._follow(shard, None, _FIRST)

    async def _iterator(self, client: ServiceClient, shard: str, position: Position) -> str | None:
        parameters = {"StreamName": self._stream, "ShardId": shard, **position}
        iterator: str | None = (await client.call("GetShardIterator", parameters))["ShardIterator"]
        return iterator

    async def _list(self, client: ServiceClient) -> list[Shard]:
        shards: list[Shard] = []
        parameters: dict[str, object] = {"StreamName": self._stream}
        while True:
            answer = await client.call("ListShards", parameters)
            shards += [_shard(item) for item in answer["Shards"]]
            token = answer.get("NextToken")
            if not token:
                return shards
            parameters = {"NextToken": token}


def _shard(item: dict[str, Any]) -> Shard:
    parents = (item.get("ParentShardId"), item.get("AdjacentParentShardId"))
    ended = item.get("SequenceNumberRange", {}).get("EndingSequenceNumber")
    return Shard(item["ShardId"], tuple(p for p in parents if p), ended is not None)
