"""What the database does beside its calls, in steps of well under a millisecond."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from cloud_twin.services.dynamodb.database import Database
from cloud_twin.services.dynamodb.table import Table
from cloud_twin.services.dynamodb.usage import NAMESPACE, SERVICE

SWEEP_ITEMS = 20
"""Expired items of one step."""
PAUSE_BUSY_S = 0.002
PAUSE_IDLE_S = 0.5
_HOUR_S = 3600.0


class Housekeeping:
    """Sweeps expired items, builds indexes, frees deleted tables, meters provisioned capacity."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self._metered_s = database.clock.monotonic_s()

    def start(self) -> None:
        """Begin, if it has not begun and there is a loop to run on."""
        if self._task is not None and not self._task.done():
            return
        with suppress(RuntimeError):
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End; harmless when repeated."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError, RuntimeError):
                await task

    async def _run(self) -> None:
        while True:
            busy = self.step()
            await asyncio.sleep(PAUSE_BUSY_S if busy else PAUSE_IDLE_S)

    def step(self) -> bool:
        """One small piece of work; whether there is more."""
        self.meter()
        database = self._database
        if database.discarded:
            if not database.discarded[0].drop_chunk():
                database.discarded.popleft()
            return True
        if database.backfills:
            table, work = database.backfills[0]
            if table is not database.tables.get(table.name) or next(work, self) is self:
                database.backfills.popleft()
            return True
        more = False
        for table in database.tables.values():
            more |= self._sweep(table)
        return more

    def _sweep(self, table: Table) -> bool:
        """Delete some expired items; costs no capacity, as on AWS."""
        if table.expiry is None:
            return False
        database = self._database
        due_wall_s = database.clock.wall_s() - database.quotas.ttl_delay_s
        keys = table.expiry.due(due_wall_s, SWEEP_ITEMS)
        for key in keys:
            table.apply(table.prepare(key, table.items.get(key)))
        if keys:
            of_table = (("TableName", table.name),)
            database.metrics.put(NAMESPACE, "TimeToLiveDeletedItemCount", of_table, len(keys))
        return len(keys) == SWEEP_ITEMS

    def meter(self) -> None:
        """Count the capacity-unit hours of provisioned tables since the last time."""
        database = self._database
        now_s = database.clock.monotonic_s()
        hours = (now_s - self._metered_s) / _HOUR_S
        if hours <= 0:
            return
        self._metered_s = now_s
        for table in database.tables.values():
            if not table.provisioned:
                continue
            holders = table.holders
            read = sum(holder.read.setting.units_s for holder in holders)
            write = sum(holder.write.setting.units_s for holder in holders)
            add = database.meter.add
            add(SERVICE, "provisioned_read_unit_hours", table.name, read * hours)
            add(SERVICE, "provisioned_write_unit_hours", table.name, write * hours)
