"""Judging: passed, failed, not measured; and the verdict."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from tests.scenarios.small_result import (
    ACCOUNTING,
    agent,
    phase,
    small_result,
    small_snapshot,
)

from squall.models import (
    BusinessMetrics,
    CriterionResult,
    Detection,
    LatencySummary,
    StabilityResult,
    TestStatus,
    Verdict,
)
from squall.scenarios.criteria import judge, judge_live, verdict


def judged(text: str, **changes: Any) -> CriterionResult:
    (result,) = judge([text], small_result(**changes))
    assert result.expression == text
    return result


def stability(*passed: bool | None) -> tuple[StabilityResult, ...]:
    return tuple(
        StabilityResult(f"m{i}", "%/h", 1.0, (0.0, 2.0), 5.0, p, "too short")
        for i, p in enumerate(passed)
    )


@pytest.mark.parametrize(
    ("text", "passed", "measured"),
    [
        ("accounting.lost == 0", True, 0),
        ("accounting.lost != 0", False, 0),
        ("accounting.balanced", True, True),
        ("accounting.reconciled == false", False, True),
        ("latency_ms.response.p99 < 1 s", True, 812.5),
        ("latency_ms.response.p99 < 812.5 ms", False, 812.5),
        ("latency_ms.response.p99 <= 812.5", True, 812.5),
        ("latency_ms.response.p99 >= 0.8125 s", True, 812.5),
        ("error_rate < 0.1 %", True, 0.0005),
        ("error_rate <= 0.05 %", True, 0.0005),
        ("error_rate < 0.05 %", False, 0.0005),
        ("errors.timeout == 2", True, 2),
        ("errors.never_seen == 0", True, 0),
        ("errors.total < 5", True, 4),
        ("retried.http_503 == 7", True, 7),
        ("retried.http_429 == 0", True, 0),
        ("retried.total <= 9", False, 10),
        ("detection.recall >= 93 %", True, 0.93),
        ("detection.by_typology.card_testing.recall > 97 %", True, 0.98),
        ("detection.precision_at_prevalence.0.001 > 10 %", True, 0.11),
        ("throughput.accepted_tps >= 97 % of throughput.offered_tps", True, 97.0),
        ("throughput.accepted_tps > 98 % of throughput.offered_tps", False, 97.0),
        ("90 % of throughput.offered_tps < throughput.accepted_tps", True, 100.0),
        ("latency_ms.service.p95 < 2 of latency_ms.response.p95", True, 120.0),
        ("generator.memory_growth_bytes < 3 MB", False, 3_000_000),
        ("agents.all_healthy", True, True),
        ("agents.all_healthy_at_end", True, True),
        ("agents.count == 2", True, 2),
        ("agents.compliance.latency_ms_p99 < 0.1 s", True, 12.0),
        ("business.fraud_value_stopped > 1,000 USD", True, 1234.5),
        ("not generator.limited", True, False),
        ("accounting.lost == 0 and error_rate < 1 %", True, True),
        ("accounting.lost > 0 or error_rate > 1 %", False, False),
    ],
)
def test_criteria_over_a_result(text: str, passed: bool, measured: float | bool) -> None:
    result = judged(text)
    assert result.passed is passed
    assert result.measured == measured


def test_the_detail_says_what_was_found_and_what_was_needed() -> None:
    assert judged("latency_ms.response.p99 < 0.5 s").detail == (
        "latency_ms.response.p99 is 812.5 ms; needed: below 0.5 s"
    )
    assert judged("error_rate < 0.1 %").detail == "error_rate is 0.05 %; needed: below 0.1 %"
    assert judged("accounting.accepted >= 10,000").detail == (
        "accounting.accepted is 9,700; needed: at least 10,000"
    )
    assert judged("agents.all_healthy").detail == "agents.all_healthy is yes"


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        (
            "accounting.lost == 0",
            {"accounting": replace(ACCOUNTING, lost=None, note="the target was killed")},
            "the target was killed",
        ),
        (
            "accounting.reconciled",
            {"accounting": replace(ACCOUNTING, reconciled=None)},
            "no final read",
        ),
        ("agents.all_healthy", {"agents": ()}, "reports no agents"),
        ("agents.all_healthy_at_end", {"agents": ()}, "reports no agents"),
        ("agents.nobody.load < 1", {}, "no such agent"),
        ("stability.passed", {}, "no stability limits"),
        ("stability.passed", {"stability": stability(True, None)}, "m1: too short"),
        ("detection.recall > 1 %", {"detection": Detection()}, "no such transaction"),
        (
            "detection.recall > 1 %",
            {"detection": Detection(fraud=None, legitimate=None)},
            "no such transaction with a label",
        ),
        (
            "business.fraud_value_stopped > 1 USD",
            {"business": BusinessMetrics()},
            "no such transaction with an amount",
        ),
        (
            "accounting.amount_difference_minor == 0",
            {"accounting": replace(ACCOUNTING, amount_difference_minor=None)},
            "have no amounts",
        ),
        ("resources.target.cpu_cores < 2", {}, "target's resources were not sampled"),
        ("latency_ms.decision.p95 < 1 s", {}, "no transaction was answered"),
        ("throughput.offered_tps > generator.calibrated_tps in phase nowhere", {}, "did not reach"),
        ("latency_ms.response.p95 < latency_ms.decision.p95", {}, "decision.p95 was not measured"),
    ],
)
def test_what_was_not_measured_is_unknown(text: str, changes: dict[str, Any], reason: str) -> None:
    result = judged(text, **changes)
    assert result.passed is None
    assert reason in result.detail


def test_one_unhealthy_agent_is_enough() -> None:
    agents = (agent("a"), agent("b", healthy=False))
    assert judged("agents.all_healthy", agents=agents).passed is False
    assert judged("agents.all_healthy_at_end", agents=agents).passed is False


def test_an_agent_that_recovered_is_healthy_at_the_end_only() -> None:
    recovered = replace(agent("a"), decisions=48, failures=126)
    assert judged("agents.all_healthy", agents=(recovered,)).passed is False
    assert judged("agents.all_healthy_at_end", agents=(recovered,)).passed is True


@pytest.mark.parametrize(
    ("checks", "passed"), [((True, True), True), ((True, False), False), ((None, False), False)]
)
def test_stability_passes_as_a_whole(checks: tuple[bool | None, ...], passed: bool) -> None:
    assert judged("stability.passed", stability=stability(*checks)).passed is passed


TRUTHS = {True: "accounting.lost == 0", False: "accounting.lost > 0", None: "stability.passed"}


@pytest.mark.parametrize(("one", "two"), list(product(TRUTHS, TRUTHS)))
def test_three_valued_logic(one: bool | None, two: bool | None) -> None:
    both, either = f"{TRUTHS[one]} and {TRUTHS[two]}", f"{TRUTHS[one]} or {TRUTHS[two]}"
    expected_and = False if False in (one, two) else None if None in (one, two) else True
    expected_or = True if True in (one, two) else None if None in (one, two) else False
    assert judged(both).passed is expected_and
    assert judged(either).passed is expected_or
    assert judged(f"not ({TRUTHS[one]})").passed is (None if one is None else not one)


def test_a_phase_alone() -> None:
    slow_start = {"phases": (phase("ramp_up", 900.0), phase("hold", 150.0))}
    result = judged("latency_ms.response.p95 < 200 ms in phase hold", **slow_start)
    assert (result.passed, result.measured) == (True, 150.0)
    assert result.detail.endswith("(phase hold)")
    assert judged("latency_ms.response.p95 < 200 ms in phase ramp_up", **slow_start).passed is False


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("accounting.planned == 1000", 1000),
        ("accounting.accepted == 970", 970),
        ("error_rate == 0.2 %", 0.002),
        ("throughput.offered_tps == 100", 100.0),
        ("throughput.accepted_tps >= 97 % of throughput.offered_tps", 97.0),
    ],
)
def test_figures_of_a_phase(text: str, measured: float) -> None:
    result = judged(f"{text} in phase hold")
    assert (result.passed, result.measured) == (True, measured)


def test_phases_of_one_name_must_all_pass() -> None:
    bursts = (phase("burst", 100.0), phase("base", 900.0), phase("burst", 300.0))
    result = judged("latency_ms.response.p95 < 200 ms in phase burst", phases=bursts)
    assert (result.passed, result.measured) == (False, 300.0)
    assert "phase burst 2 of 2" in result.detail
    unanswered = (phase("burst", None), phase("burst", 100.0))
    result = judged("latency_ms.response.p95 < 200 ms in phase burst", phases=unanswered)
    assert result.passed is None


CALM_AND_RUSH = (phase("calm", 100.0), phase("rush", 300.0), phase("calm", 200.0))


@pytest.mark.parametrize(
    ("text", "passed", "measured"),
    [
        ("in phase rush <= 300 % of latency_ms.response.p95 in phase calm", True, 300.0),
        # Against each of the name: 300 ms is more than twice 100 ms.
        ("in phase rush <= 200 % of latency_ms.response.p95 in phase calm", False, 300.0),
        ("in phase calm < latency_ms.response.p95 in phase rush", True, 200.0),
        # Each of the name: the first is below 150 ms, the second not.
        ("in phase calm < 50 % of latency_ms.response.p95 in phase rush", False, 200.0),
        # Of the whole run: 120 ms.
        ("in phase rush < 2 of latency_ms.response.p95", False, 300.0),
        ("in phase rush < 3 of latency_ms.response.p95", True, 300.0),
    ],
)
def test_one_phase_against_another(text: str, passed: bool, measured: float) -> None:
    result = judged(f"latency_ms.response.p95 {text}", phases=CALM_AND_RUSH)
    assert (result.passed, result.measured) == (passed, measured)


def test_the_detail_says_which_phase_is_held_against_which() -> None:
    text = "latency_ms.response.p95 in phase rush <= 150 % of latency_ms.response.p95 in phase "
    assert judged(text + "calm", phases=CALM_AND_RUSH).detail == (
        "latency_ms.response.p95 is 300 ms; needed: at most 150 ms "
        "(phase rush, against phase calm 1 of 2)"
    )
    missing = judged(text + "settle", phases=CALM_AND_RUSH)
    assert missing.passed is None
    assert "did not reach phase “settle”" in missing.detail
    silent = (phase("rush", 300.0), phase("calm", None))
    unknown = judged(text + "calm", phases=silent)
    assert unknown.passed is None
    assert "latency_ms.response.p95 was not measured" in unknown.detail


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("latency_ms.response.p95 < 2 s", True),
        ("latency_ms.lateness.p99 < 1 ms", False),
        ("error_rate < 0.1 %", True),
        ("error_rate == 0.04 %", True),
        ("errors.timeout == 0", False),
        ("errors.total == 1", True),
        ("errors.http_503 == 0", True),
        ("accounting.not_sent == 0", True),
        ("throughput.accepted_tps >= 97 % of throughput.offered_tps", True),
        ("detection.recall >= 95 %", False),
    ],
)
def test_a_running_test_is_judged_so_far(text: str, passed: bool) -> None:
    (result,) = judge_live([text], small_snapshot())
    assert result.passed is passed


@pytest.mark.parametrize(
    "text",
    [
        "accounting.lost == 0",
        "accounting.reconciled",
        "accounting.balanced",
        "agents.all_healthy",
        "stability.passed",
        "throughput.peak_tps > 5",
        "latency_ms.decision.p95 < 1 s",
        "latency_ms.response.p95 < 1 s in phase hold",
        "latency_ms.response.p95 in phase hold < 2 of latency_ms.response.p95 in phase ramp_up",
        "retried.total == 0",
        "not generator.limited",
    ],
)
def test_the_rest_waits_for_the_end(text: str) -> None:
    (result,) = judge_live([text], small_snapshot())
    assert result.passed is None
    assert "at the end" in result.detail


def test_a_run_that_has_not_begun_is_not_judged() -> None:
    nothing = replace(ACCOUNTING, planned=0, accepted=0)
    snapshot = small_snapshot(at_s=0.0, accounting=nothing, response=LatencySummary(0))
    results = judge_live(
        ["error_rate < 1 %", "latency_ms.response.p95 < 1 s", "throughput.offered_tps > 0"],
        snapshot,
    )
    assert [r.passed for r in results] == [None, None, None]


def criterion(passed: bool | None, text: str = "error_rate < 1 %") -> CriterionResult:
    return CriterionResult(text, passed, None)


@pytest.mark.parametrize(
    ("status", "limited", "criteria", "expected"),
    [
        (TestStatus.COMPLETED, False, (True, True), Verdict.PASSED),
        (TestStatus.COMPLETED, False, (True, False), Verdict.FAILED),
        (TestStatus.COMPLETED, False, (True, None), Verdict.FAILED),
        (TestStatus.COMPLETED, False, (), Verdict.NOT_JUDGED),
        (TestStatus.COMPLETED, True, (True,), Verdict.INVALID),
        (TestStatus.COMPLETED, True, (False,), Verdict.INVALID),
        (TestStatus.COMPLETED, True, (), Verdict.INVALID),
        (TestStatus.ABORTED, False, (True,), Verdict.ABORTED),
        (TestStatus.ABORTED, True, (False,), Verdict.ABORTED),
        (TestStatus.FAILED, False, (True,), Verdict.ABORTED),
    ],
)
def test_verdict(
    status: TestStatus, limited: bool, criteria: tuple[bool | None, ...], expected: Verdict
) -> None:
    plain = small_result()
    results = replace(
        plain,
        status=status,
        generator=replace(plain.generator, limited=limited),
        criteria=tuple(criterion(passed) for passed in criteria),
    )
    assert verdict(results) is expected


@pytest.mark.parametrize(
    ("text", "passed", "expected"),
    [
        ("accounting.lost == 0", False, Verdict.FAILED),
        ("accounting.lost == 0 and accounting.duplicated == 0", False, Verdict.FAILED),
        ("accounting.lost == 0", None, Verdict.INVALID),
        ("accounting.lost == 0", True, Verdict.INVALID),
        ("accounting.lost == 0 and error_rate < 1 %", False, Verdict.INVALID),
    ],
)
def test_what_the_records_prove_fails_a_run_even_when_the_generator_was_the_limit(
    text: str, passed: bool | None, expected: Verdict
) -> None:
    plain = small_result()
    limited = replace(plain.generator, limited=True)
    results = replace(plain, generator=limited, criteria=(criterion(passed, text),))
    assert verdict(results) is expected
