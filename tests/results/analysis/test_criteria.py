from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from squall.models import CriterionResult, LatencyHistogram, TestResults
from squall.results import analyse
from squall.results.histograms import histogram_logs


def _impact(results: TestResults, expression: str) -> str:
    criterion = CriterionResult(expression, False, 1.0)
    (finding,) = (
        f for f in analyse(replace(results, criteria=(criterion,))) if f.title.startswith("Not met")
    )
    assert finding.severity.value == "critical"
    return finding.impact


@pytest.fixture
def measured(passed: TestResults) -> TestResults:
    """90 values of 1 s, 9 of 3 s, 1 of 7 s on every clock."""
    histogram = LatencyHistogram()
    histogram.record(np.repeat([1_000_000, 3_000_000, 7_000_000], [90, 9, 1]))
    accounting = replace(passed.accounting, planned=1_000)
    logs = histogram_logs(histogram, histogram, histogram, histogram)
    return replace(passed, histograms=logs, accounting=accounting, error_rate=0.02)


@pytest.mark.parametrize(
    ("expression", "impact"),
    [
        ("latency_ms.response.p95 < 2 s", "10 customers (10.0 %) waited longer than 2 s."),
        ("latency_ms.response.max < 5000 ms", "1 customer (1.0 %) waited longer than 5,000 ms."),
        (
            "latency_ms.service.p99 <= 2 s",
            "10 answers (10.0 %) took the target longer than 2 s.",
        ),
        ("latency_ms.decision.p99 < 4 s", "1 decision (1.0 %) came later than 4 s."),
        (
            "latency_ms.lateness.p99 < 2 s",
            "10 transactions (10.0 %) were sent late by more than 2 s.",
        ),
        (
            "latency_ms.response.p95 < 2 s in phase hold",
            "At least 5 % of the customers waited longer than 2 s in phase hold.",
        ),
        ("error_rate < 0.1 %", "20 transactions got no usable answer."),
        ("accounting.lost == 0", "The run fails."),
        ("lost == 0", "The run fails."),
    ],
)
def test_what_a_missed_criterion_meant(measured: TestResults, expression: str, impact: str) -> None:
    assert _impact(measured, expression) == impact


def test_without_histograms_the_percentile_itself_says_how_many(measured: TestResults) -> None:
    bare = replace(measured, histograms=None)
    assert _impact(bare, "latency_ms.response.p99 < 2 s") == (
        "At least 1 % of the customers waited longer than 2 s."
    )
    assert _impact(bare, "latency_ms.response.max < 2 s") == "The run fails."
