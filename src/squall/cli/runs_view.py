"""How lists of runs and comparisons look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from squall.models import Verdict
from squall.results import Comparison, RunSummary
from squall.results.compare import Change, Judgement
from squall.results.figures import count, milliseconds, percent, rate

_VERDICTS = {
    Verdict.PASSED: ("✓ passed", "green"),
    Verdict.FAILED: ("✗ failed", "red"),
    Verdict.INVALID: ("! invalid", "yellow"),
    Verdict.ABORTED: ("■ aborted", "red"),
    Verdict.NOT_JUDGED: ("· not judged", ""),
}
_JUDGEMENTS = {
    Judgement.BETTER: ("▲ better", "green"),
    Judgement.WORSE: ("▼ worse", "red"),
    Judgement.SAME: ("= same", "dim"),
    Judgement.UNCLEAR: ("? unclear", "yellow"),
    Judgement.UNKNOWN: ("– unknown", "dim"),
}


def runs_table(found: Sequence[RunSummary]) -> RenderableType:
    """One line a run."""
    table = _table("Run", "Scenario", "Started", "Verdict")
    for name in ("Accepted", "Lost", "Peak", "P95", "P99", "Errors", "Recall"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in found:
        unfinished = run.planned is None
        verdict = (
            Text(f"… {run.status.value}", "yellow") if unfinished else Text(*_VERDICTS[run.verdict])
        )
        table.add_row(
            run.run_id,
            run.scenario,
            run.started_at[:16].replace("T", " "),
            verdict,
            count(run.accepted),
            "–" if unfinished else "?" if run.lost is None else count(run.lost),
            rate(run.peak_tps),
            milliseconds(run.response_ms_p95),
            milliseconds(run.response_ms_p99),
            percent(run.error_rate, 2),
            percent(run.recall),
        )
    return table


def comparison_view(comparison: Comparison) -> RenderableType:
    """Warnings first, then a line for each figure."""
    warnings = Text()
    for warning in comparison.warnings:
        warnings.append(f"! {warning}\n", "yellow")
    two = len(comparison.run_ids) == 2
    table = _table("Figure", comparison.run_ids[0])
    table.columns[1].justify = "right"
    for run_id in comparison.run_ids[1:]:
        table.add_column(run_id, justify="right", no_wrap=True)
        table.add_column("change", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
    if two:
        table.add_column("why")
    for metric in comparison.metrics:
        cells: list[RenderableType] = [metric.metric, _value(metric.values[0], metric.unit)]
        for value, change in zip(metric.values[1:], metric.changes, strict=True):
            cells += [_value(value, metric.unit), _change(change)]
            cells.append(Text(*_JUDGEMENTS[change.judgement]))
        if two:
            cells.append(Text(metric.changes[0].statement, "dim"))
        table.add_row(*cells)
    return Group(*([warnings] if comparison.warnings else []), table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "transactions":
        return f"{value:,.0f}"
    if unit == "TPS":
        return rate(value)
    if unit == "ms":
        return milliseconds(value)
    return f"{value:.4g} {unit}"


def _change(change: Change) -> str:
    if change.difference is None:
        return "–"
    if change.difference_percent is None:
        return "0" if change.difference == 0 else f"{change.difference:+,.4g}"
    return f"{change.difference_percent:+.1f} %"
