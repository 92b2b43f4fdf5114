"""Criteria that were missed or could not be judged, with what that meant for customers."""

from __future__ import annotations

from squall.errors import CriterionError, DataFileError
from squall.models import CriterionResult, Finding, Severity, TestResults
from squall.results.figures import measured, percent, plural
from squall.results.histograms import decode
from squall.scenarios.criteria import parse_criterion
from squall.scenarios.criteria.expression import Amount, Comparison, Portion

CRITERIA = "success criteria"
"""Component of findings about criteria."""

_BELOW = {"<", "<="}
_ABOVE_SHARES = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01, "p999": 0.001}
"""Share of values at or above a percentile."""
_WHAT = {
    "response": ("customer", "waited longer than"),
    "service": ("answer", "took the target longer than"),
    "decision": ("decision", "came later than"),
    "lateness": ("transaction", "was sent late by more than"),
}


def criteria(results: TestResults) -> list[Finding]:
    """One finding for each criterion that is not true."""
    return [_unmet(c, results) for c in results.criteria if not c.passed]


def _unmet(criterion: CriterionResult, results: TestResults) -> Finding:
    unknown = criterion.passed is None
    expression = criterion.expression
    return Finding(
        kind="sla_violation",
        severity=Severity.WARNING if unknown else Severity.CRITICAL,
        component=CRITERIA,
        title=f"{'Could not be judged' if unknown else 'Not met'}: {expression}",
        evidence=f"measured: {measured(criterion)}"
        + (f"; {criterion.detail}" if criterion.detail else ""),
        impact="The scenario's promise is not shown." if unknown else _impact(expression, results),
    )


def _impact(text: str, results: TestResults) -> str:
    """What was missed, in customers or transactions where the figure speaks of such."""
    try:
        expression = parse_criterion(text).expression
    except CriterionError:
        return "The run fails."
    if isinstance(expression, Comparison) and expression.operator in _BELOW:
        match expression.left.figure.path, expression.right:
            case ("latency_ms", str(clock), str(moment)), Amount() as limit if clock in _WHAT:
                return _slower(expression.left, clock, moment, limit, results)
            case ("error_rate",), _ if results.error_rate and expression.left.phase is None:
                failed = round(results.error_rate * results.accounting.planned)
                return f"{plural(failed, 'transaction')} got no usable answer."
    return "The run fails."


def _slower(portion: Portion, clock: str, moment: str, limit: Amount, results: TestResults) -> str:
    noun, waited = _WHAT[clock]
    shown = f"{limit.value:,.12g} {limit.unit.name}"
    if portion.phase is None and portion.factor == 1.0 and (log := _log(clock, results)):
        try:
            histogram = decode(log)
        except DataFileError:
            return "The run fails."
        slow = histogram.count_above(round(limit.base * 1e6))
        share = percent(slow / histogram.total) if histogram.total else "0 %"
        return f"{plural(slow, noun)} ({share}) {_verb(waited, slow)} {shown}."
    if (share_min := _ABOVE_SHARES.get(moment)) is None:
        return "The run fails."
    return f"At least {share_min * 100:g} % of the {noun}s {_verb(waited, 2)} {shown}" + (
        f" in phase {portion.phase}." if portion.phase else "."
    )


def _verb(waited: str, number: int) -> str:
    return waited if number == 1 else waited.replace("was ", "were ", 1)


def _log(clock: str, results: TestResults) -> str:
    return getattr(results.histograms, clock, "") if results.histograms else ""
