"""Λ⁻¹ where no closed form exists: Newton's method kept inside a bracket that bisection shrinks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from squall.load_generator.profiles.shape import Floats

_MOST_STEPS = 200


def solve(
    cumulative: Callable[[Floats], Floats],
    rate: Callable[[Floats], Floats],
    arrivals: Floats,
    knots: Floats,
    counts: Floats,
) -> Floats:
    """Times at which Λ passes ``arrivals``, shape (n,).

    ``knots`` are ascending times and ``counts`` Λ at them; each answer lies between the last knot
    with Λ ≤ n and the next one, and is first guessed by interpolation. Λ need not be smooth, nor
    strictly rising: across a stretch without arrivals the answer is the end of that stretch.

    A Newton step is taken where it stays inside the bracket and at least halves the last step;
    otherwise the bracket is halved, so the number of steps is bounded by the bisection's. It ends
    within rounding: of the time, or of the count where the rate is not 0. (The rule is that of
    "rtsafe" in Press et al., Numerical Recipes, section 9.4.)
    """
    slot = np.clip(np.searchsorted(counts, arrivals, side="right") - 1, 0, len(knots) - 2)
    low, high = knots[slot], knots[slot + 1]
    rise = np.maximum(counts[slot + 1] - counts[slot], np.finfo(np.float64).tiny)
    t = low + (high - low) * np.clip((arrivals - counts[slot]) / rise, 0.0, 1.0)
    last_step = high - low
    time_noise = 1e-15 * last_step
    count_noise = 4.0 * np.spacing(arrivals)
    settled = np.zeros(len(t), dtype=np.bool_)
    for _ in range(_MOST_STEPS):
        gap = cumulative(t) - arrivals
        below = gap <= 0.0
        low = np.where(below, t, low)
        high = np.where(below, high, t)
        slope = rate(t)
        step = np.divide(gap, slope, out=np.full_like(gap, np.inf), where=slope > 0.0)
        newton = t - step
        usable = (newton >= low) & (newton <= high) & (np.abs(step) <= 0.5 * last_step)
        following = np.where(usable, newton, 0.5 * (low + high))
        last_step = np.abs(following - t)
        settled |= (slope > 0.0) & (np.abs(gap) <= count_noise)
        t = np.where(settled, t, following)
        settled |= last_step <= time_noise + 2.0 * np.spacing(t)
        if settled.all():
            break
    return t
