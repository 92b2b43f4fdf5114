"""Reading customers for the gateway: questions that wait together are one BatchGetItem."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from fraud_platform.errors import StoreError
from fraud_platform.stream.customer_view import customer_body
from fraud_platform.stream.ports import ProfileTable
from fraud_platform.stream.profiles import read_profile

USERS_PER_READ = 100
"""Most keys of a BatchGetItem."""
_AT_ONCE = 2
"""Reads under way; what comes meanwhile waits for one of them and goes with the next."""


class CustomerReads:
    """Customers as they are shown, read on ``threads``."""

    def __init__(self, table: ProfileTable, threads: Executor) -> None:
        self._table = table
        self._threads = threads
        self._waiting: dict[str, list[asyncio.Future[bytes | None]]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self.reads = 0
        """Reads of the table."""

    async def body(self, user: str) -> bytes | None:
        """The answer on one customer; None where nothing is known. Raises ``StoreError``."""
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[bytes | None] = loop.create_future()
        self._waiting.setdefault(user, []).append(asked)
        if len(self._under_way) < _AT_ONCE:
            task = loop.create_task(self._drain())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await asked

    async def _drain(self) -> None:
        """Read until nobody waits. It begins at the loop's next turn: who asks now goes along."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            users = [user for user, _ in zip(self._waiting, range(USERS_PER_READ), strict=False)]
            asked = {user: self._waiting.pop(user) for user in users}
            self.reads += 1
            try:
                bodies = await loop.run_in_executor(self._threads, self._read, users)
            except Exception as error:
                told = error if isinstance(error, StoreError) else StoreError(str(error))
                _fail(asked, told)
                continue
            for user, futures in asked.items():
                for future in futures:
                    if not future.done():
                        future.set_result(bodies.get(user))

    def _read(self, users: list[str]) -> dict[str, bytes]:
        bodies = {}
        for user, (version, content) in self._table.read(users).items():
            stored = read_profile(content, version)
            if stored is not None:
                bodies[user] = customer_body(user, stored)
        return bodies


def _fail(asked: dict[str, list[asyncio.Future[bytes | None]]], error: StoreError) -> None:
    for futures in asked.values():
        for future in futures:
            if not future.done():
                future.set_exception(error)
