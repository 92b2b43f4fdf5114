"""Sums of any number of intervals: counts, ground truth, errors and three histograms."""

from __future__ import annotations

from collections import Counter

import numpy as np

from squall.models import (
    Accounting,
    Counts,
    DecisionInterval,
    Interval,
    LatencyHistogram,
    Receipt,
    Truth,
)
from squall.models.interval import EDGE_SHAPE, SCORE_BINS, TRUTH_SHAPE


class Totals:
    """The sum of the intervals added so far, in whatever order they came.

    Its size does not depend on how many were added.
    """

    __slots__ = (
        "counts",
        "decision",
        "errors",
        "lateness",
        "receipts",
        "response",
        "retried",
        "service",
        "truth",
    )

    def __init__(self) -> None:
        self.counts = Counts()
        self.errors: Counter[str] = Counter()
        self.response = LatencyHistogram()
        self.service = LatencyHistogram()
        self.lateness = LatencyHistogram()
        self.decision = LatencyHistogram()
        self.retried: Counter[str] = Counter()
        self.receipts: dict[str, Receipt] = {}
        """By place."""
        self.truth = Truth(
            np.zeros(TRUTH_SHAPE, np.int64),
            np.zeros(TRUTH_SHAPE),
            np.zeros((2, SCORE_BINS), np.int64),
            np.zeros(EDGE_SHAPE, np.int64),
        )

    def add(self, interval: Interval) -> None:
        """Add one interval."""
        self.counts = self.counts + interval.counts
        self.errors.update(interval.errors)
        self.response.merge(interval.response)
        self.service.merge(interval.service)
        self.lateness.merge(interval.lateness)
        self.retried.update(interval.retried)
        for receipt in interval.receipts:
            known = self.receipts.get(receipt.place)
            self.receipts[receipt.place] = receipt if known is None else known + receipt
        self._add_truth(interval.truth)

    def add_decisions(self, interval: DecisionInterval) -> None:
        """Add decisions that came by another channel."""
        self.decision.merge(interval.decision)
        self._add_truth(interval.truth)

    def _add_truth(self, truth: Truth) -> None:
        # In place: ``Truth`` is a frozen value, but these arrays are this object's own.
        np.add(self.truth.decisions, truth.decisions, out=self.truth.decisions)
        np.add(self.truth.value_usd, truth.value_usd, out=self.truth.value_usd)
        np.add(self.truth.scores, truth.scores, out=self.truth.scores)
        np.add(self.truth.edge_cases, truth.edge_cases, out=self.truth.edge_cases)

    def accounting(self, note: str = "") -> Accounting:
        """The accounting as the generator alone knows it: nothing about the target's records."""
        counts = self.counts
        return Accounting(
            planned=counts.planned,
            accepted=counts.accepted,
            rejected=counts.rejected,
            indeterminate=counts.indeterminate,
            not_sent=counts.not_sent,
            rejected_expected=counts.rejected_expected,
            attempts=counts.attempts,
            note=note,
        )
