"""Leak and drift: does a figure keep rising although the load stays the same?

Over the longest phase with a constant rate, without its first tenth (a minute at most, for caches
and pools to fill), a line is laid through each figure by Theil and Sen: its slope is the median of
the slopes between all pairs of points, which a few outliers cannot turn, and its 95 % interval
comes from Kendall's statistic (Sen, "Estimates of the regression coefficient based on Kendall's
tau", JASA 63, 1968; computed by scipy). A check fails when even the lower end of the interval is
above the limit: the rise is then there, and it is too large.

Long runs are first reduced to at most 360 medians of equal stretches. That bounds the work and
takes out most of the dependence between neighbouring seconds, which would make the interval too
narrow.

Limits are per hour of the scenario as written. When a run is shortened by ``time_scale`` they are
divided by it, so that the whole run may rise by as much as the whole scenario may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from squall.load_generator.profiles import build, scaled
from squall.load_generator.profiles.shape import Floats
from squall.models import (
    LoadProfile,
    Phase,
    Second,
    StabilityResult,
    StabilitySpec,
    TestResults,
)

POINTS_MIN = 30
POINTS_MAX = 360
CONFIDENCE = 0.95
WARM_UP_SHARE = 0.1
WARM_UP_MAX_S = 60.0
_HOUR_S = 3600.0
_PROBES = 257


@dataclass(frozen=True, slots=True)
class _Series:
    """One figure over time: seconds and values, shape (n,) each."""

    metric: str
    at_s: Floats
    values: Floats


def check_stability(limits: StabilitySpec, results: TestResults) -> tuple[StabilityResult, ...]:
    """Check a run's figures against their limits; a limit of None leaves its check out.

    ``generator_memory``, ``target_memory`` and ``response_p95`` are in per cent of their own median
    per hour, ``error_rate`` in percentage points per hour. ``passed`` is None, with the reason,
    where there is no steady phase or too little was measured in it.
    """
    config = results.config
    load = scaled(config.scenario.load, config.rate_scale, config.time_scale)
    profile = build(load, config.seed)
    rows, why_not = steady_seconds(profile, results.seconds)
    checks: list[StabilityResult] = []
    memory, latency, errors = (
        limit if limit is None else limit / config.time_scale
        for limit in (
            limits.memory_growth_percent_per_hour,
            limits.latency_growth_percent_per_hour,
            limits.error_rate_growth_points_per_hour,
        )
    )
    if memory is not None:
        for source in ("generator", "target"):
            checks.append(_check(_memory(results, source, rows), "%/h", memory, why_not))
    if latency is not None:
        checks.append(_check(_response_p95(rows), "%/h", latency, why_not))
    if errors is not None:
        checks.append(_check(_error_rate(rows), "points/h", errors, why_not))
    return tuple(checks)


def steady_phase(profile: LoadProfile) -> Phase | None:
    """The longest phase whose rate is constant and not 0; None where there is none."""
    steady = [phase for phase in profile.phases if _constant_rate(profile, phase) > 0.0]
    return max(steady, key=lambda phase: phase.end_s - phase.start_s, default=None)


def steady_seconds(profile: LoadProfile, seconds: Sequence[Second]) -> tuple[Sequence[Second], str]:
    """The seconds of the steady phase that are to be judged, and why if there are none.

    Seconds in which another number of transactions was planned are left out: the run was paused
    then, or its rate was changed.
    """
    phase = steady_phase(profile)
    if phase is None:
        return (), "no phase of the load has a constant rate"
    rate = _constant_rate(profile, phase)
    slack = max(0.02 * rate, 6.0 * np.sqrt(rate))
    length_s = phase.end_s - phase.start_s
    warm_up_s = min(WARM_UP_SHARE * length_s, WARM_UP_MAX_S)
    # A pause moves the phase to later seconds, never to earlier ones.
    rows = [
        second
        for second in seconds
        if second.at_s >= phase.start_s and abs(second.planned - rate) <= slack
    ][: int(length_s)]
    if not rows:
        return (), f"the run did not reach phase {phase.name} at its planned rate"
    return [second for second in rows if second.at_s >= rows[0].at_s + warm_up_s], ""


def _constant_rate(profile: LoadProfile, phase: Phase) -> float:
    """λ of a phase; 0 where it changes within it."""
    length_s = phase.end_s - phase.start_s
    inside = phase.start_s + length_s * (np.arange(_PROBES) + 0.5) / _PROBES
    rates = profile.rate_tps(inside)
    rate = float(rates[0])
    start, end = profile.cumulative(np.array([phase.start_s, phase.end_s]))
    same = np.ptp(rates) <= 1e-9 * rate and abs(end - start - rate * length_s) <= 1e-6 * rate
    return rate if same else 0.0


def _memory(results: TestResults, source: str, rows: Sequence[Second]) -> _Series:
    samples = [s for s in results.resource_samples if s.source == source]
    if rows:
        start, end = rows[0].at_s, rows[-1].at_s + 1
        samples = [s for s in samples if start <= s.at_s <= end]
    return _Series(
        f"{source}_memory",
        np.array([s.at_s for s in samples], dtype=np.float64),
        np.array([s.rss_bytes for s in samples], dtype=np.float64),
    )


def _response_p95(rows: Sequence[Second]) -> _Series:
    measured = [(s.at_s, s.response_p95) for s in rows if s.response_p95 is not None]
    table = np.array(measured, dtype=np.float64).reshape(-1, 2)
    return _Series("response_p95", table[:, 0], table[:, 1])


def _error_rate(rows: Sequence[Second]) -> _Series:
    measured = [(s.at_s, 100.0 * s.errors / s.planned) for s in rows if s.planned]
    table = np.array(measured, dtype=np.float64).reshape(-1, 2)
    return _Series("error_rate", table[:, 0], table[:, 1])


def _check(series: _Series, unit: str, limit: float, why_not: str) -> StabilityResult:
    """Lay a line through a series and hold its slope to the limit."""
    points = len(series.values)
    if why_not or points < POINTS_MIN:
        reason = why_not or (
            f"only {points} measurements in the steady phase; a trend needs {POINTS_MIN}"
        )
        return StabilityResult(series.metric, unit, None, None, limit, None, reason)
    slope, low, high = trend_per_hour(series.at_s, series.values)
    if unit == "%/h":
        level = float(np.median(series.values))
        if level <= 0.0:
            return StabilityResult(series.metric, unit, None, None, limit, None, "all zero")
        slope, low, high = (100.0 * value / level for value in (slope, low, high))
    span_s = float(series.at_s[-1] - series.at_s[0])
    detail = f"over {span_s:,.0f} s at a constant rate, {points:,} measurements"
    return StabilityResult(
        metric=series.metric,
        unit=unit,
        slope_per_hour=round(slope, 4),
        interval=(round(low, 4), round(high, 4)),
        limit=limit,
        passed=bool(low <= limit),
        detail=detail,
    )


def trend_per_hour(at_s: Floats, values: Floats) -> tuple[float, float, float]:
    """Theil–Sen slope and the ends of its 95 % interval, per hour; needs two points."""
    from scipy.stats import theilslopes  # half a second to import, needed once per run

    times, medians = _reduced(at_s, values)
    fit = theilslopes(medians, times, alpha=CONFIDENCE)
    return (
        float(fit.slope) * _HOUR_S,
        float(fit.low_slope) * _HOUR_S,
        float(fit.high_slope) * _HOUR_S,
    )


def _reduced(at_s: Floats, values: Floats) -> tuple[Floats, Floats]:
    """At most ``POINTS_MAX`` points: medians of equally long stretches."""
    if len(values) <= POINTS_MAX:
        return at_s, values
    edges = np.linspace(0, len(values), POINTS_MAX + 1).astype(np.int64)
    pairs = list(pairwise(edges.tolist()))
    return (
        np.array([np.median(at_s[a:b]) for a, b in pairs]),
        np.array([np.median(values[a:b]) for a, b in pairs]),
    )
