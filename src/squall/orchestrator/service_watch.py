"""What the cloud services under a target do during a run, and what that costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from squall.business import PriceBook, cost_of, usage_between
from squall.errors import SquallError
from squall.metrics.collectors.cloudwatch import AwsResources, CloudWatchCollector
from squall.metrics.collectors.cloudwatch.arrival import WAIT_S_MAX, Arrival, Sign, sign_of
from squall.metrics.collectors.cloudwatch.discovery import ClientFactory, Found, discover
from squall.metrics.collectors.cloudwatch.usage import mean_facts, usage_from_metrics
from squall.metrics.collectors.twin_meter import BASIS, read_twin_meter
from squall.models import CostBreakdown, Usage
from squall.models.services import ServiceFigures
from squall.probes.aws_place import OWN_PREFIX
from squall.targets import CloudPlace, HttpClient
from squall.targets.resource_names import bare_function

CLOUDWATCH = "CloudWatch"
WHOLE_PERIODS = (
    "CloudWatch counts in whole minutes: what else used the same services in the run's first and "
    "last minute is in the bill"
)


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """The figures and the bill of a run."""

    figures: ServiceFigures
    cost: CostBreakdown | None


@dataclass(frozen=True, slots=True)
class Aids:
    """What a watch needs of the world around it."""

    note: Callable[[str], None]
    """Takes a sentence for the result's notes."""
    progress: Callable[[str], None]
    """Takes a short sentence on what is being waited for."""
    wall_clock: Callable[[], float]
    """Unix seconds."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class ServiceWatch:
    """Reads CloudWatch once a period, and the meter before and after where a twin has one.

    Nothing that fails here disturbs the load: it becomes a note.
    """

    def __init__(
        self, place: CloudPlace, clients: ClientFactory, book: PriceBook, aids: Aids
    ) -> None:
        self._place = place
        self._clients = clients
        self._book = book
        self._aids = aids
        self._meter = HttpClient(place.endpoint)
        self._before: tuple[Usage, ...] | None = None
        self._found: Found | None = None
        self._collector: CloudWatchCollector | None = None
        self._sign: Sign | None = None
        self._arrived = False
        self._started_s = 0.0
        self._ended_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Find out what there is, read the meter, and watch from now on."""
        self._started_s = self._aids.wall_clock()
        place = self._place
        named = AwsResources(
            streams=place.streams,
            functions=place.functions,
            tables=place.tables,
            models=place.models,
            buckets=place.buckets,
            queues=place.queues,
        )
        found = await asyncio.to_thread(discover, self._clients, named)
        for problem in found.problems:
            self._aids.note(f"not looked up: {problem}")
        self._before = await self._read_meter()
        self._found = found
        self._sign = sign_of(
            found.resources, place.record_stream, bare_function(place.call_function)
        )
        self._collector = CloudWatchCollector(
            self._clients("cloudwatch"), found.resources, self._started_s, self._aids.note
        )
        self._task = asyncio.create_task(self._watch(self._collector))

    async def _watch(self, collector: CloudWatchCollector) -> None:
        while True:
            await asyncio.sleep(collector.period_s)
            await collector.collect(self._aids.wall_clock())

    async def _read_meter(self) -> tuple[Usage, ...] | None:
        try:
            return await read_twin_meter(self._meter)
        except SquallError as error:
            self._aids.note(f"no meter: {error}")
            return None

    async def settle(self, accepted: int, last_s: float, longest_s: float = WAIT_S_MAX) -> None:
        """Wait for CloudWatch's figures of ``accepted`` transactions, the last at ``last_s``.

        A twin's are there at once. ``last_s`` is in Unix seconds. May be cancelled; ``end`` then
        says what is missing.
        """
        await self._stop()
        self._ended_s = ended_s = self._aids.wall_clock()
        if self._collector is None or self._before is not None:
            return
        if self._sign is None or not accepted or longest_s <= 0:
            return
        aids = self._aids
        arrival = Arrival(
            self._collector, self._sign, ended_s, aids.wall_clock, aids.progress, aids.sleep
        )
        self._arrived = await arrival.wait(accepted, last_s, longest_s)

    async def end(self, accepted: int) -> ServiceReport | None:
        """Read once more; None where the watch never began."""
        await self._stop()
        if self._collector is None or self._found is None:
            return None
        now_s = self._aids.wall_clock()
        if self._ended_s is None:
            self._ended_s = now_s
        if not self._arrived:
            await self._collector.collect(now_s, self._ended_s)
        metered = await self._metered()
        if metered is not None:
            bill = cost_of(metered, accepted, self._book, BASIS)
        else:
            bill = await self._estimated(self._collector, self._found, accepted, now_s)
        return ServiceReport(self._collector.figures(), bill)

    async def _metered(self) -> tuple[Usage, ...] | None:
        """By the twin's meter, squall's own resources left out; None where there is none."""
        after = None if self._before is None else await self._read_meter()
        if self._before is None or after is None:
            return None
        used = usage_between(self._before, after)
        return tuple(u for u in used if not u.resource.startswith(OWN_PREFIX))

    async def _estimated(
        self, collector: CloudWatchCollector, found: Found, accepted: int, now_s: float
    ) -> CostBreakdown | None:
        """From CloudWatch; the cost of one transaction only where it shows all of them."""
        ended_s = now_s if self._ended_s is None else self._ended_s
        again = await asyncio.to_thread(discover, self._clients, found.resources)
        facts, changed = mean_facts(found.facts, again.facts)
        hours = (ended_s - self._started_s) / 3600
        usage = usage_from_metrics(
            found.resources, facts, collector.totals(), hours, collector.asked
        )
        gap = self._gap(collector, accepted, now_s - ended_s)
        if gap:
            self._aids.note(gap)
        notes = (*((gap,) if gap else ()), *changed, WHOLE_PERIODS)
        return cost_of(usage, None if gap else accepted, self._book, CLOUDWATCH, notes)

    def _gap(self, collector: CloudWatchCollector, accepted: int, waited_s: float) -> str:
        """What CloudWatch does not show of the run, as a sentence; empty where it shows all."""
        sign = self._sign
        if sign is None or not accepted:
            return ""
        shown = collector.totals()(sign.query.namespace, sign.query.metric, sign.query.dimensions)
        if sign.one_each and shown < accepted:
            return (
                f"CloudWatch shows {shown:,.0f} of {accepted:,} {sign.noun} {waited_s:.0f} s after "
                "the run: its figures and the bill lack the rest, so the cost of a transaction is "
                "not measured"
            )
        if not self._arrived:
            return (
                f"CloudWatch's figures were not all there {waited_s:.0f} s after the run: they and "
                "the bill may lack some of it, so the cost of a transaction is not measured"
            )
        return ""

    async def close(self) -> None:
        """Watch no more. Harmless when repeated."""
        await self._stop()
        await self._meter.close()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
