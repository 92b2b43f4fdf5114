from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from squall.models import Counts, Decision, GeneratorHealth, Interval, LatencyHistogram, Truth
from squall.models.interval import EDGE_SHAPE, SCORE_BINS, TRUTH_SHAPE

MakeInterval = Callable[..., Interval]
MakeTruth = Callable[..., Truth]


@pytest.fixture(scope="session")
def make_interval() -> MakeInterval:
    """Builds an interval from plain values; ``us`` are response and service latencies."""
    return interval


@pytest.fixture(scope="session")
def make_truth() -> MakeTruth:
    """Builds ground truth from {(typology, decision): count} and so on."""
    return truth_of


def interval(
    worker: int = 0,
    start_s: float = 0.0,
    counts: Counts | None = None,
    us: list[int] | None = None,
    late_us: list[int] | None = None,
    truth: Truth | None = None,
    errors: dict[str, int] | None = None,
    health: GeneratorHealth | None = None,
    length_s: float = 0.1,
) -> Interval:
    response, lateness = LatencyHistogram(), LatencyHistogram()
    response.record(np.array(us or [], dtype=np.int64))
    lateness.record(np.array(late_us or [], dtype=np.int64))
    accepted = len(us or [])
    return Interval(
        worker=worker,
        start_s=start_s,
        end_s=start_s + length_s,
        counts=counts or Counts(planned=accepted, accepted=accepted, attempts=accepted),
        response=response.sparse(),
        service=response.sparse(),
        lateness=lateness.sparse(),
        truth=truth or truth_of({}),
        errors=errors or {},
        health=health or GeneratorHealth(),
    )


def truth_of(
    decisions: dict[tuple[int, Decision], int],
    scores: dict[tuple[int, int], int] | None = None,
    edge_cases: dict[tuple[int, int], int] | None = None,
    value: float = 1.0,
) -> Truth:
    truth = Truth(
        np.zeros(TRUTH_SHAPE, np.int64),
        np.zeros(TRUTH_SHAPE),
        np.zeros((2, SCORE_BINS), np.int64),
        np.zeros(EDGE_SHAPE, np.int64),
    )
    for at, count in decisions.items():
        truth.decisions[at] = count
        truth.value_usd[at] = count * value
    for place, count in (scores or {}).items():
        truth.scores[place] = count
    for place, count in (edge_cases or {}).items():
        truth.edge_cases[place] = count
    return truth
