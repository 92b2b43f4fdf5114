"""The states of a run and the steps between them.

    CREATED ──▶ PREPARING ──▶ RUNNING ◀──▶ PAUSED
                                 │            │
                                 └─▶ DRAINING ◀┘
                                        │
                                        ▼
                                   RECONCILING ──▶ COMPLETED

From every state that is not an end, a run can become FAILED (it could not go on) or ABORTED
(somebody stopped it at once).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from squall.errors import IllegalTransition
from squall.models import TestStatus

_ENDS = frozenset({TestStatus.COMPLETED, TestStatus.FAILED, TestStatus.ABORTED})
_BROKEN = frozenset({TestStatus.FAILED, TestStatus.ABORTED})

TRANSITIONS: Mapping[TestStatus, frozenset[TestStatus]] = {
    TestStatus.CREATED: frozenset({TestStatus.PREPARING}) | _BROKEN,
    TestStatus.PREPARING: frozenset({TestStatus.RUNNING}) | _BROKEN,
    TestStatus.RUNNING: frozenset({TestStatus.PAUSED, TestStatus.DRAINING}) | _BROKEN,
    TestStatus.PAUSED: frozenset({TestStatus.RUNNING, TestStatus.DRAINING}) | _BROKEN,
    TestStatus.DRAINING: frozenset({TestStatus.RECONCILING}) | _BROKEN,
    TestStatus.RECONCILING: frozenset({TestStatus.COMPLETED}) | _BROKEN,
    TestStatus.COMPLETED: frozenset(),
    TestStatus.FAILED: frozenset(),
    TestStatus.ABORTED: frozenset(),
}
"""Every allowed step; all others are refused."""


class RunStateMachine:
    """Where one run is. ``on_change`` is told each step after it was taken."""

    __slots__ = ("_on_change", "_status")

    def __init__(self, on_change: Callable[[TestStatus], None] | None = None) -> None:
        self._status = TestStatus.CREATED
        self._on_change = on_change

    @property
    def status(self) -> TestStatus:
        """The present state."""
        return self._status

    @property
    def ended(self) -> bool:
        """Whether no further step is possible."""
        return self._status in _ENDS

    def allows(self, status: TestStatus) -> bool:
        """Whether ``status`` can follow the present state."""
        return status in TRANSITIONS[self._status]

    def advance(self, status: TestStatus) -> None:
        """Take one step; raises ``IllegalTransition`` where the table has none."""
        if not self.allows(status):
            allowed = ", ".join(sorted(s.value for s in TRANSITIONS[self._status])) or "nothing"
            raise IllegalTransition(
                f"a run that is {self._status.value} cannot become {status.value}; "
                f"it can become {allowed}"
            )
        self._status = status
        if self._on_change is not None:
            self._on_change(status)
