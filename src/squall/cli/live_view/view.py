"""The live view of a run in a terminal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult

from squall.cli.live_view import panels
from squall.cli.live_view.lines import DIM, Line, apart, beside, box, fit, segments
from squall.cli.live_view.rate_chart import RateHistory, draw
from squall.cli.live_view.words import clock, rate
from squall.models import LiveSnapshot, LoadProfile, TestStatus

EVENTS_KEPT = 4
WIDE = 76
"""Columns from which boxes stand side by side."""
CHART_ROWS = 6
_SCALE = 9
"""Columns left of the chart and the bar, for the scale."""
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_RATE_HEIGHT, _ENDS_HEIGHT, _HEALTH_HEIGHT = 6, 10, 5

_STATUS = {
    TestStatus.CREATED: ("preparing", "bold cyan"),
    TestStatus.PREPARING: ("preparing", "bold cyan"),
    TestStatus.RUNNING: ("running", "bold green"),
    TestStatus.PAUSED: ("paused", "bold yellow"),
    TestStatus.DRAINING: ("draining", "bold cyan"),
    TestStatus.RECONCILING: ("reading the target's records", "bold cyan"),
    TestStatus.COMPLETED: ("finished", "bold"),
    TestStatus.FAILED: ("failed", "bold red"),
    TestStatus.ABORTED: ("aborted", "bold red"),
}
_HINTS = {
    TestStatus.RUNNING: "Ctrl-C drains and reports · twice stops at once",
    TestStatus.PAUSED: "Ctrl-C drains and reports · twice stops at once",
    TestStatus.DRAINING: "waiting for the last answers · Ctrl-C stops at once",
    TestStatus.RECONCILING: "Ctrl-C skips the final read",
}


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a run is, for its first lines."""

    scenario: str
    target: str
    run_id: str
    scaling: str
    workers: int


class LiveView:
    """A renderable that shows the newest snapshot it was given.

    Before the first one it shows the steps of the preparation. It adapts to the terminal's width
    and leaves out what does not fit its height.
    """

    def __init__(self, header: RunHeader, profile: LoadProfile) -> None:
        self._header = header
        self._history = RateHistory(profile)
        self._snapshot: LiveSnapshot | None = None
        self._steps: list[str] = []
        self._events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self._turn = 0

    def tell(self, text: str) -> None:
        """Show a step of the preparation, or something that happened during the run."""
        text = text.splitlines()[0] if text else ""
        if self._snapshot is not None:
            self._events.append(f"{clock(self._snapshot.at_s)}  {text}")
        elif self._steps and _same_step(self._steps[-1], text):
            self._steps[-1] = text
        else:
            self._steps.append(text)

    def update(self, snapshot: LiveSnapshot) -> None:
        """Show this snapshot from now on."""
        self._snapshot = snapshot
        self._history.add(snapshot)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The view at the console's present size."""
        # The last line is left free: a view as high as the terminal would scroll it.
        yield from segments(self.lines(options.max_width, options.size.height - 1), console)

    def lines(self, width: int, height: int) -> list[Line]:
        """The view at this size; each line exactly ``width`` cells."""
        if self._snapshot is None:
            drawn = self._preparing(width)
        else:
            drawn = self._running(self._snapshot, width, height)
        return [fit(line, width) for line in drawn[:height]]

    def _preparing(self, width: int) -> list[Line]:
        self._turn += 1
        lines: list[Line] = [self._title(None, width), [(self._header.scaling, DIM)], []]
        lines += [[("  ✓ ", "green"), (step, DIM)] for step in self._steps[:-1]]
        if self._steps:
            turning = _SPINNER[self._turn % len(_SPINNER)]
            lines.append([(f"  {turning} ", "cyan"), (self._steps[-1], "")])
        return lines

    def _running(self, snapshot: LiveSnapshot, width: int, height: int) -> list[Line]:
        remarks = self._remarks(snapshot)
        body = self._wide(snapshot, width) if width >= WIDE else self._narrow(snapshot, width)
        top = [self._title(snapshot, width), [(self._header.scaling, DIM)]]
        spare = height - len(top) - 2 - len(body) - len(remarks)
        health: list[Line] = []
        if spare >= _HEALTH_HEIGHT and width >= WIDE:
            health = self._health(snapshot, width)
            spare -= _HEALTH_HEIGHT
        rows = min(CHART_ROWS, spare)
        chart = self._chart(width, rows) if rows >= 2 else []
        return [*top, *chart, self._bar(snapshot, width), [], *body, *health, *remarks]

    def _wide(self, snapshot: LiveSnapshot, width: int) -> list[Line]:
        left = max(24, width * 3 // 10)
        half = width // 2
        ends, height = width - half, _ENDS_HEIGHT
        held = panels.criteria(snapshot.criteria, half - 4, height - 2)
        return [
            *beside(
                box("Rate, TPS", panels.rates(snapshot, left - 4), left, _RATE_HEIGHT),
                box(
                    "Latency, ms",
                    panels.latencies(snapshot, width - left - 4),
                    width - left,
                    _RATE_HEIGHT,
                ),
            ),
            *beside(
                box("Every transaction", panels.accounting(snapshot, ends - 4), ends, height),
                box("Criteria so far", held, half, height),
            ),
        ]

    def _narrow(self, snapshot: LiveSnapshot, width: int) -> list[Line]:
        return [
            *panels.rates(snapshot, width),
            [],
            *panels.latencies(snapshot, width),
            [],
            *panels.accounting(snapshot, width),
            [],
            *panels.criteria(snapshot.criteria, width, 6),
        ]

    def _health(self, snapshot: LiveSnapshot, width: int) -> list[Line]:
        half = width // 2
        rest = width - half
        found = panels.detection(snapshot.detection, rest - 4)
        own = panels.generator(snapshot, self._header.workers, half - 4)
        return beside(box("Detection", found, rest), box("Generator", own, half))

    def _remarks(self, snapshot: LiveSnapshot) -> list[Line]:
        lines: list[Line] = []
        errors = panels.errors(snapshot)
        if errors is not None:
            lines.append(errors)
        lines += [[(event, "yellow")] for event in self._events]
        hint = _HINTS.get(snapshot.status)
        if hint:
            lines.append([(hint, "grey50")])
        return lines

    def _title(self, snapshot: LiveSnapshot | None, width: int) -> Line:
        status = TestStatus.PREPARING if snapshot is None else snapshot.status
        word, style = _STATUS[status]
        moving = status in {TestStatus.RUNNING, TestStatus.PAUSED}
        phase = f"  {snapshot.phase}" if snapshot is not None and moving else ""
        header = self._header
        left: Line = [
            (header.scenario, "bold"),
            (f" → {header.target}  ", ""),
            (header.run_id, DIM),
        ]
        return apart(left, [(word, style), (phase, "bold")], width)

    def _chart(self, width: int, rows: int) -> list[Line]:
        chart = draw(self._history, width - _SCALE, rows)
        scale = [rate(self._history.peak_tps), *[""] * (rows - 2), "0"]
        return [
            [(f"{mark:>{_SCALE - 1}} ", "grey50"), *line]
            for mark, line in zip(scale, chart, strict=True)
        ]

    def _bar(self, snapshot: LiveSnapshot, width: int) -> Line:
        done_s, duration_s = min(snapshot.profile_s, snapshot.duration_s), snapshot.duration_s
        text = f"  {clock(done_s)} of {clock(duration_s)}"
        if done_s < duration_s and snapshot.status in {TestStatus.RUNNING, TestStatus.PAUSED}:
            text += f" · {clock(duration_s - done_s)} left"
        columns = max(4, width - _SCALE - len(text))
        done = round(columns * done_s / duration_s)
        return [
            (" " * _SCALE, ""),
            ("━" * done, "green"),
            ("━" * (columns - done), "grey23"),
            (text, ""),
        ]


def _same_step(before: str, now: str) -> bool:
    """Whether a message only brings another one up to date: the same words before a colon."""
    return before.partition(":")[0] == now.partition(":")[0]
