"""Decisions seen by another channel, held against the schedule, the ground truth and each other.

The intended send of every transaction follows from its number and the schedule, so nothing has to
be kept per transaction but one bit. Two decisions on one id are told from one decision delivered
twice by their digests; those are kept for the newest four million transactions or so (32 MB), and
a second decision on an older one counts as another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from squall.load_generator import DecisionPage
from squall.load_generator.engine.truth_cells import TruthCells, classes_of, populations_of
from squall.load_generator.reconcile import refusals_due
from squall.load_generator.target_spec import NO_SCORE, pack_end, score_bin
from squall.metrics.schedule import Schedule
from squall.models import (
    DecisionBatch,
    DecisionEvent,
    DecisionInterval,
    LatencyHistogram,
    Outcome,
    SparseCounts,
    TransactionSource,
    Truth,
    index_of,
    transaction_id,
)

_CHUNK_SHIFT = 16
_CHUNKS_KEPT = 64
_PAGE = 10_000
_UNKNOWN = 2
"""Column of edge cases that were acknowledged and not decided (``Truth.edge_cases``)."""


class LateDecisions:
    """What was decided of one run, so far.

    ``source`` makes the transactions as they are sent; ``started_s`` gives the run's start on the
    clock; ``amounts_known`` is as ``SourceSpec`` states it.
    """

    def __init__(
        self,
        run_tag: str,
        source: TransactionSource,
        schedule: Schedule,
        started_s: Callable[[], float],
        *,
        amounts_known: bool = True,
    ) -> None:
        self._run_tag = run_tag
        self._source = source
        self._schedule = schedule
        self._started_s = started_s
        self._cells = TruthCells()
        self._digests: dict[int, NDArray[np.int64]] = {}
        self._forgotten: set[int] = set()
        self._last_s = 0.0
        self.decided = BitMap64()
        """Arrivals with a decision."""
        self.refused = BitMap64()
        """Arrivals that were taken in and refused."""
        self.duplicated = BitMap64()
        """Arrivals on which two different decisions were seen."""
        self.replays = 0
        self._other_amounts: dict[int, int] = {}
        """Amounts that were decided on, where they are not those that were sent."""
        self._amounts_known = amounts_known

    @property
    def seen(self) -> BitMap64:
        """Arrivals that reached an end of any kind."""
        return self.decided | self.refused

    def add(self, batch: DecisionBatch) -> DecisionInterval:
        """Take events that were seen together; what they add to the run's figures."""
        at_s = batch.seen_at_s - self._started_s()
        fresh: list[int] = []
        events: list[DecisionEvent] = []
        for event in batch.events:
            index = index_of(event.wire_id, self._run_tag)
            if index is not None and self._is_fresh(index, event):
                fresh.append(index)
                events.append(event)
        start_s, self._last_s = self._last_s, max(at_s, self._last_s)
        indices = np.array(fresh, dtype=np.int64)
        return DecisionInterval(
            start_s=min(start_s, at_s),
            end_s=at_s,
            decided=len(fresh),
            decision=self._latencies(indices, events, at_s),
            truth=self._truth(indices, events),
        )

    def _is_fresh(self, index: int, event: DecisionEvent) -> bool:
        """Whether this is the first decision, or refusal, on a transaction; notes what else."""
        if event.replay:
            self.replays += 1
            if index in self.decided or index in self.refused:
                return False
        elif event.refused:
            if index in self.refused or index in self.decided:
                return False
        elif not self._is_new_digest(index, event.digest):
            return False
        (self.refused if event.refused else self.decided).add(index)
        return True

    def _is_new_digest(self, index: int, digest: int) -> bool:
        """Whether nothing was decided on it before; a different decision is a duplicate."""
        number = index >> _CHUNK_SHIFT
        chunk = self._digests.get(number)
        if chunk is None:
            if number in self._forgotten:
                if index in self.decided:
                    self.duplicated.add(index)
                    return False
                return True
            chunk = self._digests[number] = np.zeros(1 << _CHUNK_SHIFT, np.int64)
            if len(self._digests) > _CHUNKS_KEPT:
                oldest = min(self._digests)
                del self._digests[oldest]
                self._forgotten.add(oldest)
        at = index & ((1 << _CHUNK_SHIFT) - 1)
        known = int(chunk[at])
        if known == 0:
            chunk[at] = digest
            return index not in self.decided
        if known != digest:
            self.duplicated.add(index)
        return False

    def _latencies(
        self, indices: NDArray[np.int64], events: Sequence[DecisionEvent], at_s: float
    ) -> SparseCounts:
        histogram = LatencyHistogram()
        decided = np.array([not event.refused for event in events], dtype=bool)
        if decided.any():
            due_s = self._schedule.due(indices[decided])
            due_s = due_s[np.isfinite(due_s)]
            micros = np.maximum(np.rint((at_s - due_s) * 1e6), 0)
            histogram.record(micros.astype(np.int64))
        return histogram.sparse()

    def _truth(self, indices: NDArray[np.int64], events: Sequence[DecisionEvent]) -> Truth:
        if not len(indices):
            return Truth()
        batch = self._source.batch(indices)
        if self._amounts_known:
            self._compare_amounts(indices.tolist(), events, batch.amount_minor.tolist())
        classes = classes_of(batch)
        ends = np.array([_end_of(event) for event in events], dtype=np.int64)
        self._cells.add(classes, populations_of(classes), ends, batch.value_usd)
        _, _, truth = self._cells.take()
        truth.edge_cases[:, _UNKNOWN] -= truth.edge_cases[:, :_UNKNOWN].sum(axis=1)
        return truth

    def _compare_amounts(
        self, indices: list[int], events: Sequence[DecisionEvent], sent: list[int]
    ) -> None:
        for index, event, amount in zip(indices, events, sent, strict=True):
            if event.refused:
                continue
            if event.amount_minor is None:
                self._amounts_known = False
            elif event.amount_minor != amount:
                self._other_amounts[index] = event.amount_minor

    def owed(self, arrivals: BitMap64) -> BitMap64:
        """Of these acknowledged arrivals, those that must be decided: all but due refusals."""
        return arrivals - refusals_due(self._source, arrivals)

    # As records of the target

    def pages(self) -> Iterator[DecisionPage]:
        """All ids with an end, and once more those with two decisions; amounts if known."""
        for indices in _chunks(self.seen):
            yield self._page(indices)
        for indices in _chunks(self.duplicated):
            yield self._page(indices)

    def duplicates(self) -> Iterator[DecisionPage]:
        """The ids with two decisions, each twice."""
        for indices in _chunks(self.duplicated):
            yield self._page([*indices, *indices])

    def _page(self, indices: list[int]) -> DecisionPage:
        ids = [transaction_id(self._run_tag, index) for index in indices]
        return DecisionPage(ids, self._amounts(indices) if self._amounts_known else None)

    def _amounts(self, indices: list[int]) -> list[int]:
        sent = self._source.batch(np.array(indices, dtype=np.int64)).amount_minor.tolist()
        other = self._other_amounts
        if not other:
            return list(sent)
        return [other.get(index, amount) for index, amount in zip(indices, sent, strict=True)]


def _chunks(arrivals: BitMap64) -> Iterator[list[int]]:
    indices = iter(arrivals)
    while chunk := list(itertools.islice(indices, _PAGE)):
        yield chunk


def _end_of(event: DecisionEvent) -> int:
    if event.refused:
        return pack_end(Outcome.REJECTED)
    score = NO_SCORE if event.score is None else score_bin(event.score)
    return pack_end(Outcome.ACCEPTED, event.decision, score)
