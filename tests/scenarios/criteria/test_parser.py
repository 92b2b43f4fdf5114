"""Criteria: what can be written, and what is said of what cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.errors import CriterionError
from squall.scenarios.criteria import parse_criterion
from squall.scenarios.criteria.expression import (
    All,
    Amount,
    Comparison,
    Either,
    Not,
    Portion,
    Truth,
)
from squall.scenarios.criteria.paths import figure, patterns


def comparison(text: str) -> Comparison:
    expression = parse_criterion(text).expression
    assert isinstance(expression, Comparison)
    return expression


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("latency_ms.response.p95 < 2 s", 2.0),
        ("latency_ms.response.p95 < 2s", 2.0),
        ("latency_ms.response.p95 < 2000", 2.0),
        ("latency_ms.response.p95 < 2000 ms", 2.0),
        ("latency_ms.response.p95 < 2e6 us", 2.0),
        ("latency_ms.response.p95 < 0.5 min", 30.0),
        ("generator.cpu_us_per_request < 20", 20e-6),
        ("throughput.duration_s < 1 h", 3600.0),
        ("error_rate < 0.1 %", 0.001),
        ("error_rate < 0.001", 0.001),
        ("detection.recall >= 90 %", 0.9),
        ("agents.compliance.load < 80%", 0.8),
        ("detection.precision_at_prevalence.0.001 > 10 %", 0.1),
        ("throughput.peak_tps >= 10,000 TPS", 10_000.0),
        ("throughput.peak_tps >= 10_000 tps", 10_000.0),
        ("throughput.peak_tps >= 9999.5", 9999.5),
        ("resources.target.rss_bytes < 1.5 GB", 1.5e9),
        ("generator.memory_growth_bytes < 20 MiB", 20 * 2**20),
        ("business.fraud_value_stopped > 1,000 USD", 1000.0),
        ("resources.host.cpu_cores < 1.5 cores", 1.5),
        ("accounting.amount_difference_minor > -5", -5.0),
        ("stability.response_p95.slope_per_hour < 3", 3.0),
    ],
)
def test_limits_in_every_unit(text: str, base: float) -> None:
    right = comparison(text).right
    assert isinstance(right, Amount)
    assert right.base == pytest.approx(base)


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("accounting.lost == 0", "=="),
        ("accounting.lost!=0", "!="),
        ("accounting.lost <= 0", "<="),
        ("accounting.lost ≥ 0", ">="),
        ("0 < accounting.accepted", ">"),
        ("2 s >= latency_ms.response.max", "<="),
    ],
)
def test_operators_and_mirrored_sides(text: str, operator: str) -> None:
    found = comparison(text)
    assert found.operator == operator
    assert isinstance(found.left, Portion)


def test_a_share_of_another_figure() -> None:
    right = comparison("throughput.accepted_tps >= 99 % of throughput.offered_tps").right
    assert isinstance(right, Portion)
    assert (str(right.figure), right.factor) == ("throughput.offered_tps", 0.99)
    half = comparison("accounting.accepted > 0.5 of accounting.planned").right
    assert isinstance(half, Portion)
    assert half.factor == 0.5


def phases(text: str) -> tuple[str | None, ...]:
    """Of each side that is a figure."""
    return tuple(portion.phase for portion in comparison(text).portions)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("error_rate < 1 %", (None,)),
        ("error_rate < 1 % in phase hold", ("hold",)),
        ("error_rate in phase hold < 1 %", ("hold",)),
        ("1 % > error_rate in phase hold", ("hold",)),
        ("accounting.accepted > 9 % of accounting.planned in phase hold", ("hold", "hold")),
        ("throughput.accepted_tps < generator.calibrated_tps in phase hold", ("hold", None)),
        ("error_rate in phase hold <= 150 % of error_rate in phase calm", ("hold", "calm")),
        ("150 % of error_rate in phase calm >= error_rate in phase hold", ("calm", "hold")),
        ("error_rate in phase hold <= 2 of error_rate", ("hold", None)),
    ],
)
def test_a_phase_goes_with_its_figure_or_at_the_end_with_both(
    text: str, found: tuple[str | None, ...]
) -> None:
    assert phases(text) == found


def test_the_phases_of_a_criterion() -> None:
    criterion = parse_criterion(
        'error_rate < 1 % in phase "ramp up" and throughput.accepted_tps > 5 in phase hold'
    )
    assert criterion.phases == ("ramp up", "hold")
    same = parse_criterion("accounting.accepted > 9 % of accounting.planned in phase hold")
    assert same.phases == ("hold",)
    two = parse_criterion("error_rate in phase hold < 2 of error_rate in phase calm")
    assert two.phases == ("hold", "calm")


def test_truths() -> None:
    healthy = Truth(figure("agents.all_healthy"))  # type: ignore[arg-type]
    assert parse_criterion("agents.all_healthy").expression == healthy
    assert parse_criterion("agents.all_healthy == true").expression == healthy
    assert parse_criterion("false != agents.all_healthy").expression == healthy
    assert parse_criterion("not agents.all_healthy").expression == Not(healthy)
    unhealthy = parse_criterion("agents.all_healthy == false").expression
    assert isinstance(unhealthy, Truth)
    assert not unhealthy.wanted


def test_not_binds_before_and_before_or() -> None:
    text = "not stability.passed and accounting.balanced or generator.limited"
    expression = parse_criterion(text).expression
    assert isinstance(expression, Either)
    assert isinstance(expression.parts[0], All)
    assert isinstance(expression.parts[0].parts[0], Not)
    grouped = parse_criterion("not (stability.passed or generator.limited)").expression
    assert isinstance(grouped, Not)
    assert isinstance(grouped.part, Either)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "a figure or a number is expected"),
        ("   ", 0, "a figure or a number is expected"),
        ("accounting.lost = 0", 16, "write =="),
        ("accounting.lots == 0", 0, "did you mean accounting.lost"),
        ("p95 < 2 s", 0, "latency_ms.response.p95"),
        ("accounting == 0", 0, "it has accepted"),
        ("zebra < 5", 0, "docs/criteria.md"),
        ("accounting.lost ==", 18, "a figure or a number is expected"),
        ("accounting.lost", 15, "needs a comparison"),
        ("5", 1, "needs a comparison"),
        ("1 < 2", 0, "compares two numbers"),
        ("error_rate < 2 s", 13, "is a time, but error_rate is a share"),
        ("accounting.lost < 3 ms", 18, "without a unit"),
        ("latency_ms.response.p95 < 2 sec", 28, "is not a unit"),
        ("latency_ms.response.p95 < error_rate", 26, "error_rate is a share"),
        ("agents.all_healthy > 3", 0, "yes or no"),
        ("accounting.lost == true", 0, "only a yes/no figure"),
        ("agents.all_healthy < true", 0, "only a yes/no figure"),
        ("true", 4, "needs a comparison"),
        ("(accounting.lost == 0", 21, "“)” is missing"),
        ("accounting.lost == 0)", 20, "is not expected here"),
        ("accounting.lost == 0 accounting.seen", 21, "is not a unit"),
        ("accounting.lost == 0 and", 24, "a figure or a number is expected"),
        ("accounting.accepted > 5 s of accounting.planned", 22, "taken “of” a figure"),
        ("accounting.accepted > 5 % of", 28, "there is no figure"),
        ("accounting.lost == 0 in phase hold", 30, "not measured by phase"),
        ("error_rate < 1 % of accounting.lost in phase hold", 13, "accounting.lost is a count"),
        ("accounting.lost in phase hold == 0", 25, "not measured by phase"),
        ("error_rate in phase a < 2 of generator.own_late_share in phase b", 63, "not measured by"),
        ("error_rate in phase hold < 1 % in phase calm", 40, "has its phase already"),
        ("1 % in phase hold > error_rate", 13, "not behind a number"),
        ("error_rate in phase hold", 24, "needs a comparison"),
        ("error_rate < 1 % in hold", 20, "goes with “phase”"),
        ("error_rate < 1 % in phase", 25, "a phase's name is missing"),
        ("accounting.lost == 0; import os", 20, "“;” cannot be read"),
        ("__import__('os')", 11, "“'” cannot be read"),
        ("(" * 60 + "stability.passed" + ")" * 60, 50, "nested more than 50 deep"),
        ("not " * 60 + "stability.passed", 200, "nested more than 50 deep"),
        ("accounting.lost == 0 or " * 100, 0, "longer than 1000"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, position: int, message: str) -> None:
    error = refusal(text)
    assert error is not None
    assert message in error.reason
    assert error.position == position


def refusal(text: str) -> CriterionError | None:
    """Why a text is no criterion; None if it is one."""
    try:
        parse_criterion(text)
    except CriterionError as error:
        return error
    return None


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    error = refusal(text)
    assert error is None or 0 <= error.position <= len(text)


words = st.sampled_from(
    [
        "accounting.lost",
        "error_rate",
        "agents.all_healthy",
        "5",
        "2.5",
        "%",
        "ms",
        "s",
        "<",
        "==",
        "and",
        "or",
        "not",
        "(",
        ")",
        "in",
        "phase",
        "hold",
        "of",
        "true",
        "99",
        "latency_ms.response.p95",
        "throughput.offered_tps",
    ]
)


@given(st.lists(words, max_size=14).map(" ".join))
def test_any_words_parse_or_are_refused(text: str) -> None:
    error = refusal(text)
    assert error is None or 0 <= error.position <= len(text)


def test_every_legal_path_is_a_figure() -> None:
    for pattern in patterns():
        path = ".".join(pattern).replace("**", "0.01").replace("*", "anything")
        assert figure(path) is not None, path


def test_units_follow_names() -> None:
    units = {
        "accounting.lost": "",
        "retried.http_503": "",
        "retried.total": "",
        "latency_ms.response.p999": "ms",
        "latency_ms.response.count": "",
        "agents.x.latency_ms_p95": "ms",
        "generator.own_lateness_max_ms": "ms",
        "generator.cpu_us_per_request": "µs",
        "throughput.duration_s": "s",
        "dashboard.autoscaler.reaction_s_max": "s",
        "dashboard.autoscaler.over_80_share_s_max": "s",
        "throughput.offered_tps": "TPS",
        "generator.memory_growth_bytes": "B",
        "business.fraud_value_missed": "USD",
        "detection.by_typology.mule_network.value_usd": "USD",
        "detection.by_typology.unnamed.value_usd": "USD",
        "resources.target.cpu_cores": "cores",
    }
    for path, unit in units.items():
        found = figure(path)
        assert found is not None
        assert found.unit.name == unit
