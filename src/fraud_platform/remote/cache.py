"""A bounded cache whose entries are fresh, then stale for a while, then gone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Found(Generic[V]):
    """A cached value. ``fresh``: younger than its time to live."""

    value: V
    fresh: bool
    age_s: float


class StaleCache(Generic[K, V]):
    """At most ``limit`` entries; the one unused for longest goes first.

    An entry is fresh below ``fresh_s`` seconds of age and stale below ``stale_s`` more; older ones
    are never given out. One thread at a time.
    """

    __slots__ = ("_entries", "_fresh_s", "_limit", "_stale_s", "evicted")

    def __init__(self, limit: int, fresh_s: float, stale_s: float) -> None:
        if limit < 1 or fresh_s <= 0 or stale_s < 0:
            raise ValueError("limit from 1, fresh_s above 0, stale_s from 0")
        self._entries: OrderedDict[K, tuple[V, float, float]] = OrderedDict()
        self._limit = limit
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self.evicted = 0

    def get(self, key: K, now_s: float) -> Found[V] | None:
        """What is known of ``key``, fresh or stale."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, put_s, fresh_s = entry
        age_s = now_s - put_s
        if age_s >= fresh_s + self._stale_s:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return Found(value, age_s < fresh_s, age_s)

    def put(self, key: K, value: V, now_s: float, fresh_s: float | None = None) -> None:
        """Remember a value from now on; ``fresh_s`` may be shorter than the cache's own."""
        shorter_s = self._fresh_s if fresh_s is None else min(fresh_s, self._fresh_s)
        self._entries[key] = (value, now_s, shorter_s)
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)
            self.evicted += 1

    def shrink(self, limit: int) -> None:
        """Hold at most ``limit`` (from 1) entries from now on; what is over goes at once."""
        self._limit = max(1, limit)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)
            self.evicted += 1

    def __len__(self) -> int:
        """Entries held."""
        return len(self._entries)
