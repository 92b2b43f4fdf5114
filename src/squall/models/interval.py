"""What one worker saw in one tenth of a second: the unit in which measurements travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from squall.models.edge_cases import EdgeCase
from squall.models.enums import Decision, Typology
from squall.models.histogram import SparseCounts

SCORE_BINS = 200
"""Bins of the risk score on 0 … 1."""
UNNAMED_FRAUD = len(Typology)
"""Row of the ground truth of fraud without a typology."""
UNLABELLED = UNNAMED_FRAUD + 1
"""Row of transactions of which nobody said what they are."""
FRAUD_ROWS = slice(Typology.NONE + 1, UNLABELLED)
"""Rows of fraud, by typology and without one."""
FRAUD_NAMES = (*(t.name.lower() for t in Typology if t is not Typology.NONE), "unnamed")
"""What the ``FRAUD_ROWS`` are called, in order."""
TRUTH_SHAPE = (UNLABELLED + 1, len(Decision))
"""Rows: a typology each (0: legitimate), fraud without one, unlabelled."""
EDGE_SHAPE = (len(EdgeCase), 3)
"""Columns: as documented, otherwise, unknown (indeterminate or not sent)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Transactions that reached each state. ``planned`` are those whose intended time has passed.

    At the close of a run planned = accepted + rejected + indeterminate + not_sent.
    """

    planned: int = 0
    accepted: int = 0
    rejected: int = 0
    indeterminate: int = 0
    not_sent: int = 0
    rejected_expected: int = 0
    """Of ``rejected``: edge cases whose documented outcome is a refusal."""
    attempts: int = 0
    """Requests written, retries included."""

    def __add__(self, other: Counts) -> Counts:
        """Field-wise sum."""
        return Counts(
            self.planned + other.planned,
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.indeterminate + other.indeterminate,
            self.not_sent + other.not_sent,
            self.rejected_expected + other.rejected_expected,
            self.attempts + other.attempts,
        )

    @property
    def resolved(self) -> int:
        """Transactions in a final state."""
        return self.accepted + self.rejected + self.indeterminate + self.not_sent

    @property
    def errors(self) -> int:
        """Refusals that were not due, unknown ends and unsent transactions."""
        return self.rejected - self.rejected_expected + self.indeterminate + self.not_sent


@dataclass(frozen=True, slots=True)
class Truth:
    """Ground truth against decisions. Edge cases are not in the matrices."""

    decisions: NDArray[np.int64] = field(default_factory=lambda: np.zeros(TRUTH_SHAPE, np.int64))
    """Accepted transactions by (row of ``TRUTH_SHAPE``, decision)."""
    value_usd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(TRUTH_SHAPE))
    """Their value in US dollars."""
    scores: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((2, SCORE_BINS), dtype=np.int64)
    )
    """Risk scores by (legitimate or fraud, bin)."""
    edge_cases: NDArray[np.int64] = field(default_factory=lambda: np.zeros(EDGE_SHAPE, np.int64))

    def __add__(self, other: Truth) -> Truth:
        """Element-wise sum."""
        return Truth(
            self.decisions + other.decisions,
            self.value_usd + other.value_usd,
            self.scores + other.scores,
            self.edge_cases + other.edge_cases,
        )


@dataclass(frozen=True, slots=True)
class GeneratorHealth:
    """How the worker itself did in the interval."""

    cpu_s: float = 0.0
    """CPU time used, seconds."""
    rss_bytes: int = 0
    queue_depth: int = 0
    """Due transactions waiting for a connection, at the end."""
    in_flight: int = 0
    connections: int = 0
    """Open connections at the end."""
    own_lateness_us_max: int = 0
    """Longest delay of a send although a connection was idle: the worker's own fault."""
    own_late: int = 0
    """Sends delayed more than 10 ms although a connection was idle."""
    pool_waits: int = 0
    """Transactions that had to wait for a connection."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of acceptance: ``records`` at one place (a stream's shard) with these numbers."""

    place: str
    first: str
    """Lowest sequence number."""
    last: str
    """Highest sequence number."""
    records: int

    def __add__(self, other: Receipt) -> Receipt:
        """Both together; they are of one place."""
        return Receipt(
            self.place,
            min(self.first, other.first, key=_by_number),
            max(self.last, other.last, key=_by_number),
            self.records + other.records,
        )


def _by_number(digits: str) -> tuple[int, str]:
    return len(digits), digits


@dataclass(frozen=True, slots=True)
class Interval:
    """One worker's report of [``start_s``, ``end_s``), in seconds from the run's start."""

    worker: int
    start_s: float
    end_s: float
    counts: Counts
    response: SparseCounts
    """Intended send → answer, accepted and rejected."""
    service: SparseCounts
    """Last write → answer."""
    lateness: SparseCounts
    """First write − intended send."""
    truth: Truth
    errors: Mapping[str, int]
    """Ends other than accepted, by kind (``http_503``, ``timeout``, …); edge cases that were due
    to be refused are not in it."""
    health: GeneratorHealth
    retried: Mapping[str, int] = field(default_factory=dict)
    """Attempts that were refused or failed and are made again, by kind."""
    receipts: tuple[Receipt, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionInterval:
    """Decisions that came by another channel than the answer, in [``start_s``, ``end_s``)."""

    start_s: float
    end_s: float
    decided: int
    """Transactions whose first decision was seen."""
    decision: SparseCounts
    """Intended send → decision seen, by our clock."""
    truth: Truth
    """Ground truth against these decisions; adds to that of the answers."""
