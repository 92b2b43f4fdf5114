"""The final summary for a terminal: a rich renderable; colour is never the only sign."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from squall.models import CostBreakdown, LatencySummary, TestResults, Verdict
from squall.results.analysis import analyse
from squall.results.figures import (
    count,
    interval,
    measured,
    milliseconds,
    money,
    percent,
    rate,
    seconds,
)
from squall.results.reports import beside, story

_VERDICT_STYLES = {
    Verdict.PASSED: ("✓", "bold green"),
    Verdict.FAILED: ("✗", "bold red"),
    Verdict.INVALID: ("!", "bold yellow"),
    Verdict.ABORTED: ("■", "bold red"),
    Verdict.NOT_JUDGED: ("·", "bold"),
}
_STATES = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
_SEVERITIES = {"critical": ("✗", "red"), "warning": ("!", "yellow"), "info": ("·", "dim")}
_ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "■": "#", "·": "-", "–": "-", "−": "-", "×": "x", "→": ">"}
)


class TerminalSummary:
    """Renders one result; plain ASCII signs where the terminal cannot show others."""

    def __init__(self, results: TestResults) -> None:
        self._results = results

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The summary."""
        results = self._results
        parts: list[RenderableType] = [_head(results), _criteria(results), _accounting(results)]
        parts += [_latency(results), _facts(results)]
        if results.business.cost is not None:
            parts.append(_cost(results.business.cost))
        parts += [_probes(results), _faults(results), _findings(results)]
        if console.encoding.lower().startswith("utf"):
            yield Group(*parts)
            return
        for segment in console.render(Group(*parts), options):
            yield segment._replace(text=segment.text.translate(_ASCII))


def _head(results: TestResults) -> RenderableType:
    sign, style = _VERDICT_STYLES[results.verdict]
    text = Text()
    text.append(f"\n{sign} {story.VERDICT_WORDS[results.verdict]}", style)
    text.append(f"  {story.title(results)}", "bold")
    text.append(f"  {results.run_id}\n", "dim")
    text.append(f"{story.verdict_sentence(results)} {story.took_sentence(results)}\n")
    if story.is_scaled(results):
        text.append(f"{results.scaling.statement}\n", "yellow")
    return text


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at == 0 else "right")
    return table


def _criteria(results: TestResults) -> RenderableType:
    table = _table("Criterion", "measured", "")
    for criterion in results.criteria:
        sign, style = _STATES[criterion.passed]
        word = story.state_word(criterion.passed)
        table.add_row(criterion.expression, measured(criterion), Text(f"{sign} {word}", style))
    for check in results.stability:
        sign, style = _STATES[check.passed]
        slope = "–" if check.slope_per_hour is None else f"{check.slope_per_hour:+.3g} {check.unit}"
        word = story.state_word(check.passed)
        table.add_row(f"{check.metric} stays stable", slope, Text(f"{sign} {word}", style))
    return table if table.row_count else Text("")


def _accounting(results: TestResults) -> RenderableType:
    accounting = results.accounting
    text = Text("\nAccounting  ", "dim")
    ends = story.accounting_terms(results)
    text.append(" ".join(f"{t.sign} {count(t.value)} {t.name}".strip() for t in ends), "default")
    text.append(f" = {count(accounting.planned)} planned", "default")
    sign, style = _STATES[accounting.balanced]
    text.append(f" {sign}", style)
    text.append("\nRecords     ", "dim")
    if accounting.seen is None:
        text.append(f"? losses unknown: {accounting.note or 'no final read'}", "yellow")
    else:
        sign, style = _STATES[accounting.reconciled]
        text.append(
            f"{count(accounting.seen)} seen, {count(accounting.lost)} lost, "
            f"{count(accounting.duplicated)} duplicated, {count(accounting.unexpected)} unexpected",
            "default",
        )
        text.append(f" {sign}", style)
    if results.errors:
        kinds = sorted(results.errors.items(), key=lambda item: -item[1])
        text.append("\nErrors      ", "dim")
        text.append(", ".join(f"{kind} {count(number)}" for kind, number in kinds[:6]), "red")
    return text


def _latency(results: TestResults) -> RenderableType:
    table = _table("Latency", "P50", "P90", "P95", "P99", "P99.9", "max")
    latency = results.latency_ms
    rows: list[tuple[str, LatencySummary]] = [
        ("response", latency.response),
        ("service", latency.service),
        ("lateness", latency.lateness),
    ]
    if latency.decision.count:
        rows.append(("decision", latency.decision))
    for name, s in rows:
        values = (s.p50, s.p90, s.p95, s.p99, s.p999, s.max)
        table.add_row(name, *(milliseconds(value) for value in values))
    return Group(Text(), table)


def _facts(results: TestResults) -> RenderableType:
    throughput, generator = results.throughput, results.generator
    lines = [
        (
            "Throughput",
            f"{rate(throughput.accepted_tps)} accepted, {rate(throughput.offered_tps)} offered, "
            f"busiest second {rate(throughput.peak_tps)}, {seconds(throughput.duration_s)}",
        ),
        ("Detection", _detection(results)),
        ("Value", _value(results)),
    ]
    verdict = "was the limit" if generator.limited else "was not the limit"
    lines.append(
        (
            "Generator",
            f"{verdict}; {generator.workers} worker{'s' * (generator.workers != 1)}, lateness P99 "
            f"{milliseconds(generator.lateness_p99_ms)}",
        )
    )
    lines += [("Note", note) for note in (*generator.notes, *results.notes)]
    if results.agents:
        agents = [agent for agent in results.agents if not agent.is_stage]
        healthy = sum(agent.healthy for agent in agents)
        readable = all(agent.readable for agent in agents)
        state = (
            f"{healthy} of {len(agents)} healthy" if readable else "could not be asked at the end"
        )
        lines.append(("Agents", state))
    text = Text()
    for name, line in lines:
        text.append(f"\n{name:<12}", "dim")
        text.append(line, "default")
    return text


def _detection(results: TestResults) -> str:
    if gap := story.detection_gap(results):
        return gap
    detection = results.detection
    found = (
        f"{percent(detection.recall)} of fraud found ({interval(detection.recall_interval)})"
        if detection.recall is not None
        else "no fraud was decided on"
    )
    return f"{found}, {percent(detection.false_positive_rate, 2)} of legitimate held"


def _value(results: TestResults) -> str:
    stopped, total = results.business.fraud_value_stopped, results.business.fraud_value
    return story.value_gap(results) or f"{money(stopped)} of {money(total)} of fraud stopped"


def _cost(cost: CostBreakdown) -> RenderableType:
    table = _table("Cost", "used", "price", "amount")
    for row in story.cost_rows(cost):
        table.add_row(*row)
    text = Text("\nCost        ", "dim")
    text.append(story.cost_sentence(cost), "default")
    rest = Text(story.cost_remarks(cost), "yellow")
    return Group(text, Text(), table, rest)


def _probes(results: TestResults) -> RenderableType:
    rows = beside.probe_rows(results)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Probe")
    table.add_column("measured beside the load")
    for name, _, measured_text in rows:
        table.add_row(name, measured_text)
    return Group(Text(), table) if rows else Text("", end="")


def _faults(results: TestResults) -> RenderableType:
    rows = beside.fault_rows(results)
    table = _table("Fault", "from", "to")
    for name, what, began, ended in rows:
        table.add_row(f"{name}: {what}", began, ended)
    return Group(Text(), table) if rows else Text("", end="")


def _findings(results: TestResults) -> RenderableType:
    findings = results.findings or analyse(results)
    parts: list[RenderableType] = []
    for finding in findings:
        sign, style = _SEVERITIES[finding.severity.value]
        parts.append(Text(f"\n{sign} {finding.severity.value}: {finding.title}", style))
        advice = f"\n→ {finding.recommendation}" if finding.recommendation else ""
        impact = f"\n{finding.impact}" if finding.impact else ""
        body = Text(f"{finding.evidence}{impact}{advice}".replace("`", ""))
        parts.append(Padding(body, (0, 0, 0, 2), expand=False))
    return Group(*parts)
