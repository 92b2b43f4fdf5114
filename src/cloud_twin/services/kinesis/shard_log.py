"""The records a shard retains: parallel columns in segments, so that neither adding nor dropping
depends on how many there are.

Positions count up from 1 and are never used twice. Data stays the base64 text it came as.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

SEGMENT_RECORDS = 1024
SEGMENT_BYTES = 1024 * 1024
"""A segment that has reached either takes no further batch."""
BOOKKEEPING_BYTES = 150
"""Memory of a retained record beside its text: two string heads and its place in the columns."""


@dataclass(frozen=True, slots=True)
class LogSlice:
    """Records at consecutive positions."""

    first: int
    keys: Sequence[str]
    data: Sequence[str]
    """Base64 text."""
    arrivals_s: Sequence[float]
    """Unix seconds to the millisecond; never falling."""
    size_bytes: int
    """Data (decoded) and partition keys together."""

    @property
    def next(self) -> int:
        """The position after the last one."""
        return self.first + len(self.keys)


class _Segment:
    __slots__ = ("arrivals_s", "data", "first", "keys", "memory_bytes", "sizes_bytes")

    def __init__(self, first: int) -> None:
        self.first = first
        self.keys: list[str] = []
        self.data: list[str] = []
        self.sizes_bytes = array("I")
        self.arrivals_s: list[float] = []
        self.memory_bytes = 0


class ShardLog:
    """What one shard holds, oldest first."""

    __slots__ = ("_end", "_firsts", "_segments")

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._firsts: list[int] = []
        self._end = 1

    @property
    def start(self) -> int:
        """Position of the oldest record kept; ``end`` where there is none."""
        return self._firsts[0] if self._firsts else self._end

    @property
    def end(self) -> int:
        """Position the next record will get."""
        return self._end

    @property
    def oldest_arrival_s(self) -> float | None:
        """When the oldest record kept came; None where there is none."""
        return self._segments[0].arrivals_s[0] if self._segments else None

    def append(
        self, keys: Sequence[str], data: Sequence[str], sizes_bytes: Sequence[int], arrived_s: float
    ) -> int:
        """Add records that came together; how many bytes of memory they take."""
        segment = self._segments[-1] if self._segments else None
        if (
            segment is None
            or len(segment.keys) >= SEGMENT_RECORDS
            or segment.memory_bytes >= SEGMENT_BYTES
        ):
            segment = _Segment(self._end)
            self._segments.append(segment)
            self._firsts.append(self._end)
        elif segment.arrivals_s[-1] > arrived_s:
            arrived_s = segment.arrivals_s[-1]  # the wall clock went back; positions do not
        segment.keys.extend(keys)
        segment.data.extend(data)
        segment.sizes_bytes.extend(sizes_bytes)
        segment.arrivals_s.extend([arrived_s] * len(keys))
        # Exact for padding of base64 does not matter here: four characters hold three bytes.
        memory_bytes = sum(sizes_bytes) * 4 // 3 + BOOKKEEPING_BYTES * len(keys)
        segment.memory_bytes += memory_bytes
        self._end += len(keys)
        return memory_bytes

    def read(self, position: int, limit: int, limit_bytes: int) -> LogSlice:
        """Records from ``position`` (or the oldest kept) on.

        At most ``limit`` records and ``limit_bytes``, but never none where there is one.
        """
        position = max(position, self.start)
        if position >= self._end or limit < 1:
            return LogSlice(position, (), (), (), 0)
        at = bisect_right(self._firsts, position) - 1
        keys: list[str] = []
        data: list[str] = []
        arrivals_s: list[float] = []
        total_bytes = 0
        offset = position - self._firsts[at]
        for segment in self._segments[at:]:
            stop = min(offset + limit - len(keys), len(segment.keys))
            sizes = segment.sizes_bytes[offset:stop]
            taken_bytes = sum(sizes)
            full = total_bytes + taken_bytes > limit_bytes
            if full:
                sums = list(accumulate(sizes))
                fitting = bisect_right(sums, limit_bytes - total_bytes)
                if not keys:
                    fitting = max(fitting, 1)
                taken_bytes = sums[fitting - 1] if fitting else 0
                stop = offset + fitting
            keys += segment.keys[offset:stop]
            data += segment.data[offset:stop]
            arrivals_s += segment.arrivals_s[offset:stop]
            total_bytes += taken_bytes
            if full or len(keys) >= limit:
                break
            offset = 0
        return LogSlice(position, keys, data, arrivals_s, total_bytes)

    def arrival_s(self, position: int) -> float:
        """When the record at ``position`` came. It must be one that is kept."""
        at = bisect_right(self._firsts, position) - 1
        return self._segments[at].arrivals_s[position - self._firsts[at]]

    def first_at(self, wall_s: float) -> int:
        """Position of the first record that came at ``wall_s`` or later; ``end`` if none did."""
        at = bisect_left([segment.arrivals_s[-1] for segment in self._segments], wall_s)
        if at == len(self._segments):
            return self._end
        return self._firsts[at] + bisect_left(self._segments[at].arrivals_s, wall_s)

    def drop_before(self, wall_s: float) -> int:
        """Drop segments all of whose records came before ``wall_s``; the memory freed, in bytes."""
        freed_bytes = 0
        while self._segments and self._segments[0].arrivals_s[-1] < wall_s:
            freed_bytes += self.drop_oldest()
        return freed_bytes

    def drop_oldest(self) -> int:
        """Drop the oldest segment; the memory freed, in bytes."""
        del self._firsts[0]
        return self._segments.pop(0).memory_bytes
