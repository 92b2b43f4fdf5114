"""Times and numbers as the live view writes them: short, and of steady width."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """``0:07``, ``12:34``, ``1:02:03``."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, seconds_left = divmod(rest, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds_left:02d}"
    return f"{minutes}:{seconds_left:02d}"


def milliseconds(value: float | None) -> str:
    """``–``, ``0.42``, ``4.2``, ``42``, ``4,200``: three figures are enough while it moves."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value:.2f}"
    if value < 100:
        return f"{value:.1f}"
    return f"{value:,.0f}"


def rate(value: float) -> str:
    """Transactions per second: whole ones, or one decimal below ten."""
    return f"{value:.1f}" if 0 < value < 10 else f"{value:,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """``94.1 %``; a dash where nothing was measured."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"
