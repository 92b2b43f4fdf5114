"""Whether a difference between two runs is more than noise.

Two tools, both with 95 % intervals:

- *Blocks* for per-second series. Neighbouring seconds are alike, so single seconds cannot be drawn
  independently; a moving-block bootstrap draws runs of ten of them (Künsch, Annals of Statistics
  17, 1989). The statistic is the median log ratio, so the interval is of B ÷ A.
- *Newcombe's* hybrid score interval for the difference of two proportions (Statistics in Medicine
  17, 1998, method 10), from Wilson intervals.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from squall.metrics import wilson_interval

BLOCK_S = 10
RESAMPLES = 2_000
MIN_SECONDS = 3 * BLOCK_S
"""Shorter series say nothing of their own noise."""


def ratio_interval(
    a: NDArray[np.float64], b: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, float] | None:
    """95 % interval of the ratio B ÷ A of two positive per-second series.

    Series of one length are taken to be the same seconds of the same plan and compared second by
    second, which removes the shape of the load; others by their medians. None when either has
    fewer than ``MIN_SECONDS`` positive seconds.
    """
    if len(a) == len(b):
        usable = (a > 0) & (b > 0)
        if usable.sum() < MIN_SECONDS:
            return None
        medians = _block_medians(np.log(b[usable] / a[usable]), rng)
    else:
        a, b = a[a > 0], b[b > 0]
        if min(len(a), len(b)) < MIN_SECONDS:
            return None
        medians = _block_medians(np.log(b), rng) - _block_medians(np.log(a), rng)
    low, high = np.exp(np.percentile(medians, [2.5, 97.5]))
    return float(low), float(high)


def _block_medians(series: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Medians of moving-block resamples, shape (RESAMPLES,)."""
    blocks = math.ceil(len(series) / BLOCK_S)
    starts = rng.integers(0, len(series) - BLOCK_S + 1, (RESAMPLES, blocks))
    medians = np.empty(RESAMPLES)
    within = np.arange(BLOCK_S)
    for row in range(RESAMPLES):  # one at a time: two hours of seconds need no gigabytes
        drawn = (starts[row][:, None] + within).ravel()[: len(series)]
        medians[row] = np.median(series[drawn])
    return medians


def difference_interval(
    successes_a: int, trials_a: int, successes_b: int, trials_b: int
) -> tuple[float, float]:
    """95 % interval of the difference of proportions, B − A; both need at least one trial."""
    a, b = successes_a / trials_a, successes_b / trials_b
    low_a, high_a = wilson_interval(successes_a, trials_a) or (0.0, 1.0)
    low_b, high_b = wilson_interval(successes_b, trials_b) or (0.0, 1.0)
    difference = b - a
    return (
        difference - math.hypot(b - low_b, high_a - a),
        difference + math.hypot(high_b - b, a - low_a),
    )
