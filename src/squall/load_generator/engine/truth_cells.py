"""Ground truth against ends: a few additions per transaction, matrices ten times a second.

A transaction's *class* says what it is: its typology (0: legitimate), fraud without one, unlabelled
or an edge case that is or is not to be refused. Its *end* is outcome, decision and score
(``pack_end``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.target_spec import pack_end
from squall.models import Decision, Expected, Label, Outcome, TransactionBatch, Truth, Typology
from squall.models.interval import EDGE_SHAPE, SCORE_BINS, TRUTH_SHAPE, UNLABELLED, UNNAMED_FRAUD

_FIRST_EDGE = TRUTH_SHAPE[0]
_CLASSES = _FIRST_EDGE + 2 * EDGE_SHAPE[0]
_END_SHAPE = (len(Decision), len(Outcome))
_ENDS = len(Decision) * len(Outcome)
"""Ends without the score."""
_SCORED_ENDS = pack_end(max(Outcome), max(Decision)) + 1
_DOCUMENTED, _OTHERWISE, _UNKNOWN = range(3)


def classes_of(batch: TransactionBatch) -> NDArray[np.int64]:
    """The class of each transaction, shape (n,)."""
    classes = batch.typology.astype(np.int64)
    classes[(batch.label == Label.FRAUD) & (batch.typology == Typology.NONE)] = UNNAMED_FRAUD
    classes[batch.label == Label.UNKNOWN] = UNLABELLED
    edge = np.flatnonzero(batch.label == Label.EDGE_CASE)
    if len(edge):
        expected = batch.expected[edge]
        refusal_due = (expected == Expected.REJECTED) | (expected == Expected.CONFLICT)
        classes[edge] = _FIRST_EDGE + 2 * batch.edge_case[edge].astype(np.int64) + refusal_due
    return classes


def populations_of(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Legitimate (0), fraud (1) or neither (2), shape (n,)."""
    return (classes > 0).astype(np.int64) + (classes >= UNLABELLED)


class TruthCells:
    """Counts by class and end and by population and score; value in US dollars by class and end.

    ``decides_later``: what is accepted without a decision was only acknowledged. Whether an edge
    case was treated rightly is unknown then, until its decision is seen.
    """

    def __init__(self, *, decides_later: bool = False) -> None:
        self._decides_later = decides_later
        self._counts = np.zeros(_CLASSES * _ENDS, np.int64)
        self._value_usd = np.zeros(_CLASSES * _ENDS)
        self._scores = np.zeros(3 * _SCORED_ENDS, np.int64)

    def add(
        self,
        classes: NDArray[np.int64],
        populations: NDArray[np.int64],
        ends: NDArray[np.int64],
        value_usd: NDArray[np.float64],
    ) -> None:
        """Count transactions, all arrays of shape (n,)."""
        cells = classes * _ENDS
        cells += ends & (_ENDS - 1)
        np.add.at(self._counts, cells, 1)
        np.add.at(self._value_usd, cells, value_usd)
        np.add.at(self._scores, populations * _SCORED_ENDS + ends, 1)

    def take(self) -> tuple[NDArray[np.int64], int, Truth]:
        """Transactions by outcome, shape (4,), refusals that were due, the truth; then anew."""
        counts = self._counts.reshape(_CLASSES, *_END_SHAPE)
        value = self._value_usd.reshape(_CLASSES, *_END_SHAPE)[:, :, Outcome.ACCEPTED]
        scores = self._scores.reshape(3, SCORE_BINS + 1, *_END_SHAPE)
        accepted = counts[:, :, Outcome.ACCEPTED]
        truth = Truth()
        truth.decisions[:, 1:] = accepted[:_FIRST_EDGE, 1:]
        truth.value_usd[:, 1:] = value[:_FIRST_EDGE, 1:]
        truth.scores[:] = scores[:2, :SCORE_BINS, 1:, Outcome.ACCEPTED].sum(axis=2)
        by_class = counts.sum(axis=1)
        refusals_due = _edge_cases(by_class[_FIRST_EDGE:], truth)
        if self._decides_later:
            _acknowledged(accepted[_FIRST_EDGE:, Decision.NONE], truth)
        for cells in (self._counts, self._value_usd, self._scores):
            cells[:] = 0
        return by_class.sum(axis=0), refusals_due, truth


def _edge_cases(by_outcome: NDArray[np.int64], truth: Truth) -> int:
    """Fill in the edge cases; returns those that were refused as they should be."""
    kind = by_outcome.reshape(EDGE_SHAPE[0], 2, len(Outcome))
    accepted, rejected = kind[:, :, Outcome.ACCEPTED], kind[:, :, Outcome.REJECTED]
    truth.edge_cases[:, _DOCUMENTED] = accepted[:, 0] + rejected[:, 1]
    truth.edge_cases[:, _OTHERWISE] = accepted[:, 1] + rejected[:, 0]
    truth.edge_cases[:, _UNKNOWN] = kind[:, :, Outcome.INDETERMINATE :].sum(axis=(1, 2))
    return int(rejected[:, 1].sum())


def _acknowledged(undecided: NDArray[np.int64], truth: Truth) -> None:
    """Move edge cases that were counted by their acknowledgement to the unknown ones."""
    kind = undecided.reshape(EDGE_SHAPE[0], 2)
    truth.edge_cases[:, _DOCUMENTED] -= kind[:, 0]
    truth.edge_cases[:, _OTHERWISE] -= kind[:, 1]
    truth.edge_cases[:, _UNKNOWN] += kind.sum(axis=1)
