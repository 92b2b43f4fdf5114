"""Lines of points, and the arithmetic on them.

A value is a number, a line (one figure per period) or several lines. An operation on two lines has
points only where both have one; where mathematics has no result (division by zero) there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cloud_twin.services.cloudwatch.expression import BadExpression

POINTS_LIMIT = 100_800
"""Most points of a line that is made, and not read from a metric."""


@dataclass(frozen=True, slots=True)
class Line:
    """Figures by the start of their period in Unix seconds, in order."""

    label: str
    period_s: int
    points: Mapping[int, float]


Value = float | Line | tuple[Line, ...]


def grid(start_s: int, end_s: float, period_s: int) -> range:
    """Starts of all periods of a window. Raises ``BadExpression`` for too many."""
    starts = range(start_s, math.ceil(end_s), period_s)
    if len(starts) > POINTS_LIMIT:
        raise BadExpression(f"it makes more than {POINTS_LIMIT:,} points; shorten the time range")
    return starts


def _truth(condition: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda a, b: float(condition(a, b))


OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": math.pow,
    "==": _truth(lambda a, b: a == b),
    "!=": _truth(lambda a, b: a != b),
    "<": _truth(lambda a, b: a < b),
    ">": _truth(lambda a, b: a > b),
    "<=": _truth(lambda a, b: a <= b),
    ">=": _truth(lambda a, b: a >= b),
    "&&": _truth(lambda a, b: bool(a) and bool(b)),
    "||": _truth(lambda a, b: bool(a) or bool(b)),
}


def _attempt(operation: Callable[[], float]) -> float | None:
    """A figure, or None where mathematics has none."""
    try:
        figure = operation()
    except (ArithmeticError, ValueError):
        return None
    return figure if math.isfinite(figure) else None


def each_point(value: Value, operation: Callable[[float], float]) -> Value:
    """Apply to each figure. Raises ``BadExpression`` when a bare number has no result."""
    if isinstance(value, tuple):
        return tuple(_on_line(line, operation) for line in value)
    if isinstance(value, Line):
        return _on_line(value, operation)
    figure = _attempt(lambda: operation(value))
    if figure is None:
        raise BadExpression("a number has no result")
    return figure


def _on_line(line: Line, operation: Callable[[float], float]) -> Line:
    points = {}
    for at_s, value in line.points.items():
        try:
            figure = operation(value)
        except (ArithmeticError, ValueError):
            continue
        if math.isfinite(figure):
            points[at_s] = float(figure)
    return replace(line, points=points)


def combine(operation: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """Apply to two values, point by point. Raises ``BadExpression`` for lists that differ."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        if len(left) != len(right):
            raise BadExpression("two lists of lines differ in length")
        return tuple(_lines(operation, a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, tuple):
        return tuple(as_line(combine(operation, line, right)) for line in left)
    if isinstance(right, tuple):
        return tuple(as_line(combine(operation, left, line)) for line in right)
    if isinstance(left, Line):
        if isinstance(right, Line):
            return _lines(operation, left, right)
        return _on_line(left, lambda figure: operation(figure, right))
    if isinstance(right, Line):
        return _on_line(right, lambda figure: operation(left, figure))
    return each_point(left, lambda figure: operation(figure, right))


def as_line(value: Value) -> Line:
    """The value if it is one line. Raises ``BadExpression``."""
    if not isinstance(value, Line):
        raise BadExpression("a line was expected")
    return value


def _lines(operation: Callable[[float, float], float], left: Line, right: Line) -> Line:
    points = {}
    for at_s, value in left.points.items():
        if at_s in right.points:
            figure = _attempt(lambda a=value, b=right.points[at_s]: operation(a, b))  # type: ignore[misc]
            if figure is not None:
                points[at_s] = figure
    return Line(left.label, max(left.period_s, right.period_s), points)


def filled(line: Line, with_what: str | float | Line, starts: range) -> Line:
    """All ``starts`` filled: with a figure, another line, the last point (REPEAT) or LINEAR."""
    known = list(line.points.items())
    points: dict[int, float] = {}
    passed = 0
    for at_s in starts:
        while passed < len(known) and known[passed][0] <= at_s:
            passed += 1
        if at_s in line.points:
            points[at_s] = line.points[at_s]
        elif isinstance(with_what, float):
            points[at_s] = with_what
        elif isinstance(with_what, Line):
            if at_s in with_what.points:
                points[at_s] = with_what.points[at_s]
        elif passed:
            before_s, before = known[passed - 1]
            points[at_s] = before
            if with_what == "LINEAR":
                if passed == len(known):
                    del points[at_s]
                    continue
                after_s, after = known[passed]
                share = (at_s - before_s) / (after_s - before_s)
                points[at_s] = before + (after - before) * share
    return replace(line, points=points)


def change(line: Line, per_second: bool) -> Line:
    """From each point to the next, by itself (DIFF) or per second (RATE)."""
    known = list(line.points.items())
    points = {
        at_s: (value - known[k][1]) / ((at_s - known[k][0]) if per_second else 1)
        for k, (at_s, value) in enumerate(known[1:])
    }
    return replace(line, points=points)


def running_sum(line: Line) -> Line:
    """The sum of all points so far."""
    total = 0.0
    points = {}
    for at_s, value in line.points.items():
        total += value
        points[at_s] = total
    return replace(line, points=points)
