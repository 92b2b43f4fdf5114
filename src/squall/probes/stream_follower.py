"""Reads every record of a stream as a consumer does: how many, and how old they have become."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from squall.errors import SquallError
from squall.targets.aws.service_client import AwsRefused, Service, ServiceClient

READ_LIMIT = 10_000
"""Records of one GetRecords, the most that AWS gives."""
_BEHIND_S, _CAUGHT_UP_S = 0.2, 1.0
"""Between two reads of a shard, which answers five a second."""


class StreamFollower:
    """Follows the shards that a stream has when it is opened, each from its first record."""

    def __init__(
        self,
        service: Service,
        stream: str,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._stream = stream
        self._clock = clock
        self._wall_clock = wall_clock
        self._tasks: list[asyncio.Task[None]] = []
        self._read = asyncio.Event()
        self._problems: list[str] = []
        self.records = 0
        """Read so far."""
        self.age_ms_max: float | None = None
        """Largest iterator age: how old the last record of a read was when it was read, as AWS's
        own metric counts it. None before the first record."""

    async def open(self) -> None:
        """Begin.

        Raises:
            TargetError: the stream cannot be read.
        """
        client = self._service.client()
        try:
            answer = await client.call("ListShards", {"StreamName": self._stream})
        finally:
            await client.close()
        shards = [str(shard["ShardId"]) for shard in answer["Shards"]]
        self._tasks = [
            asyncio.create_task(self._follow(shard, _CAUGHT_UP_S * at / len(shards)))
            for at, shard in enumerate(shards)
        ]

    async def until(self, records: int, timeout_s: float) -> None:
        """Wait until so many have been read, or time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.records < records:
                    self._read.clear()
                    await self._read.wait()

    def notes(self) -> tuple[str, ...]:
        """What ended the reading of a shard before its time."""
        return tuple(f"reading stopped: {problem}" for problem in self._problems)

    async def close(self) -> None:
        """Stop reading. Harmless when repeated."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _follow(self, shard: str, wait_s: float) -> None:
        client = self._service.client()
        try:
            await asyncio.sleep(wait_s)
            await self._read_on(client, shard)
        except SquallError as error:
            self._problems.append(str(error))
        except (KeyError, TypeError, AttributeError) as error:
            self._problems.append(f"an answer is not as AWS's are: {error!r}")
        finally:
            await client.close()

    async def _read_on(self, client: ServiceClient, shard: str) -> None:
        position: dict[str, object] = {"ShardIteratorType": "TRIM_HORIZON"}
        iterator: str | None = await self._iterator(client, shard, position)
        while iterator is not None:
            asked_s = self._clock()
            try:
                answer = await client.call(
                    "GetRecords", {"ShardIterator": iterator, "Limit": READ_LIMIT}
                )
            except AwsRefused as error:
                if error.refusal.code != "ExpiredIteratorException":
                    raise
                iterator = await self._iterator(client, shard, position)
                continue
            records = answer.get("Records") or []
            if records:
                self._take(records)
                position = {
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "StartingSequenceNumber": records[-1]["SequenceNumber"],
                }
            iterator = answer.get("NextShardIterator")
            pause_s = _BEHIND_S if answer.get("MillisBehindLatest") else _CAUGHT_UP_S
            await asyncio.sleep(max(0.0, asked_s + pause_s - self._clock()))

    def _take(self, records: list[dict[str, Any]]) -> None:
        arrived_s = float(records[-1]["ApproximateArrivalTimestamp"])
        age_ms = max(0.0, (self._wall_clock() - arrived_s) * 1000)
        self.age_ms_max = max(self.age_ms_max or 0.0, age_ms)
        self.records += len(records)
        self._read.set()

    async def _iterator(
        self, client: ServiceClient, shard: str, position: dict[str, object]
    ) -> str | None:
        parameters = {"StreamName": self._stream, "ShardId": shard, **position}
        answer = await client.call("GetShardIterator", parameters)
        iterator: str | None = answer["ShardIterator"]
        return iterator
