"""Follows decisions that come by another channel, from before the load to the end of the drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from squall.errors import SquallError
from squall.load_generator import DecisionPage, Ledger
from squall.metrics import LateDecisions, MetricsAggregator
from squall.models import Outcome
from squall.targets import DecisionFeed, DecisionReader

QUIET_S = 1.0
"""After the last decision that is owed: how long without another event the wait goes on."""
_LOOK_EVERY_S = 0.1
_UNKNOWN = 2


class DecisionWatch:
    """Takes in what a feed sees. ``note`` takes a sentence about what went wrong."""

    def __init__(
        self,
        feed: DecisionFeed,
        late: LateDecisions,
        aggregator: MetricsAggregator,
        clock: Callable[[], float],
        note: Callable[[str], None],
    ) -> None:
        self._feed = feed
        self._late = late
        self._aggregator = aggregator
        self._clock = clock
        self._note = note
        self._last_event_s = clock()
        self._task: asyncio.Task[None] | None = None
        self._failure: SquallError | None = None

    def start(self) -> None:
        """Take in decisions from now on."""
        self._task = asyncio.create_task(self._take_in())

    async def _take_in(self) -> None:
        try:
            async for batch in self._feed.batches():
                self._last_event_s = self._clock()
                self._aggregator.add_decisions(self._late.add(batch))
        except SquallError as error:
            self._failure = error
            self._note(f"the decisions could not be followed to the end: {error}")

    async def settle(
        self, ledger: Ledger, seconds_left: Callable[[], float], stopped: Callable[[], bool]
    ) -> None:
        """Wait until all that was accepted is decided and nothing more comes, or time is up."""
        while self._failure is None and not stopped() and seconds_left() > 0:
            quiet_s = self._clock() - self._last_event_s
            if quiet_s > QUIET_S + 2 * self._feed.poll_s and not self._owed(ledger):
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    def _owed(self, ledger: Ledger) -> bool:
        """Whether something accepted has no end yet, edge cases that need none left out."""
        seen = self._late.seen
        accepted = ledger.count(Outcome.ACCEPTED)
        spared = int(self._aggregator.truth.edge_cases[:, _UNKNOWN].sum())
        if accepted - spared > len(seen):
            return True
        return bool(self._late.owed(ledger.arrivals(Outcome.ACCEPTED) - seen))

    async def close(self) -> None:
        """Follow no more. Harmless when repeated."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._feed.close()

    def reader(self, own: DecisionReader | None) -> DecisionReader:
        """What was seen, as the target's records, after those of its ``own`` reader.

        With its own records the stream adds only what was decided twice.
        """
        return _Records(own, self._late, self._failure)


class _Records:
    """A ``DecisionReader`` over what was followed."""

    def __init__(
        self, own: DecisionReader | None, late: LateDecisions, failure: SquallError | None
    ) -> None:
        self._own = own
        self._late = late
        self._failure = failure

    async def pages(self) -> AsyncIterator[DecisionPage]:
        if self._own is None:
            if self._failure is not None:
                raise self._failure
            for page in self._late.pages():
                yield page
            return
        async for page in self._own.pages():
            yield page
        for page in self._late.duplicates():
            yield page
