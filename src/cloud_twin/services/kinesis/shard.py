"""One shard: its range, its records, what it may take and give a second, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cloud_twin.clock import Clock
from cloud_twin.services.kinesis.hash_range import HashRange
from cloud_twin.services.kinesis.limits import KinesisLimits
from cloud_twin.services.kinesis.shard_log import ShardLog
from cloud_twin.token_bucket import TokenBucket

_POSITION_BASE = 10**15
"""Added to a position, so that it always has 16 digits: cheaper than padding it."""
_POSITION_DIGITS = 16


def shard_name(number: int) -> str:
    """``shardId-000000000007``."""
    return f"shardId-{number:012d}"


class Shard:
    """A shard is open until it is split or merged; then it can only be read.

    A sequence number is 40 digits that belong to the shard (creation time, stream, shard: it
    sorts after those of its parents) and 16 of the record's position.
    """

    __slots__ = (
        "_waiters",
        "bytes_in",
        "bytes_in_burst",
        "bytes_out",
        "children",
        "closed_s",
        "created_s",
        "keys",
        "log",
        "name",
        "number",
        "parents",
        "prefix",
        "reads",
        "records_in",
    )

    def __init__(
        self,
        number: int,
        stream_number: int,
        keys: HashRange,
        created_s: float,
        parents: Sequence[Shard],
        limits: KinesisLimits,
        clock: Clock,
    ) -> None:
        self.number = number
        self.name = shard_name(number)
        self.keys = keys
        self.created_s = created_s
        self.closed_s: float | None = None
        self.parents = tuple(parents)
        self.children: list[Shard] = []
        self.log = ShardLog()
        self.prefix = f"49{int(created_s * 1000):013d}{stream_number:013d}{number:012d}"
        self._waiters: list[asyncio.Future[None]] = []
        self.limit(limits, clock)

    def limit(self, limits: KinesisLimits, clock: Clock) -> None:
        """Put quotas in force, each with a second's worth at once."""
        self.records_in = TokenBucket(limits.records_per_shard_s, limits.records_per_shard_s, clock)
        self.bytes_in_burst = limits.bytes_in_per_shard_s
        self.bytes_in = TokenBucket(limits.bytes_in_per_shard_s, self.bytes_in_burst, clock)
        self.bytes_out = TokenBucket(
            limits.bytes_out_per_shard_s, limits.bytes_out_per_shard_s, clock
        )
        self.reads = TokenBucket(limits.reads_per_shard_s, limits.reads_per_shard_s, clock)

    def sequence_number(self, position: int) -> str:
        """The sequence number of the record at ``position``."""
        return f"{self.prefix}{_POSITION_BASE + position}"

    def sequence_numbers(self, first: int, count: int) -> list[str]:
        """Those of ``count`` records in a row."""
        prefix = self.prefix
        start = _POSITION_BASE + first
        return [f"{prefix}{n}" for n in range(start, start + count)]

    def put_answers(self, first: int, count: int) -> list[str]:
        """As PutRecords answers for ``count`` records in a row: JSON."""
        head = f'{{"SequenceNumber":"{self.prefix}'
        tail = f'","ShardId":"{self.name}"}}'
        start = _POSITION_BASE + first
        return [f"{head}{n}{tail}" for n in range(start, start + count)]

    def position(self, sequence_number: str) -> int | None:
        """The position a sequence number stands for; None where it is not this shard's."""
        if len(sequence_number) != len(self.prefix) + _POSITION_DIGITS:
            return None
        if not sequence_number.startswith(self.prefix) or not sequence_number.isdecimal():
            return None
        position = int(sequence_number[len(self.prefix) :]) - _POSITION_BASE
        return position if position >= 0 else None

    def admit(self, sizes_bytes: Sequence[int]) -> list[bool] | None:
        """Take records of these sizes into the quotas, in order; None: all of them.

        A record larger than a second's worth of bytes is taken when the bucket is full.
        """
        if self.records_in.take(len(sizes_bytes)):
            if self.bytes_in.take(sum(sizes_bytes)):
                return None
            self.records_in.owe(-len(sizes_bytes))
        records = self.records_in.available()
        bytes_left = self.bytes_in.available()
        admitted = []
        count = taken_bytes = 0
        for size in sizes_bytes:
            fits = records - count >= 1 and bytes_left - taken_bytes >= min(
                size, self.bytes_in_burst
            )
            if fits:
                count += 1
                taken_bytes += size
            admitted.append(fits)
        self.records_in.owe(count)
        self.bytes_in.owe(taken_bytes)
        return admitted

    def close(self, closed_s: float, children: Sequence[Shard]) -> None:
        """Take no more records; whoever waits is woken."""
        self.closed_s = closed_s
        self.children += children
        self.wake()

    def was_open_at(self, wall_s: float) -> bool:
        """Whether it took records at a time."""
        return self.created_s <= wall_s and (self.closed_s is None or self.closed_s > wall_s)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def woken(self, timeout_s: float | None) -> None:
        """Until ``wake``, or for ``timeout_s``."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait((waiter,), timeout=timeout_s)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
