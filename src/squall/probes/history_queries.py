"""What the platform remembers of customers, asked for in bursts while the load runs."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

import numpy as np

from squall.errors import ConfigurationError, TargetProtocolError
from squall.models import HistoryQueries
from squall.probes.customers import Customers
from squall.probes.platform_interface import customer_path, platform_endpoint
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.query_lines import QueryLines
from squall.targets.cursor_reader import describe_refusal
from squall.targets.http_client import HttpClient
from squall.targets.installation import Installation

_PATIENCE_S = 10.0
"""How long after the last burst answers are waited for."""
_SETTLED_S = 3.0
"""A customer is asked for so long after a transaction of theirs was due (sooner at the start)."""
_NOBODY = "squall-asks-whether-this-is-a-platform"


class HistoryQueriesProbe:
    """Bursts of queries, spread evenly over the window; those of a burst are due at one moment.

    The customers are those of transactions that were due a little earlier, so active ones are
    asked for more often, as they are in life.
    """

    def __init__(
        self,
        spec: HistoryQueries,
        installation: Installation,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._endpoint = platform_endpoint(installation, spec.name)
        self._chance = np.random.default_rng([seed, *spec.name.encode()])
        self._clock = clock
        self._lines = QueryLines(self._endpoint, min(spec.concurrency, spec.count), clock)

    @property
    def what(self) -> str:
        """In a sentence."""
        spec = self._spec
        return f"{spec.count:,} history queries in bursts of {min(spec.concurrency, spec.count):,}"

    async def prepare(self) -> None:
        """See whether the platform answers such queries, and open the connections."""
        client = HttpClient(self._endpoint)
        try:
            answer = await client.get(customer_path(_NOBODY))
        finally:
            await client.close()
        if answer.status != 404 or b"customer" not in answer.body:
            raise TargetProtocolError(
                f"probe {self._spec.name} needs a platform that answers for customers: "
                f"{describe_refusal(customer_path(_NOBODY), answer)}"
            )
        await self._lines.open()

    async def beside(self, load: LoadClock) -> None:
        """Ask, burst by burst, and wait for the answers."""
        spec = self._spec
        if load.source is None:
            raise ConfigurationError(f"probe {spec.name} is not told what the load is made from")
        customers = await asyncio.to_thread(Customers, load.source)
        if not customers.known:
            raise ConfigurationError(
                f"probe {spec.name} asks for customers, and the data has no user_id"
            )
        start_s, end_s = load.window(spec.during)
        bursts = math.ceil(spec.count / spec.concurrency)
        for number in range(bursts):
            due_s = start_s + (end_s - start_s) * (number + 1) / (bursts + 1)
            size = spec.count * (number + 1) // bursts - spec.count * number // bursts
            paths = [customer_path(user) for user in self._drawn(customers, load, due_s, size)]
            await load.reach(due_s)
            # The clock of the load says how late this is, and that is part of the latency.
            self._lines.ask(paths, self._clock() - max(0.0, load.profile_s() - due_s))
        await self._lines.settle(_PATIENCE_S)

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """What was measured."""
        lines = self._lines
        lines.close()
        asked = lines.asked
        figures: dict[str, float | None] = {
            "queries": asked,
            "at_once_max": lines.under_way_max,
            "queries_tps_max": lines.tps_max,
            "unknown_share": lines.unknown / asked if asked else None,
            "failed": lines.failed + lines.under_way,
            "failed_share": (lines.failed + lines.under_way) / asked if asked else None,
        }
        return Measured(figures, lines.latencies().percentiles_ms())

    async def close(self) -> None:
        """Close the connections."""
        self._lines.close()

    def _drawn(self, customers: Customers, load: LoadClock, at_s: float, count: int) -> list[str]:
        """Customers of so many transactions that were due before ``at_s``."""
        before_s = np.array([max(at_s - _SETTLED_S, at_s / 2)])
        due = max(1, int(load.profile.cumulative(before_s)[0]))
        arrivals = self._chance.integers(0, due, size=count, dtype=np.int64)
        return [user or _NOBODY for user in customers.of(np.sort(arrivals))]
