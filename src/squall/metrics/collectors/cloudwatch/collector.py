"""Reads CloudWatch beside the load: one batched call per period."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from squall.metrics.collectors.cloudwatch.catalogue import AwsResources, MetricQuery, queries_for
from squall.metrics.collectors.cloudwatch.figures import service_figures
from squall.metrics.collectors.cloudwatch.periods import PeriodCache
from squall.metrics.collectors.cloudwatch.usage import Totals, totals_of
from squall.models.services import ServiceFigures

QUERIES_PER_CALL = 500
"""GetMetricData takes so many; they are billed one by one."""

Found = dict[MetricQuery, dict[int, float]]


class MetricClient(Protocol):
    """The part of boto3's CloudWatch client that is used."""

    def get_metric_data(self, **parameters: Any) -> Mapping[str, Any]:
        """As boto3 documents it."""
        ...


class CloudWatchCollector:
    """The metrics of a target's resources since the run's start.

    ``period_s`` is 60 on AWS; 1, 5, 10 or 30 where the metrics have that resolution. A failed
    read changes nothing and is told once to ``note``; the next one makes good for it.
    """

    def __init__(
        self,
        client: MetricClient,
        resources: AwsResources,
        started_wall_s: float,
        note: Callable[[str], None],
        period_s: int = 60,
    ) -> None:
        self._client = client
        self._resources = resources
        self._queries = queries_for(resources)
        self._cache = PeriodCache(started_wall_s, period_s)
        self._note = note
        self._noted = False
        self._asked = 0

    @property
    def period_s(self) -> int:
        """Seconds between two reads that bring something new."""
        return self._cache.period_s

    @property
    def asked(self) -> int:
        """Metrics asked for so far; CloudWatch bills them one by one."""
        return self._asked

    def totals(self) -> Totals:
        """Sums over the run, by metric and resource."""
        return totals_of(self._cache.values)

    async def collect(self, now_wall_s: float, until_s: float | None = None) -> bool:
        """Read what is not closed yet, up to ``until_s`` (None: now); False where that failed."""
        window = self._cache.window(now_wall_s if until_s is None else until_s)
        if window is None or not self._queries:
            return True
        found = await self._tried(self._queries, window)
        if found is None:
            return False
        self._cache.take(found, window, now_wall_s)
        return True

    async def series(self, query: MetricQuery, until_s: float) -> Mapping[int, float] | None:
        """One statistic by period, from the run's first up to ``until_s``; None: it failed."""
        found = await self._tried((query,), self._cache.span(until_s))
        return None if found is None else found[query]

    def figures(self) -> ServiceFigures:
        """What is known by now."""
        return service_figures(
            self._resources, self._cache.values, self._cache.period_s, self._asked
        )

    async def _tried(self, queries: Sequence[MetricQuery], window: tuple[int, int]) -> Found | None:
        try:
            return await asyncio.to_thread(self._read, queries, window)
        except Exception as error:  # boto3 raises what it likes; the load goes on without
            if not self._noted:
                self._noted = True
                self._note(f"CloudWatch could not be read: {error}")
            return None

    def _read(self, queries: Sequence[MetricQuery], window: tuple[int, int]) -> Found:
        found: Found = {query: {} for query in queries}
        for low in range(0, len(queries), QUERIES_PER_CALL):
            batch = queries[low : low + QUERIES_PER_CALL]
            for page in self._pages(batch, window):
                _fill(found, batch, page)
            self._asked += len(batch)
        return found

    def _pages(
        self, batch: Sequence[MetricQuery], window: tuple[int, int]
    ) -> Iterator[Mapping[str, Any]]:
        parameters: dict[str, Any] = {
            "MetricDataQueries": [
                _written(number, query, self._cache.period_s) for number, query in enumerate(batch)
            ],
            "StartTime": datetime.fromtimestamp(window[0], UTC),
            "EndTime": datetime.fromtimestamp(window[1], UTC),
        }
        while True:
            page = self._client.get_metric_data(**parameters)
            yield page
            token = page.get("NextToken")
            if not token:
                return
            parameters["NextToken"] = token


def _written(number: int, query: MetricQuery, period_s: int) -> dict[str, Any]:
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
            },
            "Period": period_s,
            "Stat": query.statistic,
        },
        "ReturnData": True,
    }


def _fill(found: Found, batch: Sequence[MetricQuery], page: Mapping[str, Any]) -> None:
    for result in page["MetricDataResults"]:
        values = found[batch[int(result["Id"][1:])]]
        for at, value in zip(result["Timestamps"], result["Values"], strict=True):
            values[int(at.timestamp())] = float(value)
