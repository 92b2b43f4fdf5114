"""Decision latency from the times that a target's own records hold.

It runs from the intended send, on squall's clock, to a time on the target's: how far the two clocks
differ is in it, which is why it is never mixed with what squall saw itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from squall.metrics.schedule import Schedule
from squall.models import DecisionInterval, LatencyHistogram, Truth, index_of
from squall.targets.dated_page import DatedPage


class DatedDecisions:
    """The times of one complete read of the records; ``begin`` starts another.

    ``started_unix_s``: the load's second 0. Of two records of one transaction the first that was
    read counts.
    """

    def __init__(self, run_tag: str, schedule: Schedule, started_unix_s: float) -> None:
        self._run_tag = run_tag
        self._schedule = schedule
        self._started_unix_s = started_unix_s
        self.begin()

    def begin(self) -> None:
        """Forget what was read."""
        self._seen = BitMap64()
        self._micros: list[NDArray[np.int64]] = []
        self._seconds: list[NDArray[np.int64]] = []
        self._place = ""
        self._dated = 0
        self._early = 0
        self._whole = True

    def add(self, page: DatedPage) -> None:
        """Take a page of records."""
        self._place = page.place
        fresh: dict[int, float] = {}
        for wire_id, moment in zip(page.ids, page.decided_unix_s, strict=True):
            index = index_of(wire_id, self._run_tag)
            if index is None or index in self._seen:
                continue
            self._seen.add(index)
            if moment is not None:
                fresh[index] = moment
                self._whole = self._whole and moment.is_integer()
        if fresh:
            self._measure(np.fromiter(fresh, np.int64), np.fromiter(fresh.values(), np.float64))

    def _measure(self, indices: NDArray[np.int64], moments: NDArray[np.float64]) -> None:
        at_s = moments - self._started_unix_s
        due_s = self._schedule.due(indices)
        known = np.isfinite(due_s)
        micros = np.rint((at_s[known] - due_s[known]) * 1e6).astype(np.int64)
        self._dated += len(micros)
        self._early += int((micros < 0).sum())
        self._micros.append(np.maximum(micros, 0))
        self._seconds.append(np.floor(at_s[known]).astype(np.int64))

    def intervals(self) -> Iterator[DecisionInterval]:
        """What was measured, by the second of the run in which it was decided."""
        if not self._micros:
            return
        micros, seconds = np.concatenate(self._micros), np.concatenate(self._seconds)
        order = np.argsort(seconds, kind="stable")
        found, starts = np.unique(seconds[order], return_index=True)
        for second, part in zip(found.tolist(), np.split(micros[order], starts[1:]), strict=True):
            histogram = LatencyHistogram()
            histogram.record(part)
            yield DecisionInterval(
                start_s=second,
                end_s=second + 1,
                decided=len(part),
                decision=histogram.sparse(),
                truth=Truth(),
            )

    def note(self) -> str:
        """What the latency rests on, as a sentence; empty where the records say no times."""
        if not self._place:
            return ""
        if not self._dated:
            return (
                f"decision latency is unknown: there is no time in {self._place} (Unix seconds or "
                "milliseconds, or ISO 8601)"
            )
        parts = [
            f"decision latency is by the target's clock: {self._place}, for {self._dated:,} of "
            f"{len(self._seen):,} decisions"
        ]
        if self._whole:
            parts.append("its times are whole seconds")
        if self._early:
            parts.append(
                f"{self._early:,} are from before the intended send and count as 0: the clocks "
                "differ"
            )
        return "; ".join(parts)
