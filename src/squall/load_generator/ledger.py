"""Where every transaction of a run ended, by number, in compressed bitmaps.

Worker k of N numbers its transactions 0, 1, 2 …; number ``seq`` is arrival seq · N + k. Kept by
the run's side and fed ten times a second, so a worker that dies takes at most its last tenth of a
second with it, and that is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from squall.load_generator.engine.tally import LedgerDelta
from squall.models import Counts, Outcome

_CHUNK = 1 << 20


@dataclass(slots=True)
class WorkerLedger:
    """One worker's transactions by outcome; ``repeats`` are those sent under another's id."""

    ends: tuple[BitMap64, BitMap64, BitMap64, BitMap64] = field(
        default_factory=lambda: (BitMap64(), BitMap64(), BitMap64(), BitMap64())
    )
    repeats: BitMap64 = field(default_factory=BitMap64)
    planned: int = 0

    def add(self, delta: LedgerDelta, planned: int) -> None:
        """Take a report over."""
        for mine, theirs in zip(self.ends, delta.ends, strict=True):
            mine.update(BitMap64(theirs))
        self.repeats.update(BitMap64(delta.repeats))
        self.planned = planned

    def settled(self) -> int:
        """How many have reached an end."""
        return sum(len(end) for end in self.ends)

    def settle_lost_worker(self, written_below: int) -> Counts:
        """The worker died: all that it may have written and not reported is indeterminate.

        Those are the numbers below ``written_below`` and below what it had said was due. Returns
        what was added.
        """
        below = max(written_below, self.planned)
        maybe = BitMap64()
        maybe.add_range(0, below)
        for end in self.ends:
            maybe -= end
        self.ends[Outcome.INDETERMINATE].update(maybe)
        added, self.planned = below - self.planned, below
        return Counts(planned=added, indeterminate=len(maybe))

    def leave_unsent(self, planned: int) -> Counts:
        """Its worker is dead: what is due beyond what has been settled is not sent.

        ``planned``: numbers below it are due. Returns what was added.
        """
        added = planned - self.planned
        if added <= 0:
            return Counts()
        self.ends[Outcome.NOT_SENT].add_range(self.planned, planned)
        self.planned = planned
        return Counts(planned=added, not_sent=added)


class Ledger:
    """All workers' ledgers of one run."""

    def __init__(self, workers: int) -> None:
        self.workers = tuple(WorkerLedger() for _ in range(workers))

    @property
    def planned(self) -> int:
        """Transactions that were due in the whole run."""
        return sum(worker.planned for worker in self.workers)

    def count(self, outcome: Outcome) -> int:
        """Transactions with this outcome."""
        return sum(len(worker.ends[outcome]) for worker in self.workers)

    def arrivals(self, outcome: Outcome) -> BitMap64:
        """Arrival indices with this outcome, those under another's id left out."""
        return self._to_arrivals([worker.ends[outcome] - worker.repeats for worker in self.workers])

    def repeats(self, outcome: Outcome) -> BitMap64:
        """Arrival indices with this outcome that were sent under another's id."""
        return self._to_arrivals([worker.ends[outcome] & worker.repeats for worker in self.workers])

    def _to_arrivals(self, parts: list[BitMap64]) -> BitMap64:
        workers = len(self.workers)
        if workers == 1:
            return parts[0].copy()
        arrivals = BitMap64()
        for number, part in enumerate(parts):
            for chunk in _chunks(part):
                arrivals.update(chunk * workers + number)
        return arrivals

    def check_balance(self) -> None:
        """Assert that every planned transaction has exactly one end.

        Raises:
            AssertionError: the four ends overlap or do not sum to the plan.
        """
        for number, worker in enumerate(self.workers):
            union = BitMap64()
            for end in worker.ends:
                union |= end
            if not len(union) == worker.settled() == worker.planned:
                raise AssertionError(
                    f"worker {number}: {worker.planned} planned, {worker.settled()} ends of "
                    f"{len(union)} transactions"
                )


def _chunks(bitmap: BitMap64) -> list[NDArray[np.uint64]]:
    values = np.fromiter(bitmap, dtype=np.uint64, count=len(bitmap))
    return [values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK)]
