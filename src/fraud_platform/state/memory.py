"""Bounded memories: what is oldest goes when one is full."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedMemory(Generic[K, V]):
    """At most ``limit`` entries; when full, the 1/64 made longest ago are forgotten."""

    __slots__ = ("_entries", "_limit", "_make", "forgotten", "get")

    def __init__(self, limit: int, make: Callable[[float], V]) -> None:
        if limit < 64:
            raise ValueError("a bounded memory holds at least 64 entries")
        self._entries: dict[K, V] = {}
        self._limit = limit
        self._make = make
        self.get = self._entries.get
        self.forgotten = 0

    def of(self, key: K, event_s: float) -> V:
        """The entry of ``key``, made at ``event_s`` where there is none."""
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= self._limit:
                self._forget()
            entry = self._entries[key] = self._make(event_s)
        return entry

    def _forget(self) -> None:
        for key in [k for k, _ in zip(self._entries, range(self._limit // 64), strict=False)]:
            del self._entries[key]
            self.forgotten += 1

    def __len__(self) -> int:
        """Entries held."""
        return len(self._entries)


class PairMemory:
    """How often two things were seen together, for at most ``limit`` pairs."""

    __slots__ = ("_counts", "_limit", "forgotten")

    def __init__(self, limit: int) -> None:
        self._counts: dict[int, int] = {}
        self._limit = limit
        self.forgotten = 0

    def meet(self, *pair: Hashable) -> int:
        """Count this pair; returns how often it was counted before."""
        key = hash(pair)  # 64 bits; a collision makes one pair look familiar
        before = self._counts.get(key, 0)
        if not before and len(self._counts) >= self._limit:
            for old in [k for k, _ in zip(self._counts, range(self._limit // 64), strict=False)]:
                del self._counts[old]
                self.forgotten += 1
        self._counts[key] = before + 1
        return before

    def __len__(self) -> int:
        """Pairs held."""
        return len(self._counts)
