"""Losses, missed criteria and the platform's alert limits, with severity and impact.

Alert limits: critical at errors above 1 % or P99 above 10 s; warning at errors above 0.1 %, P99
above 5 s or utilisation above 80 %.
"""

from __future__ import annotations

from squall.models import (
    NO_RECORDS_NAMED,
    Accounting,
    Finding,
    Severity,
    StabilityResult,
    TestResults,
    TestStatus,
)
from squall.results.analysis.agents import agents
from squall.results.analysis.availability import availability
from squall.results.analysis.criteria import criteria
from squall.results.analysis.loaded import cpu_share, loaded_usage
from squall.results.figures import percent, plural

ERRORS_CRITICAL, ERRORS_WARNING = 0.01, 0.001
P99_CRITICAL_MS, P99_WARNING_MS = 10_000.0, 5_000.0
UTILISATION_WARNING = 0.8


def violations(results: TestResults) -> list[Finding]:
    """Everything that went wrong, in no order of severity."""
    found = [
        *availability(results),
        *_losses(results),
        *_errors(results),
        *_latency(results),
        *criteria(results),
        *_stability(results),
        *agents(results),
        *_utilisation(results),
    ]
    if results.generator.workers_lost:
        found.append(_lost_workers(results))
    return found


def _examples(ids: tuple[str, ...]) -> str:
    return f": {', '.join(ids[:3])}{' …' if len(ids) > 3 else ''}" if ids else ""


def _losses(results: TestResults) -> list[Finding]:
    accounting = results.accounting
    found = []
    if not accounting.balanced:
        found.append(
            Finding(
                kind="loss",
                severity=Severity.CRITICAL,
                component="accounting",
                title="The accounting does not sum",
                evidence=f"{accounting.planned:,} planned, but the four ends add up to "
                f"{_ends(accounting):,}",
                impact="No figure of this run can be relied on.",
                recommendation="Please report this: it is a defect of squall.",
            )
        )
    if accounting.lost:
        found.append(
            Finding(
                kind="loss",
                severity=Severity.CRITICAL,
                component="target",
                title=f"{plural(accounting.lost, 'transaction')} lost",
                evidence="accepted with a decision, but not in the target's own records"
                + _examples(accounting.lost_ids),
                impact="Somebody was told that their payment was decided, and there is no record.",
                recommendation="Look for answers that are sent before the decision is durable.",
            )
        )
    if accounting.duplicated:
        found.append(
            Finding(
                kind="loss",
                severity=Severity.CRITICAL,
                component="target",
                title=f"{plural(accounting.duplicated, 'transaction')} decided more than once",
                evidence="the target's records hold these ids repeatedly"
                + _examples(accounting.duplicated_ids),
                impact="A payment can be taken twice.",
                recommendation="Make the decision idempotent by transaction id.",
            )
        )
    if accounting.unexpected:
        found.append(
            Finding(
                kind="loss",
                severity=Severity.CRITICAL,
                component="target",
                title=f"{plural(accounting.unexpected, 'decision')} that should not exist",
                evidence="recorded by the target, but never sent or definitely refused"
                + _examples(accounting.unexpected_ids),
                impact="Payments that a caller believes refused may be carried out.",
                recommendation="Look for records that are written before validation has ended.",
            )
        )
    if accounting.amount_difference_minor:
        found.append(
            Finding(
                kind="loss",
                severity=Severity.CRITICAL,
                component="target",
                title="Recorded amounts differ from those sent",
                evidence=f"by {accounting.amount_difference_minor:+,} minor units in all",
                impact="The books do not balance.",
                recommendation="Compare the recorded amounts with those sent, by id.",
            )
        )
    found.extend(_unknown_ends(results))
    return found


def _ends(accounting: Accounting) -> int:
    return (
        accounting.accepted + accounting.rejected + accounting.indeterminate + accounting.not_sent
    )


def _unknown_ends(results: TestResults) -> list[Finding]:
    accounting = results.accounting
    if accounting.reconciled is None and accounting.seen is None:
        reason = accounting.note or "the target's records were not read after the run"
        return [
            Finding(
                kind="loss",
                severity=Severity.WARNING,
                component="target",
                title="Whether anything was lost is unknown",
                evidence=reason + _open_ends(accounting),
                impact=f"{plural(accounting.accepted, 'accepted transaction')} could not be "
                "checked against the target's records.",
                recommendation=_unread_advice(results),
            )
        ]
    if accounting.unresolved:
        return [
            Finding(
                kind="loss",
                severity=Severity.WARNING,
                component="target",
                title=f"{plural(accounting.unresolved, 'transaction')} never decided",
                evidence="sent, no usable answer, and not in the target's records"
                + _examples(accounting.unresolved_ids),
                impact="The caller must send these again.",
                recommendation="See the errors by kind for what happened to them.",
            )
        ]
    return []


def _open_ends(accounting: Accounting) -> str:
    if not accounting.unresolved_ids:
        return ""
    number = plural(accounting.indeterminate, "transaction")
    return f"; {number} without a known end" + _examples(accounting.unresolved_ids)


def _unread_advice(results: TestResults) -> str:
    """What to do so that losses are known the next time, by what kept them from it."""
    note = results.accounting.note
    if not note or note.startswith(NO_RECORDS_NAMED):
        return "Describe how to list the target's decisions in its target file."
    if results.status is TestStatus.ABORTED:
        return "Let the run come to its end: its final read was broken off or never begun."
    if results.target_ended is not None:
        return "Start the target again on the same records and compare them with the ids sent."
    return "See that the target still hands out its records after the load, and run again."


def _errors(results: TestResults) -> list[Finding]:
    rate = results.error_rate
    if rate is None or rate <= ERRORS_WARNING:
        return []
    critical = rate > ERRORS_CRITICAL
    limit = ERRORS_CRITICAL if critical else ERRORS_WARNING
    kinds = sorted(results.errors.items(), key=lambda item: -item[1])[:3]
    listed = ", ".join(f"{kind} {count:,}" for kind, count in kinds)
    failed = round(rate * results.accounting.planned)
    worst = max(results.seconds, key=lambda s: s.errors, default=None)
    when = f"; worst second {worst.at_s} s with {worst.errors:,}" if worst and worst.errors else ""
    return [
        Finding(
            kind="sla_violation",
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            component="target",
            title=f"Error rate {percent(rate, 2)}, above the limit of {100 * limit:g} %",
            evidence=(listed or "see the accounting") + when,
            impact=f"{plural(failed, 'transaction')} got no usable answer: about "
            f"{1000 * rate:,.1f} of every 1,000.",
            recommendation=_error_advice(kinds[0][0] if kinds else ""),
        )
    ]


def _error_advice(kind: str) -> str:
    """What to look at first; an error is known by its kind, not by what its answer said."""
    if kind == "http_429":
        return "The target shed load: give it more capacity, or retries with Retry-After."
    if kind == "http_503":
        return (
            "The target refused for the time being: it is overloaded, or a part that it needs is "
            "away. Its answers and its log for the worst second say which."
        )
    if kind == "unknown_decision":
        return (
            "Compare the words for decisions in the target file with those in the answers: a word "
            "that the file gives no meaning counts as no decision."
        )
    if kind.startswith("answer_"):
        return "Compare what the target file looks for in an answer with what the target answers."
    if kind == "timeout":
        return "Find what the slowest answers wait for; see service latency over time."
    if kind.startswith("http_5"):
        return "Read the target's log for the time of the worst second."
    return "See the errors by kind, and the target's log for the time of the worst second."


def _latency(results: TestResults) -> list[Finding]:
    p99 = results.latency_ms.response.p99
    if p99 is None or p99 <= P99_WARNING_MS:
        return []
    critical = p99 > P99_CRITICAL_MS
    limit = P99_CRITICAL_MS if critical else P99_WARNING_MS
    service = results.latency_ms.service.p99
    slow = round(results.latency_ms.response.count / 100)
    waited = (
        "Most of it was spent waiting to be sent: see the bottleneck."
        if service is not None and service < p99 / 2
        else "Most of it was the target's own service time."
    )
    return [
        Finding(
            kind="sla_violation",
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            component="target",
            title=f"P99 {p99 / 1000:,.1f} s, above the limit of {limit / 1000:g} s",
            evidence=f"response P99 {p99:,.0f} ms"
            + (f", service P99 {service:,.0f} ms" if service is not None else ""),
            impact=f"{plural(slow, 'customer')} waited longer than {p99 / 1000:,.1f} s.",
            recommendation=waited,
        )
    ]


def _stability(results: TestResults) -> list[Finding]:
    return [
        Finding(
            kind="stability",
            severity=Severity.CRITICAL,
            component=check.metric,
            title=f"{check.metric} keeps growing",
            evidence=_trend(check),
            impact="A longer run ends in failure at this pace.",
            recommendation="Compare a profile of the process early and late in the run.",
        )
        for check in results.stability
        if check.passed is False
    ]


def _trend(check: StabilityResult) -> str:
    if check.slope_per_hour is None or check.interval is None:
        return check.detail
    low, high = check.interval
    limit = f", limit {check.limit:g}" if check.limit is not None else ""
    figures = (
        f"{check.slope_per_hour:+.3g} {check.unit}, 95 % interval {low:+.3g} to {high:+.3g}{limit}"
    )
    return f"{figures}; {check.detail}" if check.detail else figures


def _utilisation(results: TestResults) -> list[Finding]:
    usage = loaded_usage(results, "target")
    if usage is None or cpu_share(usage) <= UTILISATION_WARNING:
        return []
    return [
        Finding(
            kind="sla_violation",
            severity=Severity.WARNING,
            component="target",
            title=f"Target CPU {percent(cpu_share(usage), 0)}, above the limit of "
            f"{percent(UTILISATION_WARNING, 0)}",
            evidence=f"{usage.cpu_cores:.2f} of {usage.cores_available} cores near peak load",
            impact="There is little headroom for a higher peak or a failing instance.",
            recommendation="Plan for at most 80 % at the expected peak.",
        )
    ]


def _lost_workers(results: TestResults) -> Finding:
    lost = results.generator.workers_lost
    return Finding(
        kind="generator",
        severity=Severity.CRITICAL,
        component="load generator",
        title=f"{plural(lost, 'load worker')} died during the run",
        evidence=f"of {results.generator.workers}; its transactions are counted as not sent or "
        "indeterminate",
        impact="The target got less load than planned from then on.",
        recommendation="Look for what ended it, usually a lack of memory, and run again.",
    )
