"""Comparison of runs: what changed, by how much, and whether that is more than noise.

The first run is the baseline; every other is compared with it. A change is *better* or *worse* only
when the headline figure moved by more than its tolerance **and** an interval made for that kind of
figure excludes "no change". Moved but not shown: *unclear*. Not moved: *same*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from squall.errors import ConfigurationError
from squall.models import Second, TestResults
from squall.results.comparability import comparability
from squall.results.significance import difference_interval, ratio_interval


class Judgement(StrEnum):
    """What a change means."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"
    """Not measured in one of the runs."""


@dataclass(frozen=True, slots=True)
class Change:
    """One run's figure against the baseline's."""

    difference: float | None
    difference_percent: float | None
    judgement: Judgement
    statement: str
    """Why, in words."""


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One figure in all runs. ``changes`` has one entry for each run after the first."""

    metric: str
    unit: str
    lower_is_better: bool
    values: tuple[float | None, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more runs, the first being the baseline."""

    run_ids: tuple[str, ...]
    warnings: tuple[str, ...]
    """What makes the runs differ in more than the thing under test."""
    metrics: tuple[MetricComparison, ...]

    @property
    def worse(self) -> tuple[MetricComparison, ...]:
        """Metrics that became worse in any run."""
        return tuple(
            m for m in self.metrics if any(c.judgement is Judgement.WORSE for c in m.changes)
        )


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    unit: str
    lower_is_better: bool
    value: Callable[[TestResults], float | None]
    tolerance: float
    """Relative difference that is never more than noise."""
    series: Callable[[Second], float | None] | None = None
    proportion: Callable[[TestResults], tuple[int, int] | None] | None = None
    exact: bool = False
    """A count of which any difference is real."""


def _errors(results: TestResults) -> tuple[int, int] | None:
    if results.error_rate is None or not results.accounting.planned:
        return None
    planned = results.accounting.planned
    return min(planned, round(results.error_rate * planned)), planned


def _recall(results: TestResults) -> tuple[int, int] | None:
    detection = results.detection
    if detection.recall is None or not detection.fraud:
        return None
    return round(detection.recall * detection.fraud), detection.fraud


def _false_positives(results: TestResults) -> tuple[int, int] | None:
    detection = results.detection
    if detection.false_positive_rate is None or not detection.legitimate:
        return None
    return round(detection.false_positive_rate * detection.legitimate), detection.legitimate


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


_METRICS = (
    _Metric(
        "accepted rate",
        "TPS",
        False,
        lambda r: r.throughput.accepted_tps,
        0.005,
        series=lambda s: float(s.accepted),
    ),
    _Metric("peak rate", "TPS", False, lambda r: r.throughput.peak_tps, 0.02),
    _Metric(
        "response P50",
        "ms",
        True,
        lambda r: r.latency_ms.response.p50,
        0.03,
        series=lambda s: s.response_p50,
    ),
    _Metric(
        "response P95",
        "ms",
        True,
        lambda r: r.latency_ms.response.p95,
        0.05,
        series=lambda s: s.response_p95,
    ),
    _Metric(
        "response P99",
        "ms",
        True,
        lambda r: r.latency_ms.response.p99,
        0.05,
        series=lambda s: s.response_p99,
    ),
    _Metric(
        "service P99",
        "ms",
        True,
        lambda r: r.latency_ms.service.p99,
        0.05,
        series=lambda s: s.service_p99,
    ),
    _Metric("error rate", "%", True, lambda r: _percent(r.error_rate), 0.0, proportion=_errors),
    _Metric("lost", "transactions", True, lambda r: r.accounting.lost, 0.0, exact=True),
    _Metric("duplicated", "transactions", True, lambda r: r.accounting.duplicated, 0.0, exact=True),
    _Metric(
        "fraud recall",
        "%",
        False,
        lambda r: _percent(r.detection.recall),
        0.0,
        proportion=_recall,
    ),
    _Metric(
        "false positives",
        "%",
        True,
        lambda r: _percent(r.detection.false_positive_rate),
        0.0,
        proportion=_false_positives,
    ),
    _Metric("average precision", "of 1", False, lambda r: r.detection.average_precision, 0.005),
    _Metric(
        "target CPU",
        "cores",
        True,
        lambda r: r.resources["target"].cpu_cores if "target" in r.resources else None,
        0.05,
    ),
)


def compare(runs: Sequence[TestResults], seed: int = 0) -> Comparison:
    """Compare two or more runs with the first.

    ``seed`` makes the resampling repeatable. Raises ``ConfigurationError`` for fewer than two.
    """
    if len(runs) < 2:
        raise ConfigurationError("a comparison needs two runs or more: squall runs compare A B")
    baseline = runs[0]
    metrics = []
    for metric in _METRICS:
        values = tuple(metric.value(run) for run in runs)
        if all(value is None for value in values):
            continue
        changes = tuple(
            _change(metric, baseline, run, np.random.default_rng([seed, at]))
            for at, run in enumerate(runs[1:])
        )
        metrics.append(
            MetricComparison(metric.name, metric.unit, metric.lower_is_better, values, changes)
        )
    warnings = tuple(
        dict.fromkeys(chain.from_iterable(comparability(baseline, run) for run in runs[1:]))
    )
    return Comparison(tuple(run.run_id for run in runs), warnings, tuple(metrics))


def _change(metric: _Metric, a: TestResults, b: TestResults, rng: np.random.Generator) -> Change:
    before, after = metric.value(a), metric.value(b)
    if before is None or after is None:
        return Change(None, None, Judgement.UNKNOWN, "not measured in both runs")
    difference = after - before
    percent = 100 * difference / before if before else None
    judgement, statement = _judge(metric, a, b, difference, rng)
    return Change(difference, percent, judgement, statement)


def _judge(
    metric: _Metric, a: TestResults, b: TestResults, difference: float, rng: np.random.Generator
) -> tuple[Judgement, str]:
    before = metric.value(a) or 0.0
    direction = Judgement.WORSE if (difference > 0) is metric.lower_is_better else Judgement.BETTER
    if difference == 0:
        return Judgement.SAME, "the same figure"
    if metric.exact:
        return direction, "a count by id: any difference is real"
    if metric.proportion is not None:
        return _judge_proportion(metric.proportion(a), metric.proportion(b), direction)
    if before and abs(difference / before) <= metric.tolerance:
        return Judgement.SAME, f"within {100 * metric.tolerance:g} %"
    if metric.series is None:
        return Judgement.UNCLEAR, "one figure in each run: repeat the runs to know its noise"
    interval = ratio_interval(_column(a, metric.series), _column(b, metric.series), rng)
    if interval is None:
        return Judgement.UNCLEAR, "too few seconds to know the noise"
    low, high = (100 * (bound - 1) for bound in interval)
    shown = f"second by second {low:+.1f} to {high:+.1f} %"
    if (low > 0 and difference > 0) or (high < 0 and difference < 0):
        return direction, shown
    return Judgement.UNCLEAR, f"{shown}: within noise, or a short episode"


def _judge_proportion(
    a: tuple[int, int] | None, b: tuple[int, int] | None, direction: Judgement
) -> tuple[Judgement, str]:
    if a is None or b is None:
        return Judgement.UNCLEAR, "the counts behind it are not known"
    low, high = (100 * bound for bound in difference_interval(*a, *b))
    shown = f"difference {low:+.3f} to {high:+.3f} points"
    if low > 0 or high < 0:
        return direction, shown
    return Judgement.SAME, f"{shown}: no difference shown"


def _column(results: TestResults, series: Callable[[Second], float | None]) -> NDArray[np.float64]:
    return np.array([series(second) or 0.0 for second in results.seconds], dtype=np.float64)
