"""Where the bytes of objects are: in memory up to a limit, then in one unlinked temporary file."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_left
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of bytes in the temporary file."""

    offset: int
    size: int


Body = bytes | Extent


def size_of(body: Body) -> int:
    """Bytes."""
    return body.size if isinstance(body, Extent) else len(body)


class BodyStore:
    """Keeps bodies. Freed runs of the file are used again; adjacent ones are joined."""

    def __init__(self, memory_limit_bytes: int) -> None:
        self.memory_limit_bytes = memory_limit_bytes
        self.memory_bytes = 0
        self._file: IO[bytes] | None = None
        self._end = 0
        self._free: list[tuple[int, int]] = []
        """Offset and size of free runs, by offset."""

    @property
    def file_bytes(self) -> int:
        """Length of the temporary file."""
        return self._end

    def keep(self, data: bytes) -> Body:
        """Take in one body."""
        if self.memory_bytes + len(data) <= self.memory_limit_bytes:
            self.memory_bytes += len(data)
            return data
        extent = Extent(self._take(len(data)), len(data))
        descriptor = self._descriptor()
        view = memoryview(data)
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, view[written:], extent.offset + written)
        return extent

    def read(self, body: Body, first: int = 0, end: int | None = None) -> bytes:
        """Bytes from ``first`` up to ``end``, which is left out."""
        if isinstance(body, bytes):
            return body if first == 0 and end in (None, len(body)) else body[first:end]
        last = body.size if end is None else min(end, body.size)
        parts: list[bytes] = []
        while first < last:
            part = os.pread(self._descriptor(), last - first, body.offset + first)
            if not part:
                raise OSError("the temporary file of object bodies is shorter than it was")
            parts.append(part)
            first += len(part)
        return b"".join(parts)

    def drop(self, body: Body) -> None:
        """Forget one body."""
        if isinstance(body, bytes):
            self.memory_bytes -= len(body)
        elif body.size:
            self._give_back(body)

    def close(self) -> None:
        """Give the file back; all bodies in it are gone."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._end = 0
        self._free = []
        self.memory_bytes = 0

    def _descriptor(self) -> int:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 — lives as long as this
        return self._file.fileno()

    def _take(self, size: int) -> int:
        for index, (offset, room) in enumerate(self._free):
            if room >= size:
                if room == size:
                    del self._free[index]
                else:
                    self._free[index] = (offset + size, room - size)
                return offset
        self._end += size
        return self._end - size

    def _give_back(self, extent: Extent) -> None:
        offset, size = extent.offset, extent.size
        index = bisect_left(self._free, (offset, 0))
        if index < len(self._free) and self._free[index][0] == offset + size:
            size += self._free.pop(index)[1]
        if index and sum(self._free[index - 1]) == offset:
            index -= 1
            before = self._free.pop(index)
            offset, size = before[0], size + before[1]
        if offset + size == self._end:
            self._end = offset
            os.ftruncate(self._descriptor(), offset)
        else:
            self._free.insert(index, (offset, size))
