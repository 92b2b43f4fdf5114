"""The latency histograms as an HdrHistogram interval log, format version 1.3.

One interval (the whole run) for each tag: response, service, lateness, and decision where decisions
come by a way of their own. Values are microseconds;
Interval_Max is in milliseconds. Read it with any HdrHistogram log reader or plotter.
Source of the format: HdrHistogram's ``HistogramLogWriter``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from squall.errors import ConfigurationError
from squall.models import TestResults


def render_hdr_log(results: TestResults) -> str:
    """The log. Raises ``ConfigurationError`` for a result without histograms."""
    logs, latency = results.histograms, results.latency_ms
    if logs is None:
        raise ConfigurationError(
            f"run {results.run_id} has no histograms, so there is nothing for the hdr format; "
            "leave hdr out of --format"
        )
    start = _unix_s(results.started_at)
    lines = [
        "#[Histogram log format version 1.3]",
        f"#[squall run {results.run_id}, values in microseconds]",
        f"#[StartTime: {start:.3f} (seconds since epoch), {results.started_at}]",
        f"#[BaseTime: {start:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    for tag, summary, encoded in (
        ("response", latency.response, logs.response),
        ("service", latency.service, logs.service),
        ("lateness", latency.lateness, logs.lateness),
        ("decision", latency.decision, logs.decision),
    ):
        if not encoded:
            continue
        length = results.throughput.duration_s
        lines.append(f"Tag={tag},0.000,{length:.3f},{summary.max or 0:.3f},{encoded}")
    return "\n".join(lines) + "\n"


def _unix_s(instant: str) -> float:
    try:
        moment = datetime.fromisoformat(instant)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()
