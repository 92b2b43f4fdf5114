"""What the cloud services under a target do during a run, and what that costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from squall.business import PriceBook, cost_of, usage_between
from squall.errors import SquallError
from squall.metrics.collectors.cloudwatch import CloudWatchCollector
from squall.metrics.collectors.cloudwatch.discovery import ClientFactory, Found, discover
from squall.metrics.collectors.cloudwatch.usage import usage_from_metrics
from squall.metrics.collectors.twin_meter import BASIS, read_twin_meter
from squall.models import CostBreakdown, Usage
from squall.models.services import ServiceFigures
from squall.probes.aws_place import OWN_PREFIX
from squall.targets import CloudPlace, HttpClient


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """The figures and the bill of a run."""

    figures: ServiceFigures
    cost: CostBreakdown | None


class ServiceWatch:
    """Reads CloudWatch once a period, and the meter before and after where a twin has one.

    Nothing that fails here disturbs the load: ``note`` takes a sentence about it.
    """

    def __init__(
        self,
        place: CloudPlace,
        clients: ClientFactory,
        book: PriceBook,
        note: Callable[[str], None],
        wall_clock: Callable[[], float],
    ) -> None:
        self._place = place
        self._clients = clients
        self._book = book
        self._note = note
        self._wall_clock = wall_clock
        self._meter = HttpClient(place.endpoint)
        self._before: tuple[Usage, ...] | None = None
        self._found: Found | None = None
        self._collector: CloudWatchCollector | None = None
        self._started_s = 0.0
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Find out what there is, read the meter, and watch from now on."""
        self._started_s = self._wall_clock()
        place = self._place
        found = await asyncio.to_thread(
            discover, self._clients, place.streams, place.tables, place.functions
        )
        for problem in found.problems:
            self._note(f"not watched: {problem}")
        self._before = await self._read_meter()
        self._found = found
        self._collector = CloudWatchCollector(
            self._clients("cloudwatch"), found.resources, self._started_s, self._note
        )
        self._task = asyncio.create_task(self._watch(self._collector))

    async def _watch(self, collector: CloudWatchCollector) -> None:
        while True:
            await asyncio.sleep(collector.period_s)
            await collector.collect(self._wall_clock())

    async def _read_meter(self) -> tuple[Usage, ...] | None:
        try:
            return await read_twin_meter(self._meter)
        except SquallError as error:
            self._note(f"no meter: {error}")
            return None

    async def end(self, accepted: int) -> ServiceReport | None:
        """Read once more; None where the watch never began."""
        await self._stop()
        if self._collector is None or self._found is None:
            return None
        await self._collector.collect(self._wall_clock())
        usage, basis = await self._usage(self._collector, self._found)
        figures = self._collector.figures()
        return ServiceReport(figures, cost_of(usage, accepted, self._book, basis))

    async def _usage(
        self, collector: CloudWatchCollector, found: Found
    ) -> tuple[tuple[Usage, ...], str]:
        after = None if self._before is None else await self._read_meter()
        if self._before is not None and after is not None:
            used = usage_between(self._before, after)
            return tuple(u for u in used if not u.resource.startswith(OWN_PREFIX)), BASIS
        hours = (self._wall_clock() - self._started_s) / 3600
        usage = usage_from_metrics(
            found.resources, found.facts, collector.totals(), hours, collector.asked
        )
        return usage, "CloudWatch"

    async def close(self) -> None:
        """Watch no more. Harmless when repeated."""
        await self._stop()
        await self._meter.close()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
