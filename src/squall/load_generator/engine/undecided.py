"""Edge cases that were acknowledged and not decided: whether rightly so is not known yet.

Where a target takes transactions now and decides them later, its acknowledgement says nothing of
what it will do with an edge case. Such cases count as unknown until a decision is seen.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.engine.blocks import BLOCK_SHIFT, Block
from squall.models import Expected, Truth
from squall.models.interval import EDGE_SHAPE

_DOCUMENTED, _OTHERWISE, _UNKNOWN = range(3)


class UndecidedEdges:
    """Acknowledged edge cases since the last report, by case and whether a refusal is due."""

    def __init__(self) -> None:
        self._counts = np.zeros((EDGE_SHAPE[0], 2), np.int64)

    def note(self, seqs: NDArray[np.int64], blocks: Mapping[int, Block]) -> None:
        """Transactions were acknowledged; ``blocks`` are the unresolved ones by number."""
        numbers = seqs >> BLOCK_SHIFT
        for number in np.unique(numbers).tolist():
            batch = blocks[number].batch
            rows = seqs[numbers == number] - (number << BLOCK_SHIFT)
            rows = rows[batch.edge_case[rows] > 0]
            if len(rows):
                expected = batch.expected[rows]
                refusal_due = (expected == Expected.REJECTED) | (expected == Expected.CONFLICT)
                at = (batch.edge_case[rows], refusal_due.astype(np.int64))
                np.add.at(self._counts, at, 1)

    def take_from(self, truth: Truth) -> None:
        """Move them to the unknown ones in a report that counted them as accepted."""
        edges, counts = truth.edge_cases, self._counts
        edges[:, _DOCUMENTED] -= counts[:, 0]
        edges[:, _OTHERWISE] -= counts[:, 1]
        edges[:, _UNKNOWN] += counts.sum(axis=1)
        counts[:] = 0
