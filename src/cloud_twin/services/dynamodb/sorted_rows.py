"""A sorted map from bytes to bytes: what tables, indexes and expiry times are kept in.

Two levels: chunks of up to 512 rows in the order of their keys, each a dict that is put in order
when somebody reads a range of it. Nothing is ever rehashed, moved or copied as a whole, so the
cost stays flat at a million rows and no single write pays for growth. Dicts of bytes are of no
interest to Python's garbage collector, so it does not walk the rows either.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

CHUNK_ROWS_MAX = 512


class SortedRows:
    """Rows by key, in the order of the keys. Not to be changed while it is iterated over."""

    __slots__ = ("_chunks", "_count", "_firsts", "_ordered")

    def __init__(self) -> None:
        self._firsts: list[bytes] = [b""]  # the lowest key that belongs into each chunk
        self._chunks: list[dict[bytes, bytes]] = [{}]
        self._ordered: list[bool] = [True]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: bytes) -> bytes | None:
        """The row at ``key``, if any."""
        return self._chunks[bisect_right(self._firsts, key) - 1].get(key)

    def put(self, key: bytes, row: bytes) -> None:
        """Set the row at ``key``."""
        at = bisect_right(self._firsts, key) - 1
        chunk = self._chunks[at]
        before = len(chunk)
        if before and self._ordered[at] and next(reversed(chunk)) < key:
            chunk[key] = row
            self._count += 1
            if before == CHUNK_ROWS_MAX:
                self._split(at, appended=at + 1 == len(self._chunks))
            return
        chunk[key] = row
        if len(chunk) == before:
            return
        self._count += 1
        self._ordered[at] = before == 0
        if before == CHUNK_ROWS_MAX:
            self._split(at, appended=False)

    def _split(self, at: int, *, appended: bool) -> None:
        keys = self._in_order(at)
        chunk = self._chunks[at]
        # Keys that only ever grow leave full chunks behind; others leave halves.
        half = len(keys) - 1 if appended else len(keys) // 2
        self._chunks[at : at + 1] = [
            {key: chunk[key] for key in keys[:half]},
            {key: chunk[key] for key in keys[half:]},
        ]
        self._firsts.insert(at + 1, keys[half])
        self._ordered.insert(at + 1, True)

    def _in_order(self, at: int) -> list[bytes]:
        """The chunk's keys in order; the chunk is put in order by the way."""
        chunk = self._chunks[at]
        if self._ordered[at]:
            return list(chunk)
        keys = sorted(chunk)
        self._chunks[at] = {key: chunk[key] for key in keys}
        self._ordered[at] = True
        return keys

    def remove(self, key: bytes) -> None:
        """Forget the row at ``key``; harmless where there is none."""
        at = bisect_right(self._firsts, key) - 1
        chunk = self._chunks[at]
        if chunk.pop(key, None) is None:
            return
        self._count -= 1
        if len(chunk) < CHUNK_ROWS_MAX // 8 and len(self._chunks) > 1:
            self._merge(at)

    def _merge(self, at: int) -> None:
        """Join a small chunk to a neighbour that has room for it."""
        left = at - 1 if at > 0 else at
        if len(self._chunks[left]) + len(self._chunks[left + 1]) > CHUNK_ROWS_MAX // 2:
            return
        right = self._chunks.pop(left + 1)
        in_order = self._ordered.pop(left + 1)
        del self._firsts[left + 1]
        self._chunks[left] = self._chunks[left] | right
        self._ordered[left] &= in_order

    def forward(self, lower: bytes, upper: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Rows with ``lower <= key < upper`` (None: to the end), upwards."""
        first = bisect_right(self._firsts, lower) - 1
        for at in range(first, len(self._chunks)):
            if upper is not None and self._firsts[at] >= upper:
                return
            keys = self._in_order(at)
            chunk = self._chunks[at]
            start = bisect_left(keys, lower) if at == first else 0
            stop = len(keys) if upper is None else bisect_left(keys, upper)
            for index in range(start, stop):
                key = keys[index]
                yield key, chunk[key]

    def backward(self, lower: bytes, upper: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Rows with ``lower <= key < upper`` (None: from the end), downwards."""
        last = len(self._chunks) - 1
        if upper is not None:
            last = bisect_right(self._firsts, upper) - 1
        for at in range(last, -1, -1):
            keys = self._in_order(at)
            chunk = self._chunks[at]
            start = bisect_left(keys, lower)
            stop = len(keys) if upper is None else bisect_left(keys, upper)
            for index in range(stop - 1, start - 1, -1):
                key = keys[index]
                yield key, chunk[key]
            if self._firsts[at] <= lower:
                return

    def drop_chunk(self) -> bool:
        """Forget up to one chunk of rows (to free a large table in steps); False when empty."""
        self._count -= len(self._chunks[-1])
        if len(self._chunks) == 1:
            self._chunks[0] = {}
            self._ordered[0] = True
            return False
        self._chunks.pop()
        self._firsts.pop()
        self._ordered.pop()
        return True
