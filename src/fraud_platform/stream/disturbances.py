"""Disturbances in stream mode: a gateway puts them into a table, functions follow it.

A function looks at most once a second, when it has a batch: it notices a change that much later.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fraud_platform.agents.disturbance import DisturbanceBook, disturbance_of
from fraud_platform.errors import StoreError
from fraud_platform.gateway.disturbances import NotDisturbableError
from fraud_platform.stream.adapters.disturbance_table import DynamoDisturbances, StoredLease

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
_NO_GATEWAYS = (
    "in stream mode gateways share no port, so one that is away leaves its clients to nobody;"
    " disturb a gateway in inline mode"
)
T = TypeVar("T")


class TableDisturber:
    """The port ``Disturber`` of a gateway; the table is asked on a thread."""

    def __init__(self, table: DynamoDisturbances) -> None:
        self._table = table
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disturbances")

    async def begin(self, what: Mapping[str, Any], lease_s: float) -> Mapping[str, Any]:
        """See the port."""
        if "gateway" in what:
            raise NotDisturbableError(_NO_GATEWAYS)
        name = f"d{uuid.uuid4().hex[:8]}"
        await self._do(lambda: self._table.put(name, what, lease_s))
        return _document(name, StoredLease(what, lease_s))

    async def renew(self, name: str, lease_s: float) -> Mapping[str, Any] | None:
        """See the port."""
        lease = await self._do(lambda: self._table.renew(name, lease_s))
        return None if lease is None else _document(name, lease)

    async def end(self, name: str) -> bool:
        """See the port."""
        return await self._do(lambda: self._table.remove(name))

    async def in_force(self) -> Sequence[Mapping[str, Any]]:
        """See the port."""
        found = await self._do(self._table.in_force)
        return [_document(name, lease) for name, lease in found.items()]

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class Follower:
    """Keeps an environment's book as the table is. Asked before every batch."""

    def __init__(
        self,
        table: DynamoDisturbances,
        book: DisturbanceBook,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._book = book
        self._clock = clock
        self._looked_s = -LOOK_EVERY_S

    def follow(self) -> None:
        """Look, if it is time to. What cannot be read costs no batch: leases run out."""
        now_s = self._clock()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        try:
            found = self._table.in_force()
        except StoreError as error:
            log.warning("disturbances cannot be read: %s", error)
            return
        for leased in self._book.leased():
            if leased.id not in found:
                self._book.end(leased.id)
        for name, lease in found.items():
            if self._book.renew(name, lease.left_s) is None:
                self._book.begin(disturbance_of(lease.what), lease.left_s, name)


def _document(name: str, lease: StoredLease) -> Mapping[str, Any]:
    return {"id": name, **lease.what, "left_s": round(lease.left_s, 3)}
