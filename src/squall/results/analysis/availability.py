"""Whether the target was there: the critical alert "unavailable"."""

from __future__ import annotations

import math

from squall.models import Finding, Second, Severity, TestResults
from squall.results.figures import count, plural, seconds

SILENT_S_MIN = 3
"""Whole seconds without one answer, while transactions failed, that count as an outage."""


def availability(results: TestResults) -> list[Finding]:
    """The process that ended; without such, the longest time in which nobody was answered."""
    if results.target_ended is not None:
        return [_ended(results, results.target_ended.at_s, results.target_ended.reason)]
    silent = _longest_silence(results.seconds)
    return [_silent(silent)] if len(silent) >= SILENT_S_MIN else []


def _ended(results: TestResults, at_s: float, reason: str) -> Finding:
    after = [second for second in results.seconds if second.at_s >= math.ceil(at_s)]
    due, accepted = sum(s.planned for s in after), sum(s.accepted for s in after)
    return Finding(
        kind="sla_violation",
        severity=Severity.CRITICAL,
        component="target",
        title=f"The target was unavailable: its process ended {seconds(at_s)} into the load",
        evidence=reason.partition("; ")[0],
        impact=f"{plural(due, 'transaction')} came due after that; {count(accepted)} of them "
        "got a decision."
        if due
        else "What came in after that found nobody.",
        recommendation="Find what ended it; the notes have the end of its log.",
    )


def _silent(silent: list[Second]) -> Finding:
    due, errors = sum(s.planned for s in silent), sum(s.errors for s in silent)
    return Finding(
        kind="sla_violation",
        severity=Severity.CRITICAL,
        component="target",
        title=f"The target was unavailable for {len(silent)} s",
        evidence=f"not one answer from second {silent[0].at_s} to {silent[-1].at_s}, and "
        f"{plural(errors, 'error')}",
        impact=f"{plural(due, 'transaction')} came due in that time.",
        recommendation="Read the target's log for that time; see the errors by kind.",
    )


def _longest_silence(course: tuple[Second, ...]) -> list[Second]:
    """The longest row of seconds in which much was due, nothing was answered and most failed.

    Errors are asked for because an answer that only takes long is no outage.
    """
    longest: list[Second] = []
    row: list[Second] = []
    for second in course:
        silent = second.planned > 0 and not (second.accepted or second.rejected)
        row = [*row, second] if silent else []
        failed = sum(s.errors for s in row) >= sum(s.planned for s in row) / 2
        if failed and len(row) > len(longest):
            longest = row
    return longest
