"""Holds the target's own records against the ledger: what was lost, doubled, never asked for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from squall.load_generator.ledger import Ledger
from squall.models import (
    Accounting,
    Counts,
    Expected,
    Outcome,
    SourceSpec,
    TransactionSource,
    index_of,
    transaction_id,
)

IDS_LISTED = 1000
"""Ids of each kind that a result lists."""
_AMOUNT_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """Part of a target's decisions of one run: ids, and amounts in minor units if it has them."""

    ids: Sequence[str]
    amounts_minor: Sequence[int] | None = None


class Reconciliation:
    """Takes the target's records page by page; ``close`` says how they agree with the ledger.

    ``deferred_fields``: the fields that were sent to a target that acknowledges before it decides.
    There an acknowledged edge case that is due to be refused may leave no record.
    """

    def __init__(
        self,
        ledger: Ledger,
        run_tag: str,
        source: SourceSpec | None,
        *,
        deferred_fields: frozenset[str] | None = None,
    ) -> None:
        self._as_sent = (
            None
            if source is None or deferred_fields is None
            else source.build(run_tag, deferred_fields)
        )
        self._ledger = ledger
        self._run_tag = run_tag
        self._source = None if source is None else source.build(run_tag, frozenset())
        self._due = ledger.arrivals(Outcome.ACCEPTED) | ledger.arrivals(Outcome.INDETERMINATE)
        self._borrowed = self._borrowed_ids()
        self._seen = BitMap64()
        self._duplicated = BitMap64()
        self._strangers: list[str] = []
        self._stranger_count = 0
        self._amount_difference = 0
        self._amounts_known = source is not None and source.amounts_known
        self._records = 0

    @property
    def records(self) -> int:
        """Records read so far."""
        return self._records

    def add(self, page: DecisionPage) -> None:
        """Take a page of records."""
        self._records += len(page.ids)
        indices = np.empty(len(page.ids), dtype=np.int64)
        for at, wire_id in enumerate(page.ids):
            index = index_of(wire_id, self._run_tag)
            if index is None:
                self._stranger(wire_id)
            indices[at] = -1 if index is None else index
        ours = indices >= 0
        known = indices[ours]
        self._note(known)
        if page.amounts_minor is None:
            self._amounts_known = False
        elif self._source is not None and self._amounts_known:
            amounts = np.array(page.amounts_minor, dtype=np.int64)[ours]
            self._compare_amounts(self._source, known, amounts)

    def _borrowed_ids(self) -> BitMap64:
        """Ids that only a repeated id can have brought there: their own transaction was not taken.

        The target had every right to decide the repeat as the first of its id, with its amount.
        """
        repeats = self._ledger.repeats(Outcome.ACCEPTED)
        repeats |= self._ledger.repeats(Outcome.INDETERMINATE)
        if self._source is None or not repeats:
            return BitMap64()
        own = np.fromiter(repeats, dtype=np.int64, count=len(repeats))
        return BitMap64(self._source.batch(own).wire_index.astype(np.uint64)) - self._due

    def _stranger(self, wire_id: str) -> None:
        self._stranger_count += 1
        if len(self._strangers) < IDS_LISTED:
            self._strangers.append(wire_id)

    def _note(self, indices: NDArray[np.int64]) -> None:
        unique, times = np.unique(indices, return_counts=True)
        page = BitMap64(unique.astype(np.uint64))
        self._duplicated |= page & self._seen
        self._duplicated |= BitMap64(unique[times > 1].astype(np.uint64))
        self._seen |= page

    def _compare_amounts(
        self,
        source: TransactionSource,
        indices: NDArray[np.int64],
        amounts: NDArray[np.int64],
    ) -> None:
        for at in range(0, len(indices), _AMOUNT_CHUNK):
            chunk = indices[at : at + _AMOUNT_CHUNK]
            difference = amounts[at : at + _AMOUNT_CHUNK] - source.batch(chunk).amount_minor
            for row in np.flatnonzero(difference).tolist():
                if int(chunk[row]) not in self._borrowed:
                    self._amount_difference += int(difference[row])

    def close(self, counts: Counts, note: str = "") -> Accounting:
        """The whole account. ``counts`` are the run's totals."""
        ledger, seen = self._ledger, self._seen
        accepted = ledger.arrivals(Outcome.ACCEPTED)
        indeterminate = ledger.arrivals(Outcome.INDETERMINATE)
        lost, refused_later = accepted - seen, 0
        if self._as_sent is not None and (spared := refusals_due(self._as_sent, lost)):
            lost -= spared
            refused_later = len(spared)
            told = f"{refused_later:,} acknowledged edge cases, due to be refused, left no record"
            note = f"{note}; {told}" if note else told
        unexpected = seen - self._due - self._borrowed
        unresolved = indeterminate - seen
        amounts_agree = not self._amounts_known or self._amount_difference == 0
        unexpected_count = len(unexpected) + self._stranger_count
        return replace(
            _own_side(ledger, counts),
            refused_later=refused_later,
            seen=len(seen),
            lost=len(lost),
            duplicated=len(self._duplicated),
            unexpected=unexpected_count,
            recovered=len(seen & indeterminate),
            unresolved=len(unresolved),
            amount_difference_minor=self._amount_difference if self._amounts_known else None,
            reconciled=not lost and not self._duplicated and not unexpected_count and amounts_agree,
            lost_ids=self._ids(lost),
            duplicated_ids=self._ids(self._duplicated),
            unexpected_ids=(*self._strangers, *self._ids(unexpected))[:IDS_LISTED],
            unresolved_ids=self._ids(unresolved),
            note=note,
        )

    def _ids(self, arrivals: BitMap64) -> tuple[str, ...]:
        return list_ids(arrivals, self._run_tag)


def refusals_due(source: TransactionSource, arrivals: BitMap64) -> BitMap64:
    """Of these arrivals, those that ought to be refused; ``source`` makes them as sent."""
    due = BitMap64()
    indices = iter(arrivals)
    while chunk := list(itertools.islice(indices, _AMOUNT_CHUNK)):
        expected = source.batch(np.array(chunk, dtype=np.int64)).expected
        refused = (expected == Expected.REJECTED) | (expected == Expected.CONFLICT)
        due.update(np.array(chunk, dtype=np.uint64)[refused])
    return due


def list_ids(arrivals: BitMap64, run_tag: str) -> tuple[str, ...]:
    """The first wire ids of a set of arrivals."""
    ids: list[str] = []
    for index in arrivals:
        if len(ids) == IDS_LISTED:
            break
        ids.append(transaction_id(run_tag, index))
    return tuple(ids)


def without_final_read(ledger: Ledger, counts: Counts, run_tag: str, note: str) -> Accounting:
    """The account of a run whose target's records could not be read: losses are unknown."""
    indeterminate = ledger.arrivals(Outcome.INDETERMINATE)
    unresolved_ids = list_ids(indeterminate, run_tag)
    return replace(_own_side(ledger, counts), unresolved_ids=unresolved_ids, note=note)


def _own_side(ledger: Ledger, counts: Counts) -> Accounting:
    """What the ledger alone knows."""
    return Accounting(
        planned=ledger.planned,
        accepted=ledger.count(Outcome.ACCEPTED),
        rejected=ledger.count(Outcome.REJECTED),
        indeterminate=ledger.count(Outcome.INDETERMINATE),
        not_sent=ledger.count(Outcome.NOT_SENT),
        rejected_expected=counts.rejected_expected,
        attempts=counts.attempts,
        replayed=len(ledger.repeats(Outcome.ACCEPTED)),
    )
