"""Reading the decision store from a gateway, without the core: it works while the core is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from fraud_platform.store.reader import DecisionReader
from fraud_platform.store.records import Stored
from fraud_platform.store.schema import open_for_reading

T = TypeVar("T")


class StoreReads:
    """Read access on a thread of its own. Methods raise ``StoreError``."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reads")
        self._reader: DecisionReader | None = None

    def is_cursor(self, text: str) -> bool:
        """Whether it is a row number, as ``next_cursor`` is."""
        return text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < 2**63

    async def page(self, run: str, cursor: str, limit: int, details: bool = False) -> bytes:
        """One page of a run's decision log, as JSON; ``details``: with explanations."""
        if details:
            return await self._do(lambda reader: reader.explained_page(run, int(cursor), limit))
        return await self._do(lambda reader: reader.page(run, int(cursor), limit))

    async def detail(self, transaction_id: str) -> tuple[bytes, bytes, str | None] | None:
        """Answer, votes and explanation of one decision."""
        return await self._do(lambda reader: reader.detail(transaction_id))

    async def customer(self, user: str) -> bytes | None:
        """What the decision log says of a customer, as JSON."""
        return await self._do(lambda reader: reader.customer(user))

    async def stored(self, ids: Sequence[str]) -> dict[str, Stored]:
        """Digests and answers of those that are decided."""

        def look_up(reader: DecisionReader) -> dict[str, Stored]:
            found = ((one, reader.stored(one)) for one in ids)
            return {one: stored for one, stored in found if stored is not None}

        return await self._do(look_up)

    def close(self) -> None:
        """Close the connection and end the thread."""
        if self._reader is not None:
            self._thread.submit(self._reader.close)
        self._thread.shutdown()

    async def _do(self, work: Callable[[DecisionReader], T]) -> T:
        def on_thread() -> T:
            if self._reader is None:
                self._reader = DecisionReader(open_for_reading(self._data_dir))
            return work(self._reader)

        return await asyncio.get_running_loop().run_in_executor(self._thread, on_thread)
