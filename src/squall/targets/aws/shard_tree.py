"""Which shards of a stream are to be read, and in what order: parents before children. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as ListShards describes it."""

    id: str
    parents: tuple[str, ...] = ()
    closed: bool = False


class ShardTree:
    """Shards that are known, being read, and read to their end.

    ``begin`` takes the shards there are when reading starts at the tip: what is closed by then
    holds nothing new. Shards that appear later are read from their first record, each once all of
    its parents that are known here have been read to their end.
    """

    def __init__(self) -> None:
        self._known: dict[str, Shard] = {}
        self._started: set[str] = set()
        self._finished: set[str] = set()

    def begin(self, shards: Iterable[Shard]) -> list[str]:
        """The open shards, to be read from their tips."""
        for shard in shards:
            self._known[shard.id] = shard
            self._started.add(shard.id)
            if shard.closed:
                self._finished.add(shard.id)
        return [shard.id for shard in self._known.values() if not shard.closed]

    def finish(self, shard_id: str) -> None:
        """A shard has been read to its end."""
        self._finished.add(shard_id)

    def ready(self, shards: Iterable[Shard]) -> list[str]:
        """Of all shards there are now: those whose reading can begin, from their first record."""
        self._known.update((shard.id, shard) for shard in shards)
        found = [
            shard.id
            for shard in self._known.values()
            if shard.id not in self._started
            and all(p in self._finished or p not in self._known for p in shard.parents)
        ]
        self._started.update(found)
        return found
