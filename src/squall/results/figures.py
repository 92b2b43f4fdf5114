"""Figures in words: every one with its unit, and a dash where nothing was measured."""

from __future__ import annotations

import math

from squall.models import CriterionResult

DASH = "–"


def count(value: int | None) -> str:
    """``12,345``."""
    return DASH if value is None else f"{value:,}"


def rate(value: float | None) -> str:
    """Transactions per second: ``4,862 TPS``, ``12.5 TPS``."""
    if value is None:
        return DASH
    return f"{value:,.0f} TPS" if abs(value) >= 100 else f"{value:.3g} TPS"


def milliseconds(value: float | None) -> str:
    """``0.21 ms``, ``23.6 ms``, ``812 ms``, ``12.4 s``."""
    if value is None:
        return DASH
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    if value >= 100:
        return f"{value:,.0f} ms"
    return f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as ``88.1 %``; small shares keep two significant digits."""
    if share is None:
        return DASH
    value = 100 * share
    if value == 0:
        return "0 %"
    smallest = 10.0**-digits
    if abs(value) < smallest:
        return f"{value:.2g} %"
    if value < 100 and round(value, digits) >= 100:
        return f"over {100 - smallest:.{digits}f} %"
    return f"{value:.{digits}f} %"


def interval(bounds: tuple[float, float] | None) -> str:
    """A 95 % interval of a share: ``88.0–88.3 %``; empty without one."""
    if bounds is None:
        return ""
    low, high = (100 * bound for bound in bounds)
    digits = 1 if high - low >= 0.2 else 2 if high - low >= 0.02 else 3
    return f"{low:.{digits}f}–{high:.{digits}f} %"


def money(value: float | None) -> str:
    """US dollars, short: ``$1.24 million``, ``$12,340``."""
    if value is None:
        return DASH
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if abs(value) >= size:
            return f"${value / size:,.2f} {word}"
    return f"${value:,.0f}" if abs(value) >= 100 else f"${value:.2f}"


def small_money(value: float | None) -> str:
    """US dollars with two significant digits where they are few: ``$0.0000051``, ``$1.24``."""
    if value is None:
        return DASH
    if value == 0 or value >= 1:
        return money(value)
    return f"${value:.{1 - math.floor(math.log10(value))}f}"


def size(value: int | None) -> str:
    """Bytes: ``612 MB``; powers of ten."""
    if value is None:
        return DASH
    for unit, word in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= unit:
            number = value / unit
            return f"{number:,.0f} {word}" if abs(number) >= 100 else f"{number:.1f} {word}"
    return f"{value} bytes"


def seconds(value: float) -> str:
    """A duration: ``45 s``, ``3 min``, ``2 h 5 min``."""
    if value < 120:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def words(name: str) -> str:
    """``card_testing`` as ``card testing``."""
    return name.replace("_", " ")


def plural(number: int, noun: str) -> str:
    """``1 transaction``, ``2 transactions``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def measured(criterion: CriterionResult) -> str:
    """A criterion's measured value as text, in the unit that its expression uses."""
    value = criterion.measured
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    expression = criterion.expression
    if "%" in expression.replace("% of", ""):  # "1 % of another" is in the other's unit
        return percent(float(value), 2)
    if "latency_ms" in expression or expression.rstrip().endswith("ms"):
        return milliseconds(float(value))
    if "tps" in expression.lower():
        return rate(float(value))
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
