"""Metric math: what expressions are worth, and how bad ones are refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.cloudwatch.expression import BadExpression, parse
from cloud_twin.services.cloudwatch.lines import Line, Value
from cloud_twin.services.cloudwatch.metric_math import Scope, evaluate

M1 = Line("m1", 60, {0: 10.0, 60: 20.0, 120: 30.0})
M2 = Line("m2", 60, {0: 5.0, 120: 0.0, 180: 8.0})
SCOPE = Scope({"m1": M1, "m2": M2}, {"m1": M1, "m2": M2}, 0, 240.0, 60)


def value(text: str) -> Value:
    return evaluate(parse(text), SCOPE)


def points(text: str) -> dict[int, float]:
    line = value(text)
    assert isinstance(line, Line)
    return dict(line.points)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("-2^2", -4.0),
        ("2^-1", 0.5),
        ("8 / 4 / 2", 1.0),
        ("10 - 4 - 3", 3.0),
        ("1e2 + .5", 100.5),
        ("1 < 2 && 3 >= 3", 1.0),
        ("1 > 2 OR 2 == 3", 0.0),
        ("SUM(m1)", 60.0),
        ("avg(m1)", 20.0),
        ("MIN(m1)", 10.0),
        ("MAX(m1)", 30.0),
        ("PERIOD(m1)", 60.0),
        ("METRIC_COUNT(METRICS())", 2.0),
        ("METRIC_COUNT([m1, m2, m1])", 3.0),
        ("SUM(m1) / 6", 10.0),
    ],
)
def test_numbers(text: str, wanted: float) -> None:
    assert value(text) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("m1", {0: 10.0, 60: 20.0, 120: 30.0}),
        ("m1 + 1", {0: 11.0, 60: 21.0, 120: 31.0}),
        ("m1 + m2", {0: 15.0, 120: 30.0}),
        ("m1 / m2", {0: 2.0}),
        ("100 * m1 / SUM(m1)", {0: 100 / 6, 60: 200 / 6, 120: 50.0}),
        ("SUM(METRICS())", {0: 15.0, 60: 20.0, 120: 30.0, 180: 8.0}),
        ("SUM([m1, m2])", {0: 15.0, 60: 20.0, 120: 30.0, 180: 8.0}),
        ("MAX([m1,m2])", {0: 10.0, 60: 20.0, 120: 30.0, 180: 8.0}),
        ("MIN([m1, m2 + 1])", {0: 6.0, 60: 20.0, 120: 1.0, 180: 9.0}),
        ("SUM([m1])", {0: 10.0, 60: 20.0, 120: 30.0}),
        ("SUM([m1, METRICS()])", {0: 25.0, 60: 40.0, 120: 60.0, 180: 8.0}),
        ("AVG([FILL(m1, 0), FILL(m2, 0)])", {0: 7.5, 60: 10.0, 120: 15.0, 180: 4.0}),
        ("SUM([m1, m2] * 10)", {0: 150.0, 60: 200.0, 120: 300.0, 180: 80.0}),
        ("100 * SUM([m1,m2]) / m1", {0: 150.0, 60: 100.0, 120: 100.0}),
        ("SUM([m1, TIME_SERIES(1)])", {0: 11.0, 60: 21.0, 120: 31.0, 180: 1.0}),
        ("MAX(m1) + m1 * 0", {0: 30.0, 60: 30.0, 120: 30.0}),
        ('SUM(METRICS("m2"))', {0: 5.0, 120: 0.0, 180: 8.0}),
        ("FILL(m2, 0)", {0: 5.0, 60: 0.0, 120: 0.0, 180: 8.0}),
        ("FILL(m2, REPEAT)", {0: 5.0, 60: 5.0, 120: 0.0, 180: 8.0}),
        ("FILL(m2, LINEAR)", {0: 5.0, 60: 2.5, 120: 0.0, 180: 8.0}),
        ("FILL(m1, LINEAR)", {0: 10.0, 60: 20.0, 120: 30.0}),
        ("FILL(m2, m1)", {0: 5.0, 60: 20.0, 120: 0.0, 180: 8.0}),
        ("RATE(m1)", {60: 10 / 60, 120: 10 / 60}),
        ("DIFF(m1)", {60: 10.0, 120: 10.0}),
        ("RUNNING_SUM(m1)", {0: 10.0, 60: 30.0, 120: 60.0}),
        ("IF(m1 > 15, m1, 0)", {0: 0.0, 60: 20.0, 120: 30.0}),
        ("IF(m1 > 15, m1)", {60: 20.0, 120: 30.0}),
        ("IF(1, m1, m2)", {0: 10.0, 60: 20.0, 120: 30.0}),
        ("ABS(-m1)", {0: 10.0, 60: 20.0, 120: 30.0}),
        ("CEIL(m1 / 3)", {0: 4.0, 60: 7.0, 120: 10.0}),
        ("LOG10(m1 / 10)", {0: 0.0, 60: pytest.approx(0.30103), 120: pytest.approx(0.477121)}),
        ("TIME_SERIES(7)", {0: 7.0, 60: 7.0, 120: 7.0, 180: 7.0}),
    ],
)
def test_lines(text: str, wanted: dict[int, float]) -> None:
    assert points(text) == pytest.approx(wanted)


def test_several_lines_stay_several() -> None:
    lines = value("METRICS() * 2")

    assert isinstance(lines, tuple)
    assert [dict(line.points) for line in lines] == [
        {0: 20.0, 60: 40.0, 120: 60.0},
        {0: 10.0, 120: 0.0, 180: 16.0},
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "ends too early"),
        ("m1 +", "ends too early"),
        ("(m1", "')' is missing"),
        ("m1)", "unexpected ')'"),
        ("m1 m2", "unexpected 'm2'"),
        ("m1 $ 2", "unexpected '$'"),
        ("m9 + 1", "unknown id 'm9'"),
        ("NOPE(m1)", "NOPE is not supported"),
        ("SEARCH('x', 'Sum')", "SEARCH is not supported"),
        ("1 / 0", "no result"),
        ("FILL(m1)", "FILL takes"),
        ("RATE(3)", "RATE takes"),
        ("SUM(m1, 3)", "lines or numbers"),
        ("SUM([m1, m2)", "']' is missing"),
        ("m1]", "unexpected ']'"),
        ("SUM([])", "an array needs a metric"),
        ("SUM([m1, 3])", "takes metrics, not numbers"),
        ("[m1, m2] + [m1]", "differ in length"),
        ("[" * 200 + "m1" + "]" * 200, "nested deeper"),
        ("IF(METRICS(), 1, 2)", "IF takes"),
        ("'text'", "unexpected text"),
        ("(" * 200 + "1" + ")" * 200, "nested deeper"),
        ("m1" + "+1" * 2000, "longer than"),
    ],
)
def test_bad_expressions_are_refused_with_a_reason(text: str, problem: str) -> None:
    with pytest.raises(BadExpression, match=re.escape(problem)):
        value(text)


def test_a_grid_of_too_many_points_is_refused() -> None:
    scope = Scope({"m1": M1}, {"m1": M1}, 0, 1e9, 1)
    with pytest.raises(BadExpression, match="more than 100,800 points"):
        evaluate(parse("TIME_SERIES(1)"), scope)


def test_a_long_sum_is_no_deep_one() -> None:
    assert value("1" + "+1" * 1000) == 1001.0


@settings(deadline=None)
@given(st.recursive(
    st.integers(1, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=12,
))  # fmt: skip
def test_arithmetic_is_pythons(text: str) -> None:
    assert value(text) == pytest.approx(float(eval(text)))
