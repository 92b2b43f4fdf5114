"""What ``squall limit`` shows while it searches, and at the end."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from squall.orchestrator.limit.outcome import (
    LimitOutcome,
    confidence_statement,
    finding_statement,
    headline,
    usl_statement,
)
from squall.orchestrator.limit.search import Probe, SearchPhase, Trial
from squall.orchestrator.limit.step import StepResult

_STYLE = {Trial.PASSED: "green", Trial.FAILED: "red", Trial.INVALID: "yellow"}
_SIGN = {Trial.PASSED: "✓", Trial.FAILED: "✗", Trial.INVALID: "!"}
_PHASE = {
    SearchPhase.RAMP: "going up",
    SearchPhase.BISECT: "narrowing",
    SearchPhase.CONFIRM: "repeating",
}
_COLUMNS = (
    (9, "rate, TPS"),
    (9, "answered"),
    (9, "P95, ms"),
    (9, "P99, ms"),
    (11, "decided P95"),
    (8, "errors"),
)


class LimitView:
    """A line for every run as it ends, and one below that says what is going on now."""

    def __init__(self, console: Console, step_s: float) -> None:
        self._console = console
        self._step_s = step_s
        self._status = console.status("starting")

    def __enter__(self) -> LimitView:
        """Show the heads of the columns."""
        heads = "  ".join(f"{name:>{width}}" for width, name in _COLUMNS)
        self._console.print(f"[bold]{heads}  run[/bold]", soft_wrap=True)
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line below away."""
        self._status.stop()

    def say(self, text: str) -> None:
        """Show what is being done."""
        self._status.update(escape(text.splitlines()[0] if text else ""))

    def started(self, probe: Probe) -> None:
        """A run begins."""
        repeat = f", run {probe.repeat}" if probe.repeat > 1 else ""
        self.say(f"{_PHASE[probe.phase]}: {probe.rate_tps:,.0f} TPS{repeat} ({self._step_s:g} s)")

    def finished(self, probe: Probe, step: StepResult) -> None:
        """A run has ended."""
        cells = (
            f"{step.rate_tps:,.0f}",
            f"{step.answered_tps:,.0f}",
            _ms(step.response.p95),
            _ms(step.response.p99),
            _ms(step.decision.p95),
            "?" if step.error_rate is None else f"{step.error_rate:.2%}",
        )
        row = "  ".join(
            f"{cell:>{width}}" for cell, (width, _) in zip(cells, _COLUMNS, strict=True)
        )
        why = f"  [dim]{escape(step.reasons[0])}[/dim]" if step.reasons else ""
        trial = f"[{_STYLE[step.trial]}]{_SIGN[step.trial]} {step.trial.value}[/]"
        self._console.print(f"{row}  {trial}{why}", soft_wrap=True)


def show_outcome(outcome: LimitOutcome, console: Console) -> None:
    """The answer, how sure it is, what broke, and the scalability law."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("confidence", escape(confidence_statement(outcome)))
    if outcome.breaking_reasons:
        table.add_row("what broke", escape("; ".join(outcome.breaking_reasons)))
    if (found := outcome.bottleneck) is not None:
        table.add_row("bottleneck", escape(finding_statement(found)))
    table.add_row("law", escape(usl_statement(outcome.usl)))
    for note in outcome.notes:
        table.add_row("note", escape(note))
    console.print()
    console.print(f"[bold]{escape(headline(outcome))}[/bold]")
    console.print(table)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
