"""The charts of one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from squall.models import LatencyHistogram, Second, TestResults
from squall.results import figures
from squall.results.histograms import decode
from squall.results.reports.page.plots import (
    Band,
    Line,
    Plot,
    Scale,
    Series,
    Tick,
    linear_scale,
    linear_ticks,
    log_scale,
    path,
    y_ticks,
)

MAX_POINTS = 900
"""A chart of a long run draws one point for several seconds."""
_NINES = (
    (0.0, "0 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
)

Pick = Callable[[Second], float | None]


def load_chart(results: TestResults) -> Plot | None:
    """Planned and accepted rate over time, with the phases as bands."""
    groups, width = _groups(results)
    if not groups:
        return None
    series = [
        Series("accepted", "line-accepted", _mean(groups, lambda s: s.accepted), filled=True),
        Series("refused", "line-refused", _mean(groups, lambda s: s.rejected)),
    ]
    if any(second.errors for second in results.seconds):
        series.append(Series("errors", "line-danger", _mean(groups, lambda s: s.errors)))
    series.append(Series("planned", "line-plan", _mean(groups, lambda s: s.planned)))
    values = [value for s in series for value in s.values]
    return _over_time(
        "load",
        results,
        groups,
        series,
        linear_scale(values),
        unit="TPS",
        description=f"Planned and accepted transactions per second over time; accepted peaks at "
        f"{figures.rate(results.throughput.peak_tps)}.",
        note=f"each point is the mean of {width} s" if width > 1 else "one point a second",
    )


def silhouette(results: TestResults) -> str:
    """The accepted rate as an area, for the page's head; empty without seconds."""
    groups, _ = _groups(results)
    values = _mean(groups, lambda s: s.accepted)
    xs = [(at + 0.5) / len(values) for at in range(len(values))]
    return path(xs, values, linear_scale(values), filled=True)


def latency_chart(results: TestResults) -> Plot | None:
    """Percentiles of each second over time, on a logarithmic axis."""
    groups, width = _groups(results)
    if not groups or all(s.response_p50 is None for s in results.seconds):
        return None
    series = [
        Series("response P99", "line-p99", _worst(groups, lambda s: s.response_p99)),
        Series("response P95", "line-p95", _worst(groups, lambda s: s.response_p95)),
        Series("response P50", "line-p50", _worst(groups, lambda s: s.response_p50)),
        Series("service P99", "line-service", _worst(groups, lambda s: s.service_p99)),
        Series("lateness P99", "line-lateness", _worst(groups, lambda s: s.lateness_p99)),
    ]
    if results.latency_ms.decision.count:
        decided = _worst(groups, lambda s: s.decision_p95)
        series.append(Series("decision P95", "line-decision", decided))
    values = [value for s in series for value in s.values]
    p99 = figures.milliseconds(results.latency_ms.response.p99)
    return _over_time(
        "latency",
        results,
        groups,
        series,
        log_scale(values),
        unit="ms",
        description=f"Latency percentiles of each second over time; response P99 of the whole run "
        f"is {p99}.",
        note=f"each point is the worst second of {width}" if width > 1 else "one point a second",
    )


def cpu_chart(results: TestResults) -> Plot | None:
    """Cores in use over time, by source."""
    return _usage_chart(
        "cpu", results, ("target", "generator", "host"), "cores", lambda s: s.cpu_cores
    )


def memory_chart(results: TestResults) -> Plot | None:
    """Resident memory over time of the target and the generator."""
    return _usage_chart(
        "memory", results, ("target", "generator"), "MB", lambda s: s.rss_bytes / 1e6
    )


def percentile_chart(results: TestResults) -> Plot | None:
    """Latency at every percentile; each gridline to the right is ten times rarer."""
    if results.histograms is None or not results.latency_ms.response.count:
        return None
    logs = results.histograms
    parts = [
        ("response", "line-p99", decode(logs.response)),
        ("service", "line-service", decode(logs.service)),
        ("lateness", "line-lateness", decode(logs.lateness)),
    ]
    if logs.decision:
        parts.append(("decision", "line-decision", decode(logs.decision)))
    most = max(histogram.total for _, _, histogram in parts)
    deepest = min(6.0, max(2.0, float(np.log10(most))))
    nines = np.linspace(0, deepest, 181)
    percents = 100 * (1 - 10.0**-nines)
    lines, everything = [], []
    for name, style, histogram in parts:
        if histogram.total:
            values = _percentiles(histogram, percents.tolist())
            everything.extend(values)
            lines.append(Series(name, style, values))
    scale = log_scale(everything)
    positions = [float(n / deepest) for n in nines]
    return Plot(
        key="percentiles",
        unit="ms",
        x_unit="%",
        x_values=tuple(float(f"{p:.7g}") for p in percents),
        x_positions=tuple(round(100 * x, 3) for x in positions),
        lines=_drawn(lines, positions, scale),
        x_ticks=tuple(
            Tick(round(100 * float(-np.log10(1 - share)) / deepest, 3), label, minor=bool(at % 2))
            for at, (share, label) in enumerate(_NINES)
            if -np.log10(1 - share) <= deepest
        ),
        y_ticks=y_ticks(scale),
        description=f"Latency by percentile for {', '.join(name for name, _, _ in parts)}.",
        note="each gridline to the right is ten times rarer",
    )


def _percentiles(histogram: LatencyHistogram, percents: Sequence[float]) -> list[float | None]:
    values = [histogram.percentile_us(p) for p in percents]
    return [None if v is None else max(v, 1) / 1000 for v in values]


def _groups(results: TestResults) -> tuple[list[Sequence[Second]], int]:
    seconds = results.seconds
    width = -(-len(seconds) // MAX_POINTS) or 1
    return [seconds[i : i + width] for i in range(0, len(seconds), width)], width


def _mean(groups: list[Sequence[Second]], pick: Callable[[Second], float]) -> list[float | None]:
    return [fmean(pick(second) for second in group) for group in groups]


def _worst(groups: list[Sequence[Second]], pick: Pick) -> list[float | None]:
    """The largest of each group: percentiles are never averaged."""
    return [max((v for v in map(pick, group) if v is not None), default=None) for group in groups]


def _over_time(
    key: str,
    results: TestResults,
    groups: list[Sequence[Second]],
    series: list[Series],
    scale: Scale,
    *,
    unit: str,
    description: str,
    note: str,
) -> Plot:
    end = max(results.seconds[-1].at_s + 1.0, *(p.end_s for p in results.phases), 1.0)
    times = [(group[0].at_s + group[-1].at_s + 1) / 2 for group in groups]
    positions = [t / end for t in times]
    return Plot(
        key=key,
        unit=unit,
        x_unit="s",
        x_values=tuple(float(group[0].at_s) for group in groups),
        x_positions=tuple(round(100 * x, 3) for x in positions),
        lines=_drawn(series, positions, scale),
        x_ticks=time_ticks(end),
        y_ticks=y_ticks(scale),
        description=description,
        bands=_bands(results, end),
        note=note,
        group="time",
    )


def _bands(results: TestResults, end_s: float) -> tuple[Band, ...]:
    """The phases, and over them the times in which faults were in force."""
    phases = [(p.start_s, p.end_s, figures.words(p.name), False) for p in results.phases]
    faults = [
        (f.began_s, f.ended_s, "", True)
        for f in results.faults
        if f.began_s is not None and f.ended_s is not None
    ]
    return tuple(
        Band(round(100 * from_s / end_s, 3), round(100 * (to_s - from_s) / end_s, 3), label, fault)
        for from_s, to_s, label, fault in [*phases, *faults]
    )


def _usage_chart(
    key: str,
    results: TestResults,
    sources: tuple[str, ...],
    unit: str,
    pick: Callable[..., float],
) -> Plot | None:
    samples = [s for s in results.resource_samples if s.source in sources]
    times = sorted({round(s.at_s) for s in samples})
    if len(times) < 2:
        return None
    times = times[:: -(-len(times) // MAX_POINTS)]
    by_key = {(s.source, round(s.at_s)): pick(s) for s in samples}
    series = [
        Series(
            {"host": "whole machine"}.get(source, source),
            f"line-{source}",
            [by_key.get((source, t)) for t in times],
        )
        for source in sources
        if any(s.source == source for s in samples)
    ]
    scale = linear_scale([value for s in series for value in s.values])
    seconds = results.seconds[-1].at_s + 1.0 if results.seconds else 0.0
    end = max(seconds, times[-1], *(p.end_s for p in results.phases), 1.0)
    positions = [t / end for t in times]
    return Plot(
        key=key,
        unit=unit,
        x_unit="s",
        x_values=tuple(map(float, times)),
        x_positions=tuple(round(100 * x, 3) for x in positions),
        lines=_drawn(series, positions, scale),
        x_ticks=time_ticks(end),
        y_ticks=y_ticks(scale),
        description=f"{'CPU' if key == 'cpu' else 'Memory'} in {unit} over time by source.",
        group="time",
    )


def _drawn(series: list[Series], positions: list[float], scale: Scale) -> tuple[Line, ...]:
    return tuple(
        Line(
            s.name,
            s.style,
            path(positions, s.values, scale),
            tuple(None if v is None else float(f"{v:.5g}") for v in s.values),
            path(positions, s.values, scale, filled=True) if s.filled else "",
        )
        for s in series
    )


def time_ticks(end_s: float) -> tuple[Tick, ...]:
    """Ticks of a time axis that ends at ``end_s`` seconds, in seconds, minutes or hours."""
    unit_s, unit = (
        (1.0, "s") if end_s <= 180 else (60.0, "min") if end_s <= 10_800 else (3600.0, "h")
    )
    values = linear_ticks(Scale(0.0, end_s / unit_s), 6)
    return tuple(
        Tick(
            round(100 * value * unit_s / end_s, 3),
            f"{value:g} {unit}",
            minor=bool(at % 2) and value != values[-1],
        )
        for at, value in enumerate(values)
    )
