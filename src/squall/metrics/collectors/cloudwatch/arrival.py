"""Waits until CloudWatch's figures of a run have arrived: they are one to five minutes late.

There is one certain sign: the stream or function that takes every transaction by itself shows as
many as were accepted. Where transactions may share records, what remains is that the minute of the
last of them is there. After either the wait goes on until nothing moves any more, because the other
services' figures come at their own time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from squall.metrics.collectors.cloudwatch.catalogue import AwsResources, MetricQuery
from squall.metrics.collectors.cloudwatch.collector import CloudWatchCollector

WAIT_S_MAX = 180.0
"""How long figures are waited for, all in all."""
LOOK_EVERY_S = 10.0
"""Each look asks for one metric."""
STILL_S = 30.0
"""Figures that have not moved for so long are taken to be all; each look at them asks for all."""


@dataclass(frozen=True, slots=True)
class Sign:
    """By what it is seen that a run's figures are there."""

    query: MetricQuery
    noun: str
    """What the metric counts: ``records``."""
    one_each: bool
    """Whether every accepted transaction counts once in it."""

    def holds(self, series: Mapping[int, float], accepted: int, last_period_s: int) -> bool:
        """Whether ``series`` shows ``accepted`` transactions, or the period of the last of them."""
        if self.one_each:
            return sum(series.values()) >= accepted
        return max(series, default=0) >= last_period_s


def sign_of(
    resources: AwsResources, record_stream: str = "", call_function: str = ""
) -> Sign | None:
    """The best sign there is; None where nothing of the target is counted by CloudWatch.

    ``record_stream`` and ``call_function`` take every transaction by itself, where they are given.
    """
    for namespace, dimension, metric, noun, sure, others in (
        ("AWS/Kinesis", "StreamName", "IncomingRecords", "records", record_stream,
         resources.streams),
        ("AWS/Lambda", "FunctionName", "Invocations", "calls", call_function,
         resources.functions),
        ("AWS/DynamoDB", "TableName", "ConsumedWriteCapacityUnits", "write units", "",
         resources.tables),
    ):  # fmt: skip
        name = sure or next(iter(others), "")
        if name and (sure or not (record_stream or call_function)):
            query = MetricQuery(namespace, metric, "Sum", ((dimension, name),))
            return Sign(query, noun, bool(sure))
    return None


@dataclass(slots=True)
class Arrival:
    """One wait. ``progress`` takes a short sentence on how far it is."""

    collector: CloudWatchCollector
    sign: Sign
    until_s: float
    """Up to when figures are read, Unix seconds."""
    clock: Callable[[], float]
    """Unix seconds."""
    progress: Callable[[str], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def wait(self, accepted: int, last_s: float, longest_s: float = WAIT_S_MAX) -> bool:
        """Whether the figures of ``accepted`` transactions up to ``last_s`` are there and still.

        Ends at once with False where CloudWatch cannot be read.
        """
        deadline_s = self.clock() + longest_s
        return await self._there(accepted, last_s, deadline_s) and await self._still(deadline_s)

    async def _there(self, accepted: int, last_s: float, deadline_s: float) -> bool:
        period_s = self.collector.period_s
        last_period_s = (math.ceil(last_s / period_s) - 1) * period_s
        while True:
            series = await self.collector.series(self.sign.query, self.until_s)
            if series is None:
                return False
            if self.sign.holds(series, accepted, last_period_s):
                return True
            shown = f"{sum(series.values()):,.0f} {self.sign.noun}"
            if self.sign.one_each:
                shown = f"{sum(series.values()):,.0f} of {accepted:,} {self.sign.noun}"
            if not await self._pause(LOOK_EVERY_S, deadline_s, f"it shows {shown}"):
                return False

    async def _still(self, deadline_s: float) -> bool:
        before = None
        while await self.collector.collect(self.clock(), self.until_s):
            now = replace(self.collector.figures(), queries=0)
            if now == before:
                return True
            before = now
            told = "it shows the load; its other figures may still move"
            if not await self._pause(STILL_S, deadline_s, told):
                return False
        return False

    async def _pause(self, pause_s: float, deadline_s: float, told: str) -> bool:
        """Wait for the next look; False where there is no time for another."""
        left_s = deadline_s - self.clock()
        if left_s <= 0:
            return False
        self.progress(
            f"waiting for CloudWatch, whose figures come minutes late: {told}; at most "
            f"{left_s:.0f} s more"
        )
        await self.sleep(min(pause_s, left_s))
        return True
