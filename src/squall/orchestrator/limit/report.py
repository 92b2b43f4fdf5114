"""A search as documents for people: Markdown, and one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

from squall.errors import ConfigurationError
from squall.orchestrator.limit.chart import rate_chart, usl_chart
from squall.orchestrator.limit.outcome import (
    LimitOutcome,
    confidence_statement,
    document,
    finding_statement,
    headline,
    usl_statement,
)
from squall.orchestrator.limit.step import StepResult

_STYLE = """
:root{--ground:#fff;--ink:#1b1f24;--soft:#5c6670;--rule:#d9dee3;--good:#1a7f4b;--bad:#b42318;
--odd:#9a6700;--accent:#1f5fbf}
@media(prefers-color-scheme:dark){:root{--ground:#14181d;--ink:#e8ebee;--soft:#9aa5b1;
--rule:#2f3740;--good:#4cc38a;--bad:#ff8a7a;--odd:#e5b567;--accent:#7fb0ff}}
body{margin:2rem auto;max-width:46rem;padding:0 1rem;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
p.answer{font-size:1.5rem;font-weight:600;margin:.4rem 0}p.soft,small{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3rem .5rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
th:last-child,td:last-child,th:nth-child(2),td:nth-child(2){text-align:left}
.passed{color:var(--good)}.failed{color:var(--bad)}.invalid{color:var(--odd)}
svg{width:100%;height:auto}svg .grid{stroke:var(--rule)}svg .label{fill:var(--soft);font-size:12px}
svg .passed{fill:var(--good)}svg .failed{stroke:var(--bad);stroke-width:2.5}
svg .invalid{stroke:var(--odd);stroke-width:2.5}svg .holds{stroke:var(--good);stroke-dasharray:5 4}
svg .breaks{stroke:var(--bad);stroke-dasharray:5 4}svg .point{fill:var(--accent)}
svg .law{fill:none;stroke:var(--accent);stroke-width:2}
"""
_RULES = {"run": "---", "why": "---"}
"""How a column is set in Markdown, where not as numbers."""


def write_json(outcome: LimitOutcome, path: Path) -> None:
    """Write the JSON document; raises ``ConfigurationError`` where that is impossible."""
    _write(path, json.dumps(document(outcome), indent=2, ensure_ascii=False) + "\n")


def write_report(outcome: LimitOutcome, directory: Path) -> Mapping[str, Path]:
    """Write ``limit.html`` and ``limit.md``; returns their paths by kind.

    Raises ``ConfigurationError`` where the directory cannot be made or written.
    """
    paths = {"html": directory / "limit.html", "markdown": directory / "limit.md"}
    _write(paths["html"], html(outcome))
    _write(paths["markdown"], markdown(outcome))
    return paths


def markdown(outcome: LimitOutcome) -> str:
    """The report as Markdown."""
    columns, later = _columns(outcome), _decides_later(outcome)
    lines = [
        "# The highest rate that holds",
        "",
        f"**{headline(outcome)}**",
        "",
        confidence_statement(outcome),
        "",
        *(f"- {item}" for item in _facts(outcome)),
        "",
        "| " + " | ".join(columns) + " |",
        "| " + " | ".join(_RULES.get(column, "---:") for column in columns) + " |",
        *("| " + " | ".join(_cells(step, later)) + " |" for step in outcome.steps),
        "",
        usl_statement(outcome.usl),
        "",
    ]
    return "\n".join(lines)


def html(outcome: LimitOutcome) -> str:
    """The report as one HTML page without outside resources."""
    later = _decides_later(outcome)
    heads = "".join(f"<th>{escape(column)}</th>" for column in _columns(outcome))
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td class="{step.trial.value}">{escape(cell)}</td>'
            if at == 1
            else f"<td>{escape(cell)}</td>"
            for at, cell in enumerate(_cells(step, later))
        )
        + "</tr>"
        for step in outcome.steps
    )
    facts = "".join(f"<li>{escape(item)}</li>" for item in _facts(outcome))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Limit of {escape(outcome.target)}</title><style>{_STYLE}</style></head><body>"
        "<h1>The highest rate that holds</h1>"
        f'<p class="answer">{escape(headline(outcome))}</p>'
        f'<p class="soft">{escape(confidence_statement(outcome))}</p><ul>{facts}</ul>'
        "<h2>Runs</h2>"
        f"{rate_chart(outcome.steps, outcome.bracket)}"
        "<p><small>Each mark is one run: a circle passed, a cross did not. Dashed: the highest"
        " rate that holds and the lowest that does not.</small></p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        "<h2>Scalability</h2>"
        f"{usl_chart(outcome.usl)}<p>{escape(usl_statement(outcome.usl))}</p>"
        "<p><small>X(N) = λN / (1 + σ(N − 1) + κN(N − 1)); N. J. Gunther, Guerrilla Capacity"
        " Planning, Springer 2007. N is the mean number of requests in the target.</small></p>"
        "</body></html>\n"
    )


def _facts(outcome: LimitOutcome) -> list[str]:
    facts = [
        f"target {outcome.target}, load as in {outcome.scenario}, seeds from {outcome.seed}",
        f"each run: {outcome.warm_up_s:g} s of warm-up, {outcome.step_s:g} s measured;"
        f" judged by the majority of {outcome.spec.repeats}",
        f"precision {100 * outcome.spec.precision:.3g} %, started {outcome.started_at}",
        "criteria: " + "; ".join(outcome.criteria),
    ]
    if outcome.breaking_reasons:
        facts.append("what broke: " + "; ".join(outcome.breaking_reasons))
    if (found := outcome.bottleneck) is not None:
        facts.append(f"bottleneck: {finding_statement(found)}")
    if outcome.bracket.contradictory:
        facts.append(
            "a higher rate held although a lower one broke: the target changed while it was"
            " measured, or the machine is noisy; use more --repeats"
        )
    return facts + list(outcome.notes)


def _columns(outcome: LimitOutcome) -> list[str]:
    """Heads of the table of runs; decisions have theirs where they come later than answers."""
    later = ["decided P95, ms"] if _decides_later(outcome) else []
    return ["rate, TPS", "run", "answered, TPS", "P95, ms", "P99, ms", *later, "errors", "why"]


def _decides_later(outcome: LimitOutcome) -> bool:
    return any(step.decision.count for step in outcome.steps)


def _cells(step: StepResult, decides_later: bool) -> list[str]:
    return [
        f"{step.rate_tps:,.4g}" if step.rate_tps < 10 else f"{step.rate_tps:,.0f}",
        step.trial.value,
        f"{step.answered_tps:,.0f}",
        _ms(step.response.p95),
        _ms(step.response.p99),
        *([_ms(step.decision.p95)] if decides_later else []),
        "unknown" if step.error_rate is None else f"{step.error_rate:.3%}",
        "; ".join(step.reasons).replace("|", "/"),
    ]


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be written ({error.strerror}); choose another place"
        ) from error
