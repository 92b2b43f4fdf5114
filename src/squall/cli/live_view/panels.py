"""The parts of the live view, each made from one snapshot as lines of a given width."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from squall.cli.live_view.lines import DIM, Line, apart
from squall.cli.live_view.words import milliseconds, percent, rate
from squall.models import (
    Accounting,
    CriterionResult,
    Detection,
    LatencySummary,
    LiveSnapshot,
    TestStatus,
)
from squall.scenarios.criteria import Criterion, parse_criterion, units
from squall.scenarios.criteria.expression import Comparison

LATE_MS = 10.0
"""A generator later than this at P99 is shown as late."""
BEHIND = 0.9
"""A target that accepts less than this share of the plan is shown as behind."""
_SETTLING_S = 2.0
_ERRORS_SHOWN = 3
_LATENCY_LABEL = 9
_END_LABEL, _END_COUNT, _END_SHARE = 15, 12, 9
_UNDER_LOAD = frozenset({TestStatus.RUNNING, TestStatus.PAUSED})


def rates(snapshot: LiveSnapshot, width: int) -> list[Line]:
    """Planned, offered and accepted rate now."""
    planned = rate(snapshot.planned_tps)
    if snapshot.rate_multiplier != 1:
        planned = f"× {snapshot.rate_multiplier:g}  {planned}"
    running = snapshot.status is TestStatus.RUNNING and snapshot.at_s > _SETTLING_S
    behind = running and snapshot.accepted_tps < BEHIND * snapshot.planned_tps
    accepted_style = "bold yellow" if behind else "bold green"
    return [
        apart([("planned", DIM)], [(planned, "")], width),
        apart([("offered", DIM)], [(rate(snapshot.offered_tps), "")], width),
        apart([("accepted", DIM)], [(rate(snapshot.accepted_tps), accepted_style)], width),
    ]


def latencies(snapshot: LiveSnapshot, width: int) -> list[Line]:
    """Percentiles in milliseconds: now, and over the run so far."""
    names = ("P50", "P90", "P95", "P99", "P99.9", "max")
    cell = max(6, (width - _LATENCY_LABEL) // len(names))
    heading = " " * _LATENCY_LABEL + "".join(f"{name:>{cell}}" for name in names)

    def row(name: str, summary: LatencySummary, style: str) -> Line:
        values = (
            summary.p50,
            summary.p90,
            summary.p95,
            summary.p99,
            summary.p999,
            summary.max,
        )
        figures = "".join(f"{milliseconds(value):>{cell}}" for value in values)
        return [(f"{name:<{_LATENCY_LABEL}}", DIM), (figures, style)]

    rows = [
        [(heading, DIM)],
        row("now", snapshot.response_recent, "bold"),
        row("response", snapshot.response, ""),
        row("service", snapshot.service, ""),
    ]
    if snapshot.decision.count:
        rows.append(row("decision", snapshot.decision, "bold"))
    return rows


def open_ends(ends: Accounting) -> int:
    """Planned transactions that have not reached an end."""
    settled = ends.accepted + ends.rejected + ends.indeterminate + ends.not_sent
    return max(0, ends.planned - settled)


def accounting(snapshot: LiveSnapshot, width: int) -> list[Line]:
    """Where every planned transaction is; the lines add up to the plan."""
    ends = snapshot.accounting
    unsettled = open_ends(ends)
    in_flight = min(snapshot.in_flight, unsettled)
    waiting = unsettled - in_flight
    refused = ends.rejected - ends.rejected_expected
    room = width - _END_LABEL - _END_COUNT - _END_SHARE - 2
    lines: list[Line] = []
    for name, number, style in (
        ("accepted", ends.accepted, "green"),
        ("refused, as due", ends.rejected_expected, "cyan"),
        ("refused", refused, "red" if refused else DIM),
        ("indeterminate", ends.indeterminate, "red" if ends.indeterminate else DIM),
        ("not sent", ends.not_sent, "red" if ends.not_sent else DIM),
        ("in flight", in_flight, DIM),
        ("waiting", waiting, "yellow" if waiting else DIM),
    ):
        share = number / ends.planned if ends.planned else 0.0
        shown = percent(share) if number else ""
        lines.append(
            [
                (f"{name:<{_END_LABEL}}{number:>{_END_COUNT},}", style),
                (f"{shown:>{_END_SHARE}}" if room >= -2 else "", DIM),
                ("  " + _bar(share, room) if room >= 8 else "", style),
            ]
        )
    total = f"{'= planned':<{_END_LABEL}}{ends.planned:>{_END_COUNT},}"
    return [*lines, [(total, "bold")]]


def criteria(results: Sequence[CriterionResult], width: int, most: int) -> list[Line]:
    """Each criterion as it stands: held so far, broken, or known only at the end."""
    if not results:
        return [[("no criteria in this scenario", DIM)]]
    # Broken ones first where not all can be shown.
    ordered = list(results) if len(results) <= most else sorted(results, key=_rank)[: most - 1]
    lines: list[Line] = []
    for result in ordered:
        sign, style = _CRITERION[result.passed]
        left: Line = [(f"{sign}  ", style), (result.expression, style)]
        lines.append(apart(left, [(_measured(result), DIM)], width))
    if len(ordered) < len(results):
        lines.append([(f"… and {len(results) - len(ordered)} more", DIM)])
    return lines


def detection(found: Detection, width: int) -> list[Line]:
    """How well fraud is found under this load, with 95 % intervals."""
    recall = _with_interval(found.recall, found.recall_interval, 1)
    false = _with_interval(found.false_positive_rate, found.false_positive_rate_interval, 2)
    fraud = "–" if found.fraud is None else f"{found.fraud:,}"
    return [
        apart([("recall", DIM)], [(recall, "")], width),
        apart([("false positives", DIM)], [(false, "")], width),
        apart([("fraud decided on", DIM)], [(fraud, "")], width),
    ]


def generator(snapshot: LiveSnapshot, workers: int, width: int) -> list[Line]:
    """Whether the generator itself keeps its schedule."""
    late = snapshot.lateness.p99
    on_time = late is None or late <= LATE_MS
    # Workers end one by one when they have drained; before that, one that is gone has died.
    under_load = snapshot.status in _UNDER_LOAD
    gone = under_load and snapshot.workers_alive < workers
    running = f"{snapshot.workers_alive} of {workers}" if under_load else str(workers)
    return [
        apart(
            [("lateness P99", DIM)],
            [(f"{milliseconds(late)} ms", "green" if on_time else "yellow")],
            width,
        ),
        apart([("workers", DIM)], [(running, "bold red" if gone else "")], width),
        apart([("CPU", DIM)], [(f"{snapshot.generator_cpu_cores:.2f} cores", "")], width),
    ]


def errors(snapshot: LiveSnapshot) -> Line | None:
    """The most frequent errors on one line; None without any."""
    if not snapshot.errors:
        return None
    ordered = sorted(snapshot.errors.items(), key=lambda item: -item[1])
    shown = [f"{kind} {number:,}" for kind, number in ordered[:_ERRORS_SHOWN]]
    if len(ordered) > _ERRORS_SHOWN:
        shown.append(f"{len(ordered) - _ERRORS_SHOWN} other kinds")
    return [("errors: ", "bold red"), (", ".join(shown), "red")]


_CRITERION: dict[bool | None, tuple[str, str]] = {
    True: ("✓", "green"),
    False: ("✗", "bold red"),
    None: ("·", DIM),
}


def _measured(result: CriterionResult) -> str:
    """The measured value in the unit of its figure; empty where there is none yet."""
    if result.measured is None or isinstance(result.measured, str):
        return result.measured or ""
    expression = _parsed(result.expression).expression
    unit = expression.left.figure.unit if isinstance(expression, Comparison) else units.NONE
    return units.show(result.measured, unit)


@cache
def _parsed(expression: str) -> Criterion:
    return parse_criterion(expression)


def _rank(result: CriterionResult) -> int:
    return {False: 0, True: 1, None: 2}[result.passed]


def _bar(share: float, width: int) -> str:
    """A bar; anything above nothing is seen."""
    return "━" * max(1, round(share * width)) if share > 0 else ""


def _with_interval(share: float | None, interval: tuple[float, float] | None, digits: int) -> str:
    if share is None or interval is None:
        return "–"
    low, high = (f"{100 * end:.{digits}f}" for end in interval)
    return f"{percent(share, digits)}  ({low} – {high})"
