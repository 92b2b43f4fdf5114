"""The key space of a stream: 128-bit hashes, cut into ranges that never overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KEY_SPACE = 1 << 128
"""Hash keys run from 0 to this, exclusive: the MD5 of a partition key as one number."""


@dataclass(frozen=True, slots=True, order=True)
class HashRange:
    """Hash keys from ``first`` to ``last``, both included."""

    first: int
    last: int

    def __contains__(self, hash_key: int) -> bool:
        """Whether a key falls into this range."""
        return self.first <= hash_key <= self.last

    def split(self, at: int) -> tuple[HashRange, HashRange]:
        """The keys below ``at`` and those from it on."""
        return HashRange(self.first, at - 1), HashRange(at, self.last)

    def touches(self, other: HashRange) -> bool:
        """Whether the two form one range without a gap."""
        return self.last + 1 == other.first or other.last + 1 == self.first

    def join(self, other: HashRange) -> HashRange:
        """The range of two that touch."""
        return HashRange(min(self.first, other.first), max(self.last, other.last))

    def start_digest(self) -> bytes:
        """``first`` as an MD5 digest: digests compare like the numbers they are."""
        return self.first.to_bytes(16, "big")


def uniform_ranges(count: int) -> Sequence[HashRange]:
    """The whole key space in ``count`` ranges of one size (the last takes the remainder)."""
    width = KEY_SPACE // count
    starts = [width * i for i in range(count)]
    ends = [*starts[1:], KEY_SPACE]
    return [HashRange(start, end - 1) for start, end in zip(starts, ends, strict=True)]
