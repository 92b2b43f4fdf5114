"""Sums of any number of intervals: counts, ground truth, errors and three histograms."""

from __future__ import annotations

from collections import Counter

import numpy as np

from squall.models import Accounting, Counts, Interval, LatencyHistogram, Truth
from squall.models.interval import EDGE_SHAPE, SCORE_BINS, TRUTH_SHAPE


class Totals:
    """The sum of the intervals added so far, in whatever order they came.

    Its size does not depend on how many were added.
    """

    __slots__ = ("counts", "errors", "lateness", "response", "service", "truth")

    def __init__(self) -> None:
        self.counts = Counts()
        self.errors: Counter[str] = Counter()
        self.response = LatencyHistogram()
        self.service = LatencyHistogram()
        self.lateness = LatencyHistogram()
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
        # In place: ``Truth`` is a frozen value, but these arrays are this object's own.
        np.add(self.truth.decisions, interval.truth.decisions, out=self.truth.decisions)
        np.add(self.truth.value_usd, interval.truth.value_usd, out=self.truth.value_usd)
        np.add(self.truth.scores, interval.truth.scores, out=self.truth.scores)
        np.add(self.truth.edge_cases, interval.truth.edge_cases, out=self.truth.edge_cases)

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
