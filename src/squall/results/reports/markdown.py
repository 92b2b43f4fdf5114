"""The Markdown report: for pull requests, wikis and mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from squall.models import LatencySummary, TestResults
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
    size,
    words,
)
from squall.results.reports import beside, story


def render_markdown(results: TestResults) -> str:
    """The report as GitHub-flavoured Markdown."""
    parts = [
        _head(results),
        _criteria(results),
        _findings(results),
        _accounting(results),
        _latency(results),
        _detection(results),
        _cost(results),
        _beside(results),
        _agents(results),
        _generator(results),
        _repeat(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column to the left, the others to the right."""
    lines = [_row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    return "\n".join([*lines, *(_row(row) for row in rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _head(results: TestResults) -> str:
    lines = [
        f"# {story.VERDICT_WORDS[results.verdict]}: {story.title(results)}",
        "",
        f"{story.verdict_sentence(results)} **{story.took_sentence(results)}**",
        "",
    ]
    if story.is_scaled(results):
        lines += [f"> {results.scaling.statement}", ""]
    lines += [
        f"Run `{results.run_id}`, {results.started_at}, "
        f"{seconds(results.throughput.duration_s)}, target {results.target}. "
        f"{rate(results.throughput.accepted_tps)} accepted of "
        f"{rate(results.throughput.offered_tps)} offered; busiest second "
        f"{rate(results.throughput.peak_tps)}.",
    ]
    return "\n".join(lines)


def _criteria(results: TestResults) -> str:
    rows = [
        (f"`{c.expression}`", measured(c), story.state_word(c.passed)) for c in results.criteria
    ]
    rows += [
        (
            f"{s.metric} stays stable",
            "–" if s.slope_per_hour is None else f"{s.slope_per_hour:+.3g} {s.unit}",
            story.state_word(s.passed),
        )
        for s in results.stability
    ]
    if not rows:
        return ""
    return "## Criteria\n\n" + table(("Criterion", "Measured", "Result"), rows)


def _findings(results: TestResults) -> str:
    shown = results.findings or analyse(results)
    items = []
    for finding in shown:
        text = " ".join(filter(None, (_sentence(finding.evidence), finding.impact)))
        advice = f" *{finding.recommendation}*" if finding.recommendation else ""
        items.append(f"- **{finding.severity.value}: {finding.title}.** {text}{advice}")
    return "## Findings\n\n" + "\n".join(items) if items else ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _accounting(results: TestResults) -> str:
    accounting = results.accounting
    rows = [(term.name, count(term.value)) for term in story.accounting_terms(results)]
    rows.append(("**planned**", f"**{count(accounting.planned)}**"))
    parts = ["## Accounting", table(("Every transaction ended as", ""), rows)]
    seen = story.reconciliation_terms(results)
    if seen:
        records = [(f"{term.sign} {term.name}".strip(), count(term.value)) for term in seen]
        records.append(("**in the target's records**", f"**{count(accounting.seen)}**"))
        records.append(("decided more than once", count(accounting.duplicated)))
        parts.append(table(("Against the target's own records", ""), records))
    else:
        parts.append(f"Losses are unknown: {accounting.note or 'there was no final read'}.")
    if results.errors:
        kinds = sorted(results.errors.items(), key=lambda item: -item[1])
        parts.append(table(("Error", ""), [(f"`{kind}`", count(n)) for kind, n in kinds]))
    return "\n\n".join(parts)


def _latency(results: TestResults) -> str:
    latency = results.latency_ms
    rows: list[tuple[str, LatencySummary]] = [
        ("response (intended send to answer)", latency.response),
        ("service (write to answer)", latency.service),
        ("lateness (write after intended send)", latency.lateness),
    ]
    if latency.decision.count:
        rows.append(("decision (intended send to decision)", latency.decision))
    head = ("Latency", "P50", "P90", "P95", "P99", "P99.9", "Max")
    cells = [
        (name, *(milliseconds(v) for v in (s.p50, s.p90, s.p95, s.p99, s.p999, s.max)))
        for name, s in rows
    ]
    return "## Latency\n\n" + table(head, cells)


def _detection(results: TestResults) -> str:
    detection, business = results.detection, results.business
    lines = ["## Detection", "", _accuracy(results)]
    precision = story.realistic_precision(detection)
    if precision:
        listed = ", ".join(f"{percent(value)} at {share} fraud" for share, value in precision)
        lines += ["", f"Precision re-weighted to realistic shares of fraud: {listed}."]
    if gap := story.value_gap(results):
        lines += ["", f"What fraud was worth was {gap}."]
    else:
        lines += [
            "",
            f"Value at reference rates of {business.rates_as_of}: "
            f"{money(business.fraud_value_stopped)} of {money(business.fraud_value)} of fraud "
            f"stopped; {money(business.legitimate_value_declined)} of legitimate purchases held.",
        ]
    rows = [
        (words(name), count(t.transactions), count(t.detected), percent(t.recall))
        for name, t in sorted(detection.by_typology.items(), key=lambda i: -(i[1].recall or 0))
    ]
    if rows:
        lines += ["", table(("Kind of fraud", "Decided", "Found", "Recall"), rows)]
    wrong = {name: e for name, e in detection.edge_cases.items() if e.otherwise}
    if detection.edge_cases:
        kinds = len(detection.edge_cases)
        lines += ["", f"Edge cases: {kinds - len(wrong)} of {kinds} kinds as documented."]
        lines += [f"- {words(n)}: {e.otherwise:,} not {e.expected}" for n, e in wrong.items()]
    return "\n".join(lines)


def _accuracy(results: TestResults) -> str:
    if gap := story.detection_gap(results):
        return f"Accuracy was {gap}."
    detection = results.detection
    found = (
        f"{percent(detection.recall)} of {count(detection.fraud)} frauds found "
        f"(95 % interval {interval(detection.recall_interval)})"
        if detection.recall is not None
        else "No fraud was decided on"
    )
    return (
        f"{found}; {percent(detection.false_positive_rate, 2)} of {count(detection.legitimate)} "
        "legitimate transactions held by mistake."
    )


def _cost(results: TestResults) -> str:
    cost = results.business.cost
    if cost is None:
        return ""
    rest = story.cost_remarks(cost)
    head = f"## Cost\n\n{story.cost_sentence(cost)}.\n\n"
    bill = table(("Service", "Used", "Price", "Amount"), story.cost_rows(cost))
    return head + bill + (f"\n\n{rest}" if rest else "")


def _beside(results: TestResults) -> str:
    parts = []
    if results.probes:
        parts.append(
            "## Beside the load\n\n" + table(beside.PROBE_HEAD, beside.probe_rows(results))
        )
    if results.faults:
        parts.append("## Faults\n\n" + table(beside.FAULT_HEAD, beside.fault_rows(results)))
    return "\n\n".join(parts)


def _agents(results: TestResults) -> str:
    if not results.agents:
        return ""
    rows = [
        (
            words(a.name),
            "healthy" if a.healthy else "not healthy",
            percent(a.load, 0),
            count(a.decisions),
            count(a.timeouts),
            count(a.failures),
            milliseconds(a.latency_ms_p99),
        )
        for a in results.agents
    ]
    head = ("Agent", "Health", "Busy", "Votes", "Timeouts", "Failures", "P99")
    sentence = story.coordination_sentence(results.coordination)
    return "\n\n".join(filter(None, ("## Agents", table(head, rows), sentence)))


def _generator(results: TestResults) -> str:
    generator = results.generator
    verdict = (
        "was the limit: what depends on the pace is not valid"
        if generator.limited
        else "was not the limit"
    )
    rows = [
        ("lateness P99", milliseconds(generator.lateness_p99_ms)),
        ("longest delay by its own fault", milliseconds(generator.own_lateness_max_ms)),
        ("sends over 10 ms late by its own fault", percent(generator.own_late_share, 3)),
        ("waited for a connection", percent(generator.pool_wait_share)),
        ("workers could make and send", rate(generator.calibrated_tps)),
        ("memory growth", size(generator.memory_growth_bytes)),
    ]
    for source, usage in results.resources.items():
        rows.append((f"CPU of the {source}", f"{usage.cpu_cores:.2f} of {usage.cores_available}"))
    return f"## Generator and machines\n\nThe generator {verdict}.\n\n" + table(("", ""), rows)


def _repeat(results: TestResults) -> str:
    facts = ", ".join(f"{words(name)} {value}" for name, value in results.environment.items())
    notes = "".join(f"\n\n{note}" for note in (*results.generator.notes, *results.notes))
    command = story.repeat_command(results.config)
    return f"## Run it again\n\n```sh\n{command}\n```\n\n{facts}.{notes}"
