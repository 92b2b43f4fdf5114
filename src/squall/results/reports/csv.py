"""The run second by second as CSV, for spreadsheets and notebooks."""

from __future__ import annotations

import csv
import io
from dataclasses import fields

from squall.models import Second, TestResults

_UNITS = {
    "at_s": "at_s",
    "response_p50": "response_ms_p50",
    "response_p95": "response_ms_p95",
    "response_p99": "response_ms_p99",
    "service_p99": "service_ms_p99",
    "lateness_p99": "lateness_ms_p99",
    "decision_p95": "decision_ms_p95",
}
"""Column names where the unit is not in the field's own name."""


def render_csv(results: TestResults) -> str:
    """One row a second; counts are per second, latencies in milliseconds, empty: not measured."""
    names = [field.name for field in fields(Second)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_UNITS.get(name, name) for name in names])
    for second in results.seconds:
        values = [getattr(second, name) for name in names]
        writer.writerow(["" if value is None else value for value in values])
    return text.getvalue()
