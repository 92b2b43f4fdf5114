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
from squall.models import (
    Counts,
    Decision,
    Expected,
    Label,
    LatencyHistogram,
    Outcome,
    Truth,
)
from squall.models.interval import EDGE_SHAPE, SCORE_BINS, TRUTH_SHAPE

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
    """Accumulates between two reports."""

    def __init__(self, release: Callable[[Block], None]) -> None:
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
        self._reset()

    def _reset(self) -> None:
        self.truth = Truth()
        self.outcomes = np.zeros(4, dtype=np.int64)
        self.rejected_expected = 0
        self.ends = (BitMap(), BitMap(), BitMap(), BitMap())
        self.repeats = BitMap()
        self.response.clear()
        self.service.clear()
        self.lateness.clear()

    def absorb(self, log: CompletionLog) -> None:
        """Count and empty a completion log."""
        rows, log.rows = log.rows, 0
        if not rows:
            return
        seq = np.frombuffer(log.seq, np.int64, rows)
        order = np.argsort(seq, kind="stable")
        seq = seq[order]
        sent = np.frombuffer(log.sent_s, np.float64, rows)[order]
        done = np.frombuffer(log.done_s, np.float64, rows)[order]
        end = np.frombuffer(log.end, np.int64, rows)[order]
        number = seq >> BLOCK_SHIFT
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
        due = block.due_s[row] + self.start
        outcome = end & 3
        self._latencies(seq, due, sent, done, outcome)
        self._ground_truth(block, row, end)
        self.outcomes += np.bincount(outcome, minlength=4)
        for code, bitmap in enumerate(self.ends):
            _add(bitmap, seq[outcome == code])
        foreign = block.batch.wire_index[row] != block.indices[row]
        if foreign.any():
            _add(self.repeats, seq[foreign])
        self._settle(number, block, len(seq))

    def _latencies(
        self,
        seq: NDArray[np.int64],
        due: NDArray[np.float64],
        sent: NDArray[np.float64],
        done: NDArray[np.float64],
        outcome: NDArray[np.int64],
    ) -> None:
        written = outcome != Outcome.NOT_SENT
        answered = outcome <= Outcome.REJECTED
        first = sent
        if self.retried:
            first = sent.copy()
            for i, number in enumerate(seq.tolist()):
                if number in self.retried:
                    first[i] = self.retried.pop(number).first_sent
        self.lateness.record(_micros((first - due)[written]))
        self.response.record(_micros((done - due)[answered]))
        self.service.record(_micros((done - sent)[answered]))

    def _ground_truth(self, block: Block, row: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        batch, truth = block.batch, self.truth
        outcome, decision, scored = end & 3, (end >> 2) & 3, end >> 4
        edge = batch.label[row] == Label.EDGE_CASE
        decided = ~edge & (outcome == Outcome.ACCEPTED) & (decision != Decision.NONE)
        cell = batch.typology[row].astype(np.int64) * len(Decision) + decision
        size = TRUTH_SHAPE[0] * TRUTH_SHAPE[1]
        at = cell[decided]
        truth.decisions[:] += np.bincount(at, minlength=size).reshape(TRUTH_SHAPE)
        truth.value_usd[:] += np.bincount(
            at, weights=batch.value_usd[row][decided], minlength=size
        ).reshape(TRUTH_SHAPE)
        with_score = decided & (scored < SCORE_BINS)
        if with_score.any():
            fraud = (batch.label[row] == Label.FRAUD).astype(np.int64)
            flat = (fraud * SCORE_BINS + scored)[with_score]
            truth.scores[:] += np.bincount(flat, minlength=2 * SCORE_BINS).reshape(2, SCORE_BINS)
        if edge.any():
            self._edge_cases(block, row[edge], outcome[edge])

    def _edge_cases(self, block: Block, row: NDArray[np.int64], outcome: NDArray[np.int64]) -> None:
        expected = block.batch.expected[row]
        refusal_due = (expected == Expected.REJECTED) | (expected == Expected.CONFLICT)
        rejected = outcome == Outcome.REJECTED
        self.rejected_expected += int((refusal_due & rejected).sum())
        result = np.where(rejected == refusal_due, 0, 1)
        result[outcome >= Outcome.INDETERMINATE] = 2
        flat = block.batch.edge_case[row].astype(np.int64) * EDGE_SHAPE[1] + result
        counted = np.bincount(flat, minlength=EDGE_SHAPE[0] * EDGE_SHAPE[1])
        self.truth.edge_cases[:] += counted.reshape(EDGE_SHAPE)

    def not_sent(self, first: int, last: int, kind: str) -> None:
        """Sequence numbers first … last − 1 will never be sent; ``kind`` says why."""
        if last <= first:
            return
        self.ends[Outcome.NOT_SENT].add_range(first, last)
        self.outcomes[Outcome.NOT_SENT] += last - first
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
        ends = self.outcomes
        counts = Counts(
            planned=planned,
            accepted=int(ends[Outcome.ACCEPTED]),
            rejected=int(ends[Outcome.REJECTED]),
            indeterminate=int(ends[Outcome.INDETERMINATE]),
            not_sent=int(ends[Outcome.NOT_SENT]),
            rejected_expected=self.rejected_expected,
            attempts=attempts,
        )
        truth, errors = self.truth, dict(self.errors)
        self.errors.clear()
        self._reset()
        return counts, truth, errors

    def ledger_delta(self) -> LedgerDelta:
        """The ends since the last ``take``, packed for sending."""
        for bitmap in self.ends:
            bitmap.run_optimize()
        return LedgerDelta(self.ends, self.repeats)


def _micros(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.maximum(np.rint(seconds * 1e6), 0).astype(np.int64)


def _add(bitmap: BitMap, numbers: NDArray[np.int64]) -> None:
    """Add numbers; by way of an array, which pyroaring takes six times faster than NumPy's."""
    if len(numbers):
        bitmap |= BitMap(array("I", numbers.astype(np.uint32).tobytes()))
