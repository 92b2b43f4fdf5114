"""The rate over the whole run in a few lines of text: the plan in grey, what was accepted on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from squall.cli.live_view.lines import Line, Span
from squall.models import LiveSnapshot, LoadProfile

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_BINS = 240
"""Stretches of the run that the history is kept in: finer than any terminal shows it."""
_PLAN = "grey30"
_PLAN_BACKGROUND = "on grey30"
_GOOD = "green"
_BAD = "red"


@dataclass(slots=True)
class _Bin:
    accepted_tps: float = 0.0
    samples: int = 0
    errors: int = 0


class RateHistory:
    """The accepted rate by stretch of the profile; its size does not grow with the run."""

    def __init__(self, profile: LoadProfile) -> None:
        self._profile = profile
        self._bins = [_Bin() for _ in range(_BINS)]
        self._errors = 0
        self._peak_tps = max(profile.peak_tps, 1e-9)

    def add(self, snapshot: LiveSnapshot) -> None:
        """Take the rate of a snapshot into the stretch it belongs to."""
        share = snapshot.profile_s / self._profile.duration_s
        if share < 1.0:
            here = self._bins[int(share * _BINS)]
            here.accepted_tps += snapshot.accepted_tps
            here.samples += 1
            self._peak_tps = max(self._peak_tps, snapshot.accepted_tps)
        else:
            here = self._bins[-1]
        errors = _errors_of(snapshot)
        here.errors += max(0, errors - self._errors)
        self._errors = max(errors, self._errors)

    @property
    def peak_tps(self) -> float:
        """The top of the chart: the planned or the measured peak, whichever is higher."""
        return self._peak_tps

    def planned(self, columns: int) -> NDArray[np.float64]:
        """Mean planned rate by column, shape (columns,)."""
        edges = np.linspace(0.0, self._profile.duration_s, columns + 1)
        means: NDArray[np.float64] = np.diff(self._profile.cumulative(edges)) / np.diff(edges)
        return means

    def accepted(self, columns: int) -> list[tuple[float | None, bool]]:
        """Mean accepted rate by column (None: not there yet) and whether it had errors."""
        edges = np.linspace(0, _BINS, columns + 1)
        result = []
        for first, last in zip(edges[:-1].astype(int), np.ceil(edges[1:]).astype(int), strict=True):
            bins = self._bins[first : max(last, first + 1)]
            samples = sum(b.samples for b in bins)
            mean = sum(b.accepted_tps for b in bins) / samples if samples else None
            result.append((mean, any(b.errors for b in bins)))
        return result


def _errors_of(snapshot: LiveSnapshot) -> int:
    ends = snapshot.accounting
    return ends.rejected - ends.rejected_expected + ends.indeterminate + ends.not_sent


def draw(history: RateHistory, columns: int, rows: int) -> list[Line]:
    """The chart: ``rows`` lines of ``columns`` cells, highest first.

    A column turns red when transactions failed in its stretch of the run.
    """
    scale = rows / history.peak_tps
    planned = history.planned(columns) * scale
    accepted = history.accepted(columns)
    lines: list[Line] = []
    for row in reversed(range(rows)):
        spans: list[Span] = []
        for column in range(columns):
            mean, errors = accepted[column]
            level = None if mean is None else mean * scale - row
            character, style = _cell(float(planned[column]) - row, level, errors)
            if spans and spans[-1][1] == style:
                spans[-1] = (spans[-1][0] + character, style)
            else:
                spans.append((character, style))
        lines.append(spans)
    return lines


def _cell(planned: float, accepted: float | None, errors: bool) -> Span:
    """One character and its style; the levels are in cells above the cell's own bottom."""
    if accepted is None or accepted <= 0.06:
        return _EIGHTHS[_eighth(planned)], _PLAN
    style = _BAD if errors else _GOOD
    eighths = _eighth(accepted)
    if eighths < 8 and _eighth(planned) == 8:
        style = f"{style} {_PLAN_BACKGROUND}"
    return _EIGHTHS[eighths], style


def _eighth(level: float) -> int:
    """0 … 8 eighths of a cell; anything above nothing shows as one."""
    if level <= 0.001:
        return 0
    return max(1, min(8, round(level * 8)))
