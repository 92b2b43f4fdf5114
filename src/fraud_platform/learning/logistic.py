"""Logistic regression with weights that are never too small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 60
_CLOSE = 1e-8


def fit_logistic(
    inputs: Floats, outcomes: Floats, ridge: float = 1e-3, least: float = 0.0
) -> tuple[float, NDArray[np.float64]]:
    """Bias and weights ≥ ``least`` ≥ 0 that maximise the likelihood less a ridge penalty.

    ``inputs`` has shape (n, k), ``outcomes`` holds 0 and 1, ``ridge`` is per observation and pulls
    towards ``least``. Newton's method; a weight that comes out too small is set to ``least``, the
    worst one first.
    """
    n, k = inputs.shape
    offset = least * inputs.sum(axis=1)
    active = np.ones(k, dtype=np.bool_)
    while True:
        design = np.hstack([np.ones((n, 1)), inputs[:, active]])
        solution = _newton(design, outcomes, ridge * n, offset)
        above = np.zeros(k)
        above[active] = solution[1:]
        if above.min() >= 0:
            return float(solution[0]), least + above
        active[int(np.argmin(above))] = False


def _newton(design: Floats, outcomes: Floats, penalty: float, offset: Floats) -> Floats:
    """Newton's method with step halving; the bias (first column) is not penalised."""
    penalties = np.full(design.shape[1], penalty)
    penalties[0] = 1e-6
    solution = np.zeros(design.shape[1])
    loss = _loss(design @ solution + offset, outcomes, penalties, solution)
    for _ in range(_STEPS):
        predicted = 1.0 / (1.0 + np.exp(-np.clip(design @ solution + offset, -30, 30)))
        gradient = design.T @ (predicted - outcomes) + penalties * solution
        weight = np.maximum(predicted * (1.0 - predicted), 1e-9)
        hessian = (design * weight[:, None]).T @ design + np.diag(penalties)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-4:
            trial = solution - size * step
            trial_loss = _loss(design @ trial + offset, outcomes, penalties, trial)
            if trial_loss <= loss:
                break
            size /= 2
        else:
            return solution
        solution, gain, loss = trial, loss - trial_loss, trial_loss
        if gain < _CLOSE * max(1.0, abs(loss)):
            break
    return solution


def _loss(log_odds: Floats, outcomes: Floats, penalties: Floats, solution: Floats) -> float:
    likelihood = np.logaddexp(0.0, log_odds) - outcomes * log_odds
    return float(likelihood.sum() + 0.5 * (penalties * solution * solution).sum())
