"""The run as plain lines, for logs, pipes and CI: one every few seconds, no control characters."""

from __future__ import annotations

from collections.abc import Callable

from squall.cli.live_view.words import clock, milliseconds, rate
from squall.models import LiveSnapshot, TestStatus

PERIOD_S = 5.0
_UNDER_LOAD = frozenset({TestStatus.RUNNING, TestStatus.PAUSED, TestStatus.DRAINING})


class PlainView:
    """Writes a line for each change of status or phase under load, and one per ``PERIOD_S``."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last: tuple[TestStatus, str] | None = None
        self._written_at_s = 0.0
        self._told = ""

    def tell(self, text: str) -> None:
        """Write a step of the preparation, or something that happened."""
        if text != self._told:
            self._told = text
            self._write(text)

    def update(self, snapshot: LiveSnapshot) -> None:
        """Write a line if it is time for one."""
        if snapshot.status not in _UNDER_LOAD or not snapshot.accounting.planned:
            return
        state = (snapshot.status, snapshot.phase)
        due = snapshot.at_s - self._written_at_s >= PERIOD_S
        if state == self._last and not due:
            return
        self._last = state
        self._written_at_s = snapshot.at_s
        self._write(line(snapshot))


def line(snapshot: LiveSnapshot) -> str:
    """Everything that matters of a snapshot on one line."""
    ends = snapshot.accounting
    settled = ends.accepted + ends.rejected + ends.indeterminate + ends.not_sent
    what = snapshot.phase if snapshot.status is TestStatus.RUNNING else snapshot.status.value
    broken = [c.expression for c in snapshot.criteria if c.passed is False]
    parts = [
        f"{clock(snapshot.at_s)}/{clock(snapshot.duration_s)} {what}",
        f"{rate(snapshot.planned_tps)} TPS planned, {rate(snapshot.accepted_tps)} accepted",
        f"P95 {milliseconds(snapshot.response_recent.p95)} ms, "
        f"P99 {milliseconds(snapshot.response_recent.p99)} ms",
        f"{ends.planned:,} planned = {ends.accepted:,} accepted + {ends.rejected:,} refused + "
        f"{ends.indeterminate:,} indeterminate + {ends.not_sent:,} not sent + "
        f"{ends.planned - settled:,} open",
    ]
    if snapshot.decision.count:
        parts.insert(3, f"decided P95 {milliseconds(snapshot.decision.p95)} ms")
    if broken:
        parts.append(f"broken: {'; '.join(broken)}")
    return " | ".join(parts)
