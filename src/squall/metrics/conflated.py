"""A value that many may watch: each gets the newest and skips what it was too slow for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Conflated(Generic[T]):
    """The latest of a stream of values, watched by any number of tasks of one event loop.

    A watcher holds nothing here but its place, so a slow or forgotten one costs no memory and
    delays nobody. Values that follow each other faster than a watcher reads are conflated.
    """

    def __init__(self) -> None:
        self._latest: T | None = None
        self._number = 0
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def latest(self) -> T | None:
        """The newest value; None before the first."""
        return self._latest

    def publish(self, value: T) -> None:
        """Replace the value and wake the watchers; ignored once closed."""
        if self._closed:
            return
        self._latest = value
        self._number += 1
        self._wake()

    def close(self) -> None:
        """End every watcher once it has seen the newest value."""
        self._closed = True
        self._wake()

    async def watch(self) -> AsyncIterator[T]:
        """The newest value at once if there is one, then each newer one, until closed."""
        seen = 0
        while True:
            if self._number != seen and self._latest is not None:
                seen = self._number
                yield self._latest
            elif self._closed:
                return
            else:
                await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
