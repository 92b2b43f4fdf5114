"""One stream: its shards, how they are cut, and the state it is in."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from cloud_twin.clock import Clock
from cloud_twin.services.kinesis.hash_range import HashRange, uniform_ranges
from cloud_twin.services.kinesis.limits import KinesisLimits
from cloud_twin.services.kinesis.on_demand import Demand
from cloud_twin.services.kinesis.shard import Shard

log = logging.getLogger(__name__)

HOUR_S = 3600.0
TRIM_S = 1.0
"""How often a stream looks for records past their retention; readers do not see them anyway."""


class Mode(Enum):
    """Who decides how many shards there are."""

    PROVISIONED = "PROVISIONED"
    ON_DEMAND = "ON_DEMAND"


class Status(Enum):
    """As DescribeStream says it."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    UPDATING = "UPDATING"
    DELETING = "DELETING"


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to a stream at a time (on the monotonic clock)."""

    due_s: float
    apply: Callable[[], None]


class Stream:
    """A change is asked for now and happens when it is due: at the first look at the stream
    from then on (``settle``).
    """

    def __init__(
        self, name: str, arn: str, number: int, mode: Mode, limits: KinesisLimits, clock: Clock
    ) -> None:
        self.name = name
        self.arn = arn
        self.number = number
        self.mode = mode
        self.status = Status.CREATING
        self.created_s = clock.wall_s()
        self.retention_hours = 24
        self.max_record_bytes = 1024 * 1024
        self.tags: dict[str, str] = {}
        self.shard_level_metrics: tuple[str, ...] = ()
        self.shards: list[Shard] = []
        """All there have been; a shard's number is its place."""
        self.open: list[Shard] = []
        """Those that take records, by hash range."""
        self.retained_bytes = 0
        self.dropped_records = 0
        """Those that went for want of memory before their time, read or not."""
        self.demand = Demand(clock.monotonic_s())
        self.billed_until_s = clock.monotonic_s()
        self.shard_count_updates_s: list[float] = []
        self.mode_changes_s: list[float] = []
        self.pending: Change | None = None
        self._limits = limits
        self._clock = clock
        self._starts: list[bytes] = []
        self._trimmed_s = clock.monotonic_s()

    # --- state ----------------------------------------------------------------------------

    def begin(self, status: Status, after_s: float, apply: Callable[[], None]) -> None:
        """Enter a state; in ``after_s`` ``apply`` runs and the stream is ACTIVE again."""
        self.status = status
        self.pending = Change(self._clock.monotonic_s() + after_s, apply)
        for shard in self.open:
            shard.wake()  # who waits learns when to look again
        if after_s <= 0:
            self.settle()

    def settle(self) -> None:
        """Let a change that is due happen."""
        change = self.pending
        if change is not None and self._clock.monotonic_s() >= change.due_s:
            self.pending = None
            self.status = Status.ACTIVE
            change.apply()

    @property
    def takes_data(self) -> bool:
        """Whether it can be written to and read from."""
        return self.status in (Status.ACTIVE, Status.UPDATING)

    def horizon_s(self) -> float:
        """Records from before this time are gone."""
        return self._clock.wall_s() - self.retention_hours * HOUR_S

    def limit(self, limits: KinesisLimits) -> None:
        """Put other quotas in force."""
        self._limits = limits
        for shard in self.shards:
            shard.limit(limits, self._clock)

    # --- shards ---------------------------------------------------------------------------

    def create_shards(self, count: int) -> None:
        """The first shards of a stream."""
        for keys in uniform_ranges(count):
            self._add(keys, ())
        self._reopen()

    def shard(self, name: str) -> Shard | None:
        """A shard by its id, if there is one that is still listed."""
        number = name.removeprefix("shardId-")
        if not (number.isdecimal() and number.isascii()) or int(number) >= len(self.shards):
            return None
        shard = self.shards[int(number)]
        return shard if self._is_kept(shard) else None

    def listed(self) -> Sequence[Shard]:
        """Open shards, and closed ones whose records may still be there; parents first."""
        return [shard for shard in self.shards if self._is_kept(shard)]

    def places(self, digests: Sequence[bytes]) -> list[int]:
        """Indexes in ``open`` of the shards that take hash keys (16 bytes, big end first)."""
        starts = self._starts
        return [bisect_right(starts, digest) - 1 for digest in digests]

    def split(self, shard: Shard, at: int) -> None:
        """Close a shard and open two in its place, the second from hash key ``at`` on."""
        lower, upper = shard.keys.split(at)
        children = [self._add(keys, (shard,)) for keys in (lower, upper)]
        shard.close(self._clock.wall_s(), children)
        self._reopen()

    def merge(self, one: Shard, other: Shard) -> None:
        """Close two adjacent shards and open one in their place."""
        child = self._add(one.keys.join(other.keys), (one, other))
        for parent in (one, other):
            parent.close(self._clock.wall_s(), (child,))
        self._reopen()

    def rescale(self, count: int) -> None:
        """Cut the key space into ``count`` equal ranges.

        As on AWS this is done by splits and merges, with short-lived shards between them: first
        every wanted boundary is cut, then every unwanted one is merged away.
        """
        wanted = {keys.first for keys in uniform_ranges(count)}
        for boundary in sorted(wanted - {shard.keys.first for shard in self.open}):
            cut = next(shard for shard in self.open if boundary in shard.keys)
            self.split(cut, boundary)
        while unwanted := [shard for shard in self.open if shard.keys.first not in wanted]:
            upper = unwanted[0]
            self.merge(self.open[self.open.index(upper) - 1], upper)

    def _add(self, keys: HashRange, parents: Sequence[Shard]) -> Shard:
        now_s = self._clock.wall_s()
        number = len(self.shards)
        shard = Shard(number, self.number, keys, now_s, parents, self._limits, self._clock)
        self.shards.append(shard)
        return shard

    def _reopen(self) -> None:
        self.open = sorted(
            (shard for shard in self.shards if shard.closed_s is None), key=lambda s: s.keys
        )
        self._starts = [shard.keys.start_digest() for shard in self.open]

    def _is_kept(self, shard: Shard) -> bool:
        return shard.closed_s is None or shard.closed_s >= self.horizon_s()

    # --- retention ------------------------------------------------------------------------

    def trim(self) -> None:
        """Drop records past the retention period, and the oldest past the bound on memory."""
        now_s = self._clock.monotonic_s()
        if now_s - self._trimmed_s >= TRIM_S:
            self._trimmed_s = now_s
            horizon_s = self.horizon_s()
            for shard in self.shards:
                self.retained_bytes -= shard.log.drop_before(horizon_s)
        while self.retained_bytes > self._limits.retained_bytes_per_stream:
            ages = [
                (s.log.oldest_arrival_s, s.number) for s in self.shards if s.log.start < s.log.end
            ]
            _, number = min((age, number) for age, number in ages if age is not None)
            self._drop_oldest(self.shards[number])

    def _drop_oldest(self, shard: Shard) -> None:
        if not self.dropped_records:
            log.warning(
                "stream %s holds more than retained_bytes_per_stream (%.0f MiB): from now on its"
                " oldest records are dropped, whether they were read or not; raise that limit of"
                " kinesis where readers must see every record",
                self.name,
                self._limits.retained_bytes_per_stream / (1 << 20),
            )
        start = shard.log.start
        self.retained_bytes -= shard.log.drop_oldest()
        self.dropped_records += shard.log.start - start

    def oldest(self, shard: Shard) -> int:
        """Position of the shard's oldest record that is within the retention period."""
        horizon_s = self.horizon_s()
        oldest_s = shard.log.oldest_arrival_s
        if oldest_s is not None and oldest_s < horizon_s:
            return shard.log.first_at(horizon_s)
        return shard.log.start
