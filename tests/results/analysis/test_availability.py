from __future__ import annotations

from dataclasses import replace

import pytest

from squall.models import Finding, Second, Severity, TargetEnd, TestResults
from squall.results import analyse

SECOND = Second(0, 100, 100, 0, 0, 1.0, 2.0, 3.0, 2.0, 0.1, 0, 0, 1, 1, 99, 0)
DOWN = replace(SECOND, accepted=0, errors=100)
SLOW = replace(SECOND, accepted=0)
REFUSING = replace(SECOND, accepted=0, rejected=100, errors=100)


def _course(*course: Second) -> tuple[Second, ...]:
    return tuple(replace(second, at_s=at) for at, second in enumerate(course))


def _unavailable(results: TestResults) -> list[Finding]:
    return [f for f in analyse(results) if f.title.startswith("The target was unavailable")]


def test_a_process_that_ended_is_the_first_finding(passed: TestResults) -> None:
    results = replace(
        passed,
        target_ended=TargetEnd(3.2, "killed by SIGKILL; its log (p.log) ends with\n  bye"),
        seconds=_course(*[SECOND] * 4, DOWN, DOWN, DOWN),
        error_rate=0.4,
    )
    (finding,) = _unavailable(results)
    assert analyse(results)[0] == finding
    assert finding.severity is Severity.CRITICAL
    assert "3.2 s into the load" in finding.title
    assert finding.evidence == "killed by SIGKILL"
    assert finding.impact.startswith("300 transactions came due after that; 0 of them")


@pytest.mark.parametrize(
    ("course", "title"),
    [
        ([SECOND, DOWN, DOWN, SECOND], None),
        ([SECOND, DOWN, DOWN, DOWN, SECOND], "The target was unavailable for 3 s"),
        ([DOWN] * 5, "The target was unavailable for 5 s"),
        ([SLOW] * 9 + [SECOND], None),
        ([REFUSING] * 9, None),
        ([SECOND, *[replace(DOWN, planned=0)] * 5], None),
    ],
)
def test_seconds_without_an_answer(
    passed: TestResults, course: list[Second], title: str | None
) -> None:
    found = _unavailable(replace(passed, seconds=_course(*course)))
    assert [finding.title for finding in found] == ([title] if title else [])
