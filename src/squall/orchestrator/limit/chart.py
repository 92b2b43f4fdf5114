"""Charts of a search as SVG text: rate against response time, concurrency against throughput.

Colours are CSS variables of the page around the chart; passed and failed runs differ in shape as
well as in colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from squall.orchestrator.limit.search import Bracket, Trial
from squall.orchestrator.limit.step import StepResult
from squall.orchestrator.limit.usl import UslFit

WIDTH, HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 24, 20, 48
_CURVE_POINTS = 80


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic or linear map from values to pixels."""

    low: float
    high: float
    from_px: float
    to_px: float
    logarithmic: bool

    def at(self, value: float) -> float:
        scale = math.log if self.logarithmic else float
        share = (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))
        return round(self.from_px + share * (self.to_px - self.from_px), 1)

    def ticks(self) -> list[float]:
        """Round values inside the axis: 1, 2, 5 of every power of ten, or even linear steps."""
        if not self.logarithmic:
            step = _round_step((self.high - self.low) / 5)
            first = math.ceil(self.low / step)
            return [step * k for k in range(first, int(self.high / step + 1e-9) + 1)]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [mantissa * 10.0**power for power in powers for mantissa in (1, 2, 5)]
        return [value for value in values if self.low <= value <= self.high]


def rate_chart(steps: Sequence[StepResult], bracket: Bracket) -> str:
    """Every run by its rate and its P95 response time; the bracket as two vertical lines."""
    shown = [(s.rate_tps, max(s.response.p95, 0.001), s) for s in steps if s.response.p95]
    if not shown:
        return _empty("No run was measured.")
    x = _log_axis([rate for rate, _, _ in shown], _LEFT, WIDTH - _RIGHT)
    y = _log_axis([p95 for _, p95, _ in shown], HEIGHT - _BOTTOM, _TOP)
    parts = _frame(x, y, "offered rate, TPS", "P95 response, ms")
    for rate, name in ((bracket.holds_tps, "holds"), (bracket.breaks_tps, "breaks")):
        if rate is not None and x.low <= rate <= x.high:
            parts.append(
                f'<line class="{name}" x1="{x.at(rate)}" x2="{x.at(rate)}" y1="{_TOP}"'
                f' y2="{HEIGHT - _BOTTOM}"><title>{name}: {rate:,.0f} TPS</title></line>'
            )
    parts += [_mark(x.at(rate), y.at(p95), step) for rate, p95, step in shown]
    return _svg("Runs by offered rate and P95 response time", parts)


def usl_chart(fit: UslFit) -> str:
    """The measured points and the fitted law."""
    if not fit.points:
        return _empty("No point was measured at a concurrency of one or more.")
    beyond = max(fit.points[-1].concurrency * 1.3, 2.0)
    curve = [
        (n, value)
        for n in (1 + (beyond - 1) * k / _CURVE_POINTS for k in range(_CURVE_POINTS + 1))
        if (value := fit.throughput(n)) is not None
    ]
    top = max([p.throughput_tps for p in fit.points] + [value for _, value in curve]) * 1.08
    x = _Axis(0.0, beyond, _LEFT, WIDTH - _RIGHT, False)
    y = _Axis(0.0, top, HEIGHT - _BOTTOM, _TOP, False)
    parts = _frame(x, y, "concurrency in the target", "throughput, TPS")
    if curve:
        line = " ".join(f"{x.at(n)},{y.at(value)}" for n, value in curve)
        parts.append(f'<polyline class="law" points="{line}"/>')
    parts += [
        f'<circle class="point" cx="{x.at(p.concurrency)}" cy="{y.at(p.throughput_tps)}" r="4">'
        f"<title>{p.concurrency:.1f} requests, {p.throughput_tps:,.0f} TPS</title></circle>"
        for p in fit.points
    ]
    return _svg("Throughput by concurrency, with the Universal Scalability Law", parts)


def _mark(x: float, y: float, step: StepResult) -> str:
    told = f"{step.rate_tps:,.0f} TPS, P95 {step.response.p95:,.1f} ms: {step.trial.value}"
    title = f"<title>{escape('; '.join((told, *step.reasons)))}</title>"
    if step.trial is Trial.PASSED:
        return f'<circle class="passed" cx="{x}" cy="{y}" r="5">{title}</circle>'
    name = "failed" if step.trial is Trial.FAILED else "invalid"
    cross = f"M{x - 5} {y - 5}l10 10M{x - 5} {y + 5}l10 -10"
    return f'<path class="{name}" d="{cross}">{title}</path>'


def _frame(x: _Axis, y: _Axis, x_title: str, y_title: str) -> list[str]:
    bottom, middle = HEIGHT - _BOTTOM, (_TOP + HEIGHT - _BOTTOM) / 2
    parts = [
        _label((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 10, x_title, "middle"),
        f'<text class="label" transform="rotate(-90 16 {middle})" x="16" y="{middle}"'
        f' text-anchor="middle">{escape(y_title)}</text>',
    ]
    for value in y.ticks():
        at = y.at(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(_label(_LEFT - 8, at + 4, _number(value), "end"))
    for value in _thinned(x.ticks(), x.at):
        at = x.at(value)
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{bottom}" y2="{bottom + 5}"/>')
        parts.append(_label(at, bottom + 19, _number(value), "middle"))
    return parts


def _thinned(ticks: list[float], at: Callable[[float], float]) -> list[float]:
    """Ticks whose labels do not touch."""
    kept: list[float] = []
    for value in ticks:
        if not kept or at(value) - at(kept[-1]) >= 44:
            kept.append(value)
    return kept


def _log_axis(values: Sequence[float], from_px: float, to_px: float) -> _Axis:
    return _Axis(min(values) / 1.25, max(values) * 1.25, from_px, to_px, True)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough)


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="label" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _empty(text: str) -> str:
    return f"<p>{escape(text)}</p>"
