"""Turns raw completions into one interval's figures, in bulk, ten times a second."""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from squall.load_generator.engine.blocks import BLOCK_ROWS, BLOCK_SHIFT, Block
from squall.load_generator.engine.truth_cells import TruthCells
from squall.models import Counts, LatencyHistogram, Outcome, Truth
from squall.models.histogram import slot_of_whole

_Parts = list[NDArray[np.uint32]]
"""Sequence numbers, in pieces."""

LOG_ROWS = 16_384
"""Completions held before they are counted; more are counted early."""


class CompletionLog:
    """Preallocated rows: sequence number, last write and answer on the clock, packed end."""

    __slots__ = ("done_s", "end", "rows", "sent_s", "seq")

    def __init__(self) -> None:
        self.seq = array("q", bytes(8 * LOG_ROWS))
        self.sent_s = array("d", bytes(8 * LOG_ROWS))
        self.done_s = array("d", bytes(8 * LOG_ROWS))
        self.end = array("q", bytes(8 * LOG_ROWS))
        self.rows = 0


@dataclass(frozen=True, slots=True)
class LedgerDelta:
    """Sequence numbers that reached their end since the last report, by outcome.

    ``repeats`` are those whose wire id belongs to another arrival (repeated ids).
    """

    ends: tuple[BitMap, BitMap, BitMap, BitMap]
    repeats: BitMap


@dataclass(slots=True)
class Tries:
    """Earlier attempts of one transaction. ``doubtful``: one may have been taken by the target."""

    first_sent: float
    attempts: int = 1
    doubtful: bool = False


class Tally:
    """Accumulates between two reports. ``decides_later`` as ``TruthCells`` takes it."""

    def __init__(self, release: Callable[[Block], None], *, decides_later: bool = False) -> None:
        self._release = release
        self.start = 0.0
        """The run's start on the clock."""
        self.blocks: dict[int, Block] = {}
        """Unresolved blocks by number."""
        self.errors: Counter[str] = Counter()
        self.retried: dict[int, Tries] = {}
        """Transactions that are tried again, until they are counted."""
        self.response = LatencyHistogram()
        self.service = LatencyHistogram()
        self.lateness = LatencyHistogram()
        self._cells = TruthCells(decides_later=decides_later)
        self._reset()

    def _reset(self) -> None:
        self._unsent = 0
        self._unsent_ranges: list[tuple[int, int]] = []
        self._ended: tuple[_Parts, ...] = ([], [], [], [])
        self._repeated: _Parts = []
        self.response.clear()
        self.service.clear()
        self.lateness.clear()

    def absorb(self, log: CompletionLog) -> None:
        """Count and empty a completion log."""
        rows, log.rows = log.rows, 0
        if not rows:
            return
        seq = np.frombuffer(log.seq, np.int64, rows)
        sent = np.frombuffer(log.sent_s, np.float64, rows)
        done = np.frombuffer(log.done_s, np.float64, rows)
        end = np.frombuffer(log.end, np.int64, rows)
        first, last = int(seq.min()) >> BLOCK_SHIFT, int(seq.max()) >> BLOCK_SHIFT
        if first == last:
            self._absorb_block(first, seq, sent, done, end)
            return
        number = seq >> BLOCK_SHIFT
        order = np.argsort(number, kind="stable")
        seq, sent, done, end = seq[order], sent[order], done[order], end[order]
        number = number[order]
        edges = (np.flatnonzero(np.diff(number)) + 1).tolist()
        for low, high in itertools.pairwise([0, *edges, rows]):
            part = slice(low, high)
            self._absorb_block(int(number[low]), seq[part], sent[part], done[part], end[part])

    def _absorb_block(
        self,
        number: int,
        seq: NDArray[np.int64],
        sent: NDArray[np.float64],
        done: NDArray[np.float64],
        end: NDArray[np.int64],
    ) -> None:
        block = self.blocks[number]
        row = seq - (number << BLOCK_SHIFT)
        numbers = seq.astype(np.uint32)  # a copy: the log is written over
        outcome = end & 3
        self._latencies(seq, block.due_s[row] + self.start, sent, done, outcome)
        self._cells.add(block.classes[row], block.populations[row], end, block.batch.value_usd[row])
        if outcome.any():
            for code, parts in enumerate(self._ended):
                parts.append(numbers[outcome == code])
        else:
            self._ended[Outcome.ACCEPTED].append(numbers)
        if block.foreign is not None:
            self._repeated.append(numbers[block.foreign[row]])
        self._settle(number, block, len(seq))

    def _latencies(
        self,
        seq: NDArray[np.int64],
        due: NDArray[np.float64],
        sent: NDArray[np.float64],
        done: NDArray[np.float64],
        outcome: NDArray[np.int64],
    ) -> None:
        first = sent
        if self.retried:
            first = sent.copy()
            for i, number in enumerate(seq.tolist()):
                if number in self.retried:
                    first[i] = self.retried.pop(number).first_sent
        answered: slice | NDArray[np.bool_] = slice(None)
        written = answered
        if outcome.max() > Outcome.REJECTED:
            written, answered = outcome != Outcome.NOT_SENT, outcome <= Outcome.REJECTED
        lateness = (first - due)[written]
        response = (done - due)[answered]
        seconds = np.concatenate((lateness, response, (done - sent)[answered]))
        seconds *= 1e6
        slots = slot_of_whole(np.rint(seconds, out=seconds))
        one, two = len(lateness), len(lateness) + len(response)
        self.lateness.record_slots(slots[:one])
        self.response.record_slots(slots[one:two])
        self.service.record_slots(slots[two:])

    def not_sent(self, first: int, last: int, kind: str) -> None:
        """Sequence numbers first … last − 1 will never be sent; ``kind`` says why."""
        if last <= first:
            return
        self._unsent_ranges.append((first, last))
        self._unsent += last - first
        self.errors[kind] += last - first
        for number in range(first >> BLOCK_SHIFT, (last - 1 >> BLOCK_SHIFT) + 1):
            block = self.blocks.get(number)
            if block is not None:
                low = max(first, number << BLOCK_SHIFT)
                high = min(last, (number << BLOCK_SHIFT) + BLOCK_ROWS)
                self._settle(number, block, high - low)

    def _settle(self, number: int, block: Block, rows: int) -> None:
        block.unresolved -= rows
        if block.unresolved == 0:
            del self.blocks[number]
            self._release(block)

    def take(self, planned: int, attempts: int) -> tuple[Counts, Truth, Mapping[str, int]]:
        """Counts, truth and errors since the last call (histograms and ledger are read before)."""
        ends, refusals_due, truth = self._cells.take()
        counts = Counts(
            planned=planned,
            accepted=int(ends[Outcome.ACCEPTED]),
            rejected=int(ends[Outcome.REJECTED]),
            indeterminate=int(ends[Outcome.INDETERMINATE]),
            not_sent=int(ends[Outcome.NOT_SENT]) + self._unsent,
            rejected_expected=refusals_due,
            attempts=attempts,
        )
        errors = dict(self.errors)
        self.errors.clear()
        self._reset()
        return counts, truth, errors

    def ledger_delta(self) -> LedgerDelta:
        """The ends since the last ``take``, packed for sending."""
        accepted, rejected, indeterminate, not_sent = (_bitmap(parts) for parts in self._ended)
        for first, last in self._unsent_ranges:
            not_sent.add_range(first, last)
        for bitmap in (accepted, rejected, indeterminate, not_sent):
            bitmap.run_optimize()
        ends = (accepted, rejected, indeterminate, not_sent)
        return LedgerDelta(ends, _bitmap(self._repeated))


def _bitmap(parts: _Parts) -> BitMap:
    """A set of these numbers; by way of an array, which pyroaring takes faster than NumPy's."""
    if not parts:
        return BitMap()
    return BitMap(array("I", np.concatenate(parts).tobytes()))
