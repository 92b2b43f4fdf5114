"""The Universal Scalability Law, fitted to measured throughput.

    X(N) = λN / (1 + σ(N − 1) + κN(N − 1))

N is the concurrency, λ the throughput of one request at a time, σ the share of work that cannot be
done side by side (contention) and κ the cost of keeping parts in agreement (coherency). With
κ > 0 throughput has a peak at N* = √((1 − σ)/κ).

N. J. Gunther, "Guerrilla Capacity Planning", Springer 2007, chapters 4–6.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_POINTS = 5
"""Fewest points for three parameters; two are left over to contradict the fit."""
MIN_SPREAD = 3.0
"""The highest concurrency must be at least this many times the lowest."""
MIN_R_SQUARED = 0.9
MAX_EXTRAPOLATION = 3.0
"""A peak at more than this many times the highest concurrency measured is a guess."""


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """One measured step: mean concurrency in the target, and what it accepted per second."""

    concurrency: float
    throughput_tps: float


@dataclass(frozen=True, slots=True)
class UslFit:
    """Fitted parameters, and how far they can be believed.

    ``peak_*`` and ``r_squared`` are None where there is no such thing. ``unsupported`` lists the
    reasons not to trust the fit; empty means it is supported by the data.
    """

    points: tuple[LoadPoint, ...]
    lambda_tps: float | None
    sigma: float | None
    kappa: float | None
    peak_concurrency: float | None
    peak_tps: float | None
    r_squared: float | None
    unsupported: tuple[str, ...]

    def throughput(self, concurrency: float) -> float | None:
        """X(N) by the fit, transactions per second."""
        if self.lambda_tps is None or self.sigma is None or self.kappa is None:
            return None
        return _law(concurrency, self.lambda_tps, self.sigma, self.kappa)


def concurrency(accepted_tps: float, response_ms_mean: float, connections: int) -> float:
    """Mean requests in the target by Little's law, N = X · R.

    What waits for a free connection is not in the target yet, so N is at most ``connections``
    (J. D. C. Little, "A Proof for the Queuing Formula L = λW", Operations Research 9, 1961).
    """
    return min(accepted_tps * response_ms_mean / 1000, float(connections))


def fit(points: Sequence[LoadPoint]) -> UslFit:
    """Fit λ, σ, κ ≥ 0 by least squares on relative errors.

    Turned round, N/X = (1/λ)(1 + σ(N − 1) + κN(N − 1)) is linear in a = 1/λ, b = σ/λ, c = κ/λ.
    Each row is divided by its own N/X, so that every point counts by its relative error. Points
    below one request at a time are left out: the law starts at N = 1.
    """
    used = tuple(
        sorted(
            (p for p in points if p.concurrency >= 1 and p.throughput_tps > 0),
            key=lambda point: point.concurrency,
        )
    )
    if len(used) < MIN_POINTS:
        few = f"{len(used)} points with a concurrency of at least 1; {MIN_POINTS} are needed"
        return UslFit(used, None, None, None, None, None, None, (few,))
    n = np.array([p.concurrency for p in used])
    x = np.array([p.throughput_tps for p in used])
    terms = np.stack([np.ones_like(n), n - 1, n * (n - 1)], axis=1)
    a, b, c = _non_negative_least_squares(terms * (x / n)[:, None], np.ones_like(n))
    if a <= 0:
        flat = "throughput does not grow from one request at a time: λ cannot be told"
        return UslFit(used, None, None, None, None, None, None, (flat,))
    found = (1 / a, b / a, c / a)
    predicted = np.array([_law(value, *found) for value in n])
    spread = float(((x - x.mean()) ** 2).sum())
    r_squared = 1 - float(((x - predicted) ** 2).sum()) / spread if spread > 0 else None
    peak = _peak_concurrency(found[1], found[2])
    return UslFit(
        points=used,
        lambda_tps=found[0],
        sigma=found[1],
        kappa=found[2],
        peak_concurrency=peak,
        peak_tps=None if peak is None else _law(peak, *found),
        r_squared=r_squared,
        unsupported=_doubts(n, peak, r_squared),
    )


def _law(n: float, lambda_tps: float, sigma: float, kappa: float) -> float:
    return lambda_tps * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def _peak_concurrency(sigma: float, kappa: float) -> float | None:
    """N* = √((1 − σ)/κ); None where throughput has no peak at or above one."""
    if kappa <= 0 or sigma >= 1:
        return None
    peak = math.sqrt((1 - sigma) / kappa)
    return peak if peak >= 1 else None


def _doubts(n: NDArray[np.float64], peak: float | None, r_squared: float | None) -> tuple[str, ...]:
    reasons = []
    spread = float(n[-1] / n[0])
    if spread < MIN_SPREAD:
        reasons.append(
            f"the concurrencies lie too close together (a factor of {spread:.1f};"
            f" {MIN_SPREAD:g} is needed)"
        )
    if r_squared is None or r_squared < MIN_R_SQUARED:
        shown = "none" if r_squared is None else f"{r_squared:.2f}"
        reasons.append(f"the law does not describe the points (R² {shown}, below {MIN_R_SQUARED})")
    if peak is None:
        reasons.append("the points show no curvature towards a peak")
    elif peak > MAX_EXTRAPOLATION * float(n[-1]):
        reasons.append(
            f"the peak (N* = {peak:.0f}) lies far beyond the highest concurrency measured"
            f" ({float(n[-1]):.0f})"
        )
    return tuple(reasons)


def _non_negative_least_squares(
    rows: NDArray[np.float64], goal: NDArray[np.float64]
) -> tuple[float, float, float]:
    """The least-squares solution with no negative part, for three unknowns.

    The optimum is the unconstrained one of some subset of the unknowns with the others at zero;
    there are seven subsets, so all are tried.
    """
    best = (math.inf, (0.0, 0.0, 0.0))
    for size in (1, 2, 3):
        for kept in itertools.combinations(range(3), size):
            part, *_ = np.linalg.lstsq(rows[:, kept], goal, rcond=None)
            if (part < 0).any():
                continue
            whole = [0.0, 0.0, 0.0]
            for position, value in zip(kept, part, strict=True):
                whole[position] = float(value)
            error = float(((rows @ np.array(whole) - goal) ** 2).sum())
            best = min(best, (error, (whole[0], whole[1], whole[2])))
    return best[1]
