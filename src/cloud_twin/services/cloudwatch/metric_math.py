"""Metric math: from a tree to its value. ``[m1, m2]`` is an array of metrics, as METRICS() is.

Functions: ABS AVG CEIL DIFF FILL FLOOR
IF LOG LOG10 MAX METRICS METRIC_COUNT MIN PERIOD RATE RUNNING_SUM STDDEV SUM TIME_SERIES.
Source: CloudWatch user guide, "Metric math syntax and functions".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev

from cloud_twin.services.cloudwatch.expression import (
    Array,
    BadExpression,
    Function,
    Name,
    Negation,
    Node,
    Number,
    Operation,
    Text,
    unfold,
)
from cloud_twin.services.cloudwatch.lines import (
    OPERATORS,
    Line,
    Value,
    as_line,
    change,
    combine,
    each_point,
    filled,
    grid,
    running_sum,
)

WORDS = frozenset({"REPEAT", "LINEAR"})
"""Names that mean themselves."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can see."""

    named: Mapping[str, Value]
    """Other queries by their ids."""
    metrics: Mapping[str, Line]
    """Those of them that are metrics: what METRICS() means."""
    start_s: int
    end_s: float
    period_s: int = 60
    """Of a line made from a number."""


def evaluate(node: Node, scope: Scope) -> Value:
    """The value of a tree. Raises ``BadExpression``."""
    match node:
        case Number(number):
            return number
        case Name(name):
            if name not in scope.named:
                raise BadExpression(f"unknown id '{name}'")
            return scope.named[name]
        case Negation(of):
            return each_point(evaluate(of, scope), lambda figure: -figure)
        case Operation():
            first, steps = unfold(node)
            value = evaluate(first, scope)
            for sign, operand in steps:
                value = combine(OPERATORS[sign], value, evaluate(operand, scope))
            return value
        case Array(elements):
            return _array(elements, scope)
        case Function(name, arguments):
            return _call(name, arguments, scope)
        case Text(text):
            raise BadExpression(f'unexpected text "{text}"')


def _array(elements: tuple[Node, ...], scope: Scope) -> tuple[Line, ...]:
    """An array of time series, as METRICS() is one; one within it gives its lines.

    It takes no numbers: AWS writes its type ``TS[]``.
    """
    if not elements:
        raise BadExpression("an array needs a metric")
    lines: list[Line] = []
    for element in elements:
        value = evaluate(element, scope)
        if isinstance(value, float):
            raise BadExpression("an array takes metrics, not numbers; TIME_SERIES makes one of it")
        lines += value if isinstance(value, tuple) else [value]
    return tuple(lines)


_ELEMENTWISE: Mapping[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": math.log,
    "LOG10": math.log10,
}
_REDUCTIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": fmean,
    "MIN": min,
    "MAX": max,
    "STDDEV": pstdev,
}


def _call(name: str, arguments: tuple[Node, ...], scope: Scope) -> Value:
    if name == "METRICS":
        return _metrics(arguments, scope)
    if name == "FILL":
        return _fill(arguments, scope)
    operation = _ELEMENTWISE.get(name)
    reduction = _REDUCTIONS.get(name)
    own = _OWN.get(name)
    if operation is None and reduction is None and own is None:
        raise BadExpression(f"the function {name} is not supported")
    values = [evaluate(each, scope) for each in arguments]
    if own is not None:
        return own(values, scope)
    if len(values) != 1 and not (reduction is not None and values):
        raise BadExpression(f"{name} takes one argument")
    if reduction is not None:
        return _reduce(name, reduction, values)
    assert operation is not None
    return each_point(values[0], operation)


def _reduce(
    name: str, reduction: Callable[[Sequence[float]], float], values: Sequence[Value]
) -> Value:
    """Of one line a number; of several lines a line, of what there is at each time."""
    if len(values) == 1 and isinstance(values[0], Line):
        if not values[0].points:
            raise BadExpression(f"{name} of a line without points")
        return float(reduction(list(values[0].points.values())))
    if all(isinstance(value, float) for value in values):
        return float(reduction([value for value in values if isinstance(value, float)]))
    lines: list[Line] = []
    for value in values:
        if isinstance(value, float):
            raise BadExpression(f"{name} takes lines or numbers, not both")
        lines += value if isinstance(value, tuple) else [value]
    at: dict[int, list[float]] = {}
    for line in lines:
        for at_s, figure in line.points.items():
            at.setdefault(at_s, []).append(figure)
    points = {at_s: float(reduction(at[at_s])) for at_s in sorted(at)}
    return Line(name, max((line.period_s for line in lines), default=60), points)


def _metrics(arguments: tuple[Node, ...], scope: Scope) -> Value:
    if not arguments:
        return tuple(scope.metrics.values())
    if len(arguments) != 1 or not isinstance(arguments[0], Text):
        raise BadExpression("METRICS takes nothing or one text in quotes")
    part = arguments[0].value
    return tuple(line for key, line in scope.metrics.items() if part in key)


def _fill(arguments: tuple[Node, ...], scope: Scope) -> Value:
    if len(arguments) != 2:
        raise BadExpression("FILL takes a metric and a value, REPEAT or LINEAR")
    value = evaluate(arguments[0], scope)
    with_what: str | Value
    if isinstance(arguments[1], Name) and arguments[1].value in WORDS:
        with_what = arguments[1].value
    else:
        with_what = evaluate(arguments[1], scope)
    if isinstance(with_what, tuple):
        raise BadExpression("FILL cannot fill with several lines")
    if isinstance(value, tuple):
        return tuple(filled(line, with_what, _grid(scope, line.period_s)) for line in value)
    return filled(as_line(value), with_what, _grid(scope, as_line(value).period_s))


def _grid(scope: Scope, period_s: int) -> range:
    return grid(scope.start_s, scope.end_s, period_s)


def _one_line(name: str, values: Sequence[Value], work: Callable[[Line], Line]) -> Value:
    if len(values) != 1 or isinstance(values[0], float):
        raise BadExpression(f"{name} takes one metric")
    value = values[0]
    return tuple(work(line) for line in value) if isinstance(value, tuple) else work(value)


def _period(values: Sequence[Value]) -> float:
    if len(values) != 1 or not isinstance(values[0], Line):
        raise BadExpression("PERIOD takes one metric")
    return float(values[0].period_s)


def _count(values: Sequence[Value]) -> float:
    if len(values) != 1 or not isinstance(values[0], tuple):
        raise BadExpression("METRIC_COUNT takes METRICS()")
    return float(len(values[0]))


def _time_series(values: Sequence[Value], scope: Scope) -> Line:
    if len(values) != 1 or not isinstance(values[0], float):
        raise BadExpression("TIME_SERIES takes a number")
    starts = _grid(scope, scope.period_s)
    return Line("TIME_SERIES", scope.period_s, dict.fromkeys(starts, values[0]))


def _if(values: Sequence[Value]) -> Value:
    if len(values) not in (2, 3) or any(isinstance(value, tuple) for value in values):
        raise BadExpression("IF takes a condition, a value, and a value for otherwise")
    condition, then = values[0], values[1]
    otherwise = values[2] if len(values) == 3 else None
    if isinstance(condition, float):
        chosen = then if condition else otherwise
        if chosen is None:
            raise BadExpression("IF with a number needs a value for otherwise")
        return chosen
    line = as_line(condition)
    points = {}
    for at_s, holds in line.points.items():
        source = then if holds else otherwise
        if isinstance(source, float):
            points[at_s] = source
        elif isinstance(source, Line) and at_s in source.points:
            points[at_s] = source.points[at_s]
    return replace(line, points=points)


_OWN: Mapping[str, Callable[[Sequence[Value], Scope], Value]] = {
    "IF": lambda values, _: _if(values),
    "RATE": lambda values, _: _one_line("RATE", values, lambda line: change(line, True)),
    "DIFF": lambda values, _: _one_line("DIFF", values, lambda line: change(line, False)),
    "RUNNING_SUM": lambda values, _: _one_line("RUNNING_SUM", values, running_sum),
    "PERIOD": lambda values, _: _period(values),
    "METRIC_COUNT": lambda values, _: _count(values),
    "TIME_SERIES": _time_series,
}
