"""The HTML report: one self-contained file that needs no network and no script to be read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from squall.business import competitive_benchmarks, hero_metrics
from squall.models import StabilityResult, TestResults, Verdict
from squall.results import figures
from squall.results.analysis import analyse
from squall.results.reports import beside, story
from squall.results.reports.page import charts, facts
from squall.results.reports.page.plots import Plot

_VERDICT_SHAPES = {
    Verdict.PASSED: "good",
    Verdict.FAILED: "bad",
    Verdict.INVALID: "warn",
    Verdict.ABORTED: "bad",
    Verdict.NOT_JUDGED: "info",
}
_SEVERITY_SHAPES = {"critical": "bad", "warning": "warn", "info": "info"}
_PASSED_SHAPES = {True: "good", False: "bad", None: "unknown"}


@dataclass(frozen=True, slots=True)
class _Hero:
    value: str
    unit: str
    label: str
    source: str
    loss: bool = False


@dataclass(frozen=True, slots=True)
class _Scaled:
    head: str
    rest: str


def render_html(results: TestResults) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("squall.results.reports", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["data"] = _plot_data
    environment.globals["f"] = figures
    environment.globals["code"] = _code
    # Style and script stand in raw-text elements, where nothing may be escaped; both are ours.
    source = environment.get_template("report.html")
    return source.render(
        r=results,
        title=story.title(results),
        verdict_word=story.VERDICT_WORDS[results.verdict],
        verdict_shape=_VERDICT_SHAPES[results.verdict],
        verdict_sentence=story.verdict_sentence(results),
        took=story.took_sentence(results),
        started=_instant(results.started_at),
        duration=figures.seconds(results.throughput.duration_s),
        scaled=_scaled(results),
        heroes=_heroes(results),
        measured=figures.measured,
        state_word=story.state_word,
        passed_shape=_PASSED_SHAPES.__getitem__,
        severity_shape=_SEVERITY_SHAPES.__getitem__,
        trend=_trend,
        findings=results.findings or analyse(results),
        **_charts(results),
        silhouette=charts.silhouette(results),
        load_lede=_load_lede(results),
        latencies=facts.latencies(results),
        **facts.accounting(results),
        **facts.detection(results),
        value_lede=facts.value_lede(results),
        money_facts=facts.money(results),
        **_cost(results),
        coordination=story.coordination_sentence(results.coordination),
        probe_rows=beside.probe_rows(results),
        fault_rows=beside.fault_rows(results),
        generator_facts=facts.generator(results),
        notes=(*results.generator.notes, *results.notes),
        command=story.repeat_command(results.config),
        environment_facts=facts.environment(results),
        published=competitive_benchmarks(),
    )


def _cost(results: TestResults) -> dict[str, object]:
    cost = results.business.cost
    if cost is None:
        return {}
    return {
        "cost_sentence": story.cost_sentence(cost),
        "cost_remarks": story.cost_remarks(cost),
        "cost_rows": story.cost_rows(cost),
    }


def _charts(results: TestResults) -> dict[str, Plot | None]:
    return {
        "load": charts.load_chart(results),
        "latency": charts.latency_chart(results),
        "percentiles": charts.percentile_chart(results),
        "cpu": charts.cpu_chart(results),
        "memory": charts.memory_chart(results),
    }


def _plot_data(plot: Plot) -> Markup:
    """What the cursor needs, as JSON that may stand in a script element."""
    content = {
        "unit": plot.unit,
        "x_unit": plot.x_unit,
        "group": plot.group,
        "x": plot.x_values,
        "positions": plot.x_positions,
        "lines": [{"name": line.name, "values": line.values} for line in plot.lines],
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _code(text: str) -> Markup:
    """Escaped text, with `backticks` as code."""
    pieces = [escape(piece) for piece in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if at % 2 else piece
        for at, piece in enumerate(pieces)
    )


def _instant(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%-d %B %Y, %H:%M UTC")
    except ValueError:
        return text


def _scaled(results: TestResults) -> _Scaled | None:
    if not story.is_scaled(results):
        return None
    head, colon, rest = results.scaling.statement.partition(":")
    return _Scaled(f"{head}:", rest.strip()) if colon else _Scaled("Scaled:", head)


def _heroes(results: TestResults) -> list[_Hero]:
    hero = hero_metrics(results)
    rates = results.business.rates_as_of
    lost = "?" if hero.lost is None else figures.count(hero.lost)
    lost_label = (
        "transactions lost" if hero.lost is not None else "lost: no final read was possible"
    )
    found = [
        _Hero(figures.count(hero.transactions), "", "transactions decided", "accounting"),
        _Hero(
            f"{hero.peak_tps:,.0f}",
            "TPS",
            "busiest second",
            "highest accepted rate over one second",
        ),
        _Hero(lost, "", lost_label, "final read of the target's records", bool(hero.lost)),
    ]
    if hero.response_ms_p99 is not None:
        value, _, unit = figures.milliseconds(hero.response_ms_p99).partition(" ")
        found.append(_Hero(value, unit, "99 of 100 were answered within", "response P99"))
    if hero.fraud_recall is not None:
        value, _, unit = figures.percent(hero.fraud_recall).partition(" ")
        found.append(_Hero(value, unit, "of the fraud found, under load", "recall, ground truth"))
    if hero.fraud_value_stopped_usd is not None:
        value, _, unit = figures.money(hero.fraud_value_stopped_usd).partition(" ")
        found.append(
            _Hero(value, unit, "of fraud stopped", f"US dollars at reference rates of {rates}")
        )
    return found


def _trend(check: StabilityResult) -> str:
    parts = []
    if check.interval is not None:
        low, high = check.interval
        parts.append(f"95 % interval {low:+.3g} to {high:+.3g}".replace("-", "−"))
    if check.limit is not None:
        parts.append(f"limit {check.limit:g} {check.unit}")
    if check.detail:
        parts.append(check.detail)
    return "; ".join(parts)


def _load_lede(results: TestResults) -> str:
    throughput = results.throughput
    return (
        f"Planned peak {figures.rate(throughput.planned_peak_tps)}. Over the run, "
        f"{figures.rate(throughput.offered_tps)} were due and "
        f"{figures.rate(throughput.accepted_tps)} accepted."
        + (
            " The difference is edge cases that the target must refuse."
            if results.accounting.rejected_expected
            and not results.error_rate
            and throughput.offered_tps > throughput.accepted_tps
            else ""
        )
    )
