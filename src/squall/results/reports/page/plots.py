"""Geometry of a line chart, without any drawing.

A plot is a 1000 × 1000 square that the page stretches to its place; text stands outside it, so
that it keeps its size from a phone to a wall. Positions are percentages from the left and the top.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SIDE = 1000.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled position on an axis; minor ones give way where there is little room."""

    at: float
    """Percent from the left or the top."""
    label: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A named stretch of the x axis, in percent from the left."""

    left: float
    width: float
    label: str
    fault: bool = False
    """Whether it is a fault's time rather than a phase."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its path in the square, and its values for the cursor."""

    name: str
    style: str
    """CSS class of its colour and stroke."""
    path: str
    values: tuple[float | None, ...]
    area: str = ""
    """Path of the area below it, where that is drawn."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart."""

    key: str
    """Unique on the page."""
    unit: str
    x_unit: str
    x_values: tuple[float, ...]
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    description: str
    """For those who cannot see it."""
    x_positions: tuple[float, ...] = ()
    """Percent from the left of each x value."""
    bands: tuple[Band, ...] = ()
    note: str = ""
    group: str = ""
    """Plots of one group share their cursor."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values between ``low`` and ``high`` to 0 … 1, by their logarithm where ``log``."""

    low: float
    high: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where ``value`` is, clipped to 0 … 1."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, self.low))
        if high <= low:
            return 0.0
        return min(1.0, max(0.0, (at - low) / (high - low)))


@dataclass(frozen=True, slots=True)
class Series:
    """Values to be drawn."""

    name: str
    style: str
    values: Sequence[float | None]
    filled: bool = False


def linear_scale(values: Sequence[float | None]) -> Scale:
    """From 0 to a little above the largest value."""
    highest = max((v for v in values if v is not None), default=0.0)
    return Scale(0.0, highest * 1.14 if highest > 0 else 1.0)


def log_scale(values: Sequence[float | None]) -> Scale:
    """Around the positive values, with a little air."""
    positive = [v for v in values if v is not None and v > 0]
    if not positive:
        return Scale(0.1, 10.0, log=True)
    return Scale(min(positive) / 1.3, max(positive) * 1.5, log=True)


def nice_step(span: float, target: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides ``span`` into about ``target``."""
    raw = span / max(1, target)
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)


def linear_ticks(scale: Scale, target: int = 4) -> list[float]:
    """Round values within a linear scale."""
    step = nice_step(scale.high - scale.low, target)
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(scale: Scale) -> list[float]:
    """Powers of ten within a logarithmic scale; with 2 and 5 between where it spans little."""
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    ticks = [f * 10.0**e for e in range(first, last + 1) for f in factors]
    return [tick for tick in ticks if scale.low <= tick <= scale.high]


def path(
    xs: Sequence[float], ys: Sequence[float | None], y_scale: Scale, filled: bool = False
) -> str:
    """SVG path of a series: ``xs`` are 0 … 1; a None breaks the line."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((x * SIDE, (1 - y_scale(y)) * SIDE))
    drawn = []
    for piece in filter(None, pieces):
        points = "L".join(f"{x:.5g} {y:.5g}" for x, y in piece)
        if filled:
            drawn.append(f"M{piece[0][0]:.5g} {SIDE:g}L{points}L{piece[-1][0]:.5g} {SIDE:g}Z")
        elif len(piece) == 1:
            drawn.append(f"M{points}h.01")
        else:
            drawn.append(f"M{points}")
    return "".join(drawn)


def y_ticks(scale: Scale, label: str = "{:,.0f}") -> tuple[Tick, ...]:
    """Ticks of a vertical axis."""
    values = log_ticks(scale) if scale.log else linear_ticks(scale)
    return tuple(Tick(round(100 * (1 - scale(v)), 3), _label(v, label)) for v in values)


def _label(value: float, label: str) -> str:
    return f"{value:g}" if abs(value) < 10 and value != round(value) else label.format(value)
