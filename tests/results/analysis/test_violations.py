from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from squall.models import (
    NO_RECORDS_NAMED,
    Accounting,
    CriterionResult,
    Finding,
    StabilityResult,
    TargetEnd,
    TestResults,
    TestStatus,
)
from squall.results import analyse


def _accounting(results: TestResults, **changes: object) -> TestResults:
    accounting = dataclasses.replace(results.accounting, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(results, accounting=accounting)


def _titles(results: TestResults, *kinds: str) -> list[tuple[str, str]]:
    return [(f.severity.value, f.title) for f in analyse(results) if f.kind in kinds]


def test_a_clean_run_has_none(passed: TestResults) -> None:
    assert _titles(passed, "loss", "sla_violation", "stability", "generator") == []


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"lost": 1, "lost_ids": ("t-1",)}, "1 transaction lost"),
        ({"lost": 2_000}, "2,000 transactions lost"),
        ({"duplicated": 3}, "3 transactions decided more than once"),
        ({"unexpected": 1}, "1 decision that should not exist"),
        ({"amount_difference_minor": -5}, "Recorded amounts differ from those sent"),
        ({"not_sent": 1}, "The accounting does not sum"),
    ],
)
def test_losses_are_critical(passed: TestResults, changes: dict[str, object], title: str) -> None:
    assert _titles(_accounting(passed, **changes), "loss") == [("critical", title)]


def test_ids_are_given_as_evidence(passed: TestResults) -> None:
    ids = ("a-1", "a-2", "a-3", "a-4")
    finding = analyse(_accounting(passed, lost=4, lost_ids=ids))[0]
    assert "a-1, a-2, a-3 …" in finding.evidence


def test_unknown_losses_are_not_called_zero(passed: TestResults) -> None:
    plain = Accounting(planned=10, accepted=10, rejected=0, indeterminate=0, not_sent=0)
    results = dataclasses.replace(passed, accounting=plain)
    assert ("warning", "Whether anything was lost is unknown") in _titles(results, "loss")


@pytest.mark.parametrize(
    ("rate", "severity"),
    [(0.0, None), (0.001, None), (0.0011, "warning"), (0.01, "warning"), (0.0101, "critical")],
)
def test_error_rate_limits(passed: TestResults, rate: float, severity: str | None) -> None:
    results = dataclasses.replace(passed, error_rate=rate, errors={"timeout": 9})
    found = _titles(results, "sla_violation")
    assert [s for s, title in found if title.startswith("Error rate")] == (
        [severity] if severity else []
    )


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("http_429", "The target shed load"),
        ("http_503", "refused for the time being"),
        ("unknown_decision", "the words for decisions in the target file"),
        ("answer_without_id", "what the target file looks for"),
        ("timeout", "what the slowest answers wait for"),
        ("http_500", "Read the target's log"),
        ("connection_refused", "See the errors by kind"),
    ],
)
def test_the_advice_on_errors_fits_their_kind(passed: TestResults, kind: str, advice: str) -> None:
    results = dataclasses.replace(passed, error_rate=0.02, errors={kind: 9, "other": 1})
    (finding,) = (f for f in analyse(results) if f.title.startswith("Error rate"))
    assert advice in finding.recommendation


@pytest.mark.parametrize(
    ("p99_ms", "severity"),
    [(5_000.0, None), (5_001.0, "warning"), (10_000.0, "warning"), (10_001.0, "critical")],
)
def test_latency_limits(passed: TestResults, p99_ms: float, severity: str | None) -> None:
    response = dataclasses.replace(passed.latency_ms.response, p99=p99_ms)
    latency = dataclasses.replace(passed.latency_ms, response=response)
    found = _titles(dataclasses.replace(passed, latency_ms=latency), "sla_violation")
    assert [s for s, title in found if title.startswith("P99")] == ([severity] if severity else [])


def test_missed_and_unjudged_criteria(passed: TestResults) -> None:
    criteria = (
        CriterionResult("error_rate < 0.1 %", False, 0.25),
        CriterionResult("lost == 0", None, None, "no final read"),
    )
    results = dataclasses.replace(passed, criteria=criteria)
    assert _titles(results, "sla_violation") == [
        ("critical", "Not met: error_rate < 0.1 %"),
        ("warning", "Could not be judged: lost == 0"),
    ]


def test_growth_is_a_finding_with_its_interval(passed: TestResults) -> None:
    growth = StabilityResult("target memory", "% per hour", 40.0, (30.0, 50.0), 20.0, False)
    finding = _of(dataclasses.replace(passed, stability=(growth,)), "stability")
    assert "95 % interval +30 to +50, limit 20" in finding.evidence


def test_an_unhealthy_agent_and_a_dead_worker_are_found(passed: TestResults) -> None:
    ill = dataclasses.replace(passed.agents[0], healthy=False, timeouts=7)
    results = dataclasses.replace(
        passed,
        agents=(ill, *passed.agents[1:]),
        generator=dataclasses.replace(passed.generator, workers_lost=1),
    )
    assert ("warning", "Agent transaction_analyser is not healthy") in _titles(
        results, "sla_violation"
    )
    assert _titles(results, "generator") == [("critical", "1 load worker died during the run")]


def test_an_agent_that_recovered_is_found(passed: TestResults) -> None:
    recovered = dataclasses.replace(passed.agents[0], decisions=48, failures=126)
    finding = _of(dataclasses.replace(passed, agents=(recovered,)), "sla_violation")
    assert finding.title == "Agent transaction_analyser was not healthy all the time"
    assert finding.evidence == "0 timeouts and 126 failures in 174 votes due"


def _unasked(results: TestResults) -> TestResults:
    unread = tuple(
        dataclasses.replace(agent, healthy=False, readable=False) for agent in results.agents
    )
    return dataclasses.replace(results, agents=unread)


def test_agents_that_could_not_be_asked_are_one_finding(passed: TestResults) -> None:
    assert [f.title for f in analyse(_unasked(passed)) if "gent" in f.title] == [
        "The agents could not be asked at the end"
    ]


def test_a_target_that_ended_says_nothing_about_its_agents(passed: TestResults) -> None:
    results = dataclasses.replace(_unasked(passed), target_ended=TargetEnd(1.0, "killed"))
    assert [f.title for f in analyse(results) if "gent" in f.title] == []


@pytest.mark.parametrize(
    ("note", "changes", "advice"),
    [
        ("", {}, "in its target file"),
        (f"{NO_RECORDS_NAMED}; add a reader", {}, "in its target file"),
        ("no final read: connection refused", {}, "hands out its records after the load"),
        (
            "no final read: connection refused",
            {"target_ended": TargetEnd(1.0, "killed")},
            "Start the target again",
        ),
        (
            "no final read: the run was aborted",
            {"status": TestStatus.ABORTED},
            "Let the run come to its end",
        ),
    ],
)
def test_the_advice_on_unknown_losses_fits_their_reason(
    passed: TestResults, note: str, changes: dict[str, Any], advice: str
) -> None:
    account = Accounting(
        planned=12,
        accepted=10,
        rejected=0,
        indeterminate=2,
        not_sent=0,
        unresolved_ids=("t-1", "t-2"),
        note=note,
    )
    results = dataclasses.replace(passed, accounting=account, **changes)
    finding = _of(results, "loss")
    assert advice in finding.recommendation
    assert finding.evidence.endswith("2 transactions without a known end: t-1, t-2")


def test_the_most_serious_comes_first(failed: TestResults) -> None:
    severities = [f.severity.value for f in analyse(failed)]
    order = ["critical", "warning", "info"]
    assert severities == sorted(severities, key=order.index)
    assert severities[0] == "critical"


def _of(results: TestResults, kind: str) -> Finding:
    return next(f for f in analyse(results) if f.kind == kind)
