"""Whether a worker has time to spare for work ahead of need."""

from __future__ import annotations

from collections.abc import Callable

PRESSED_SHARE = 0.9
"""A worker that runs for more of the time than this has none to spare."""


class Slack:
    """Compares the time that has passed with the time that the worker ran.

    ``clock`` is the time, ``worked`` the worker's own processor time, both in seconds. Time for
    which another program had the core counts as rest: then it is not known how much was to do.
    """

    def __init__(self, clock: Callable[[], float], worked: Callable[[], float]) -> None:
        self._clock = clock
        self._worked = worked
        self._looked_s = clock()
        self._worked_s = worked()

    def used_up(self) -> bool:
        """Whether the worker has hardly rested since the last look."""
        now, worked = self._clock(), self._worked()
        passed_s, worked_s = now - self._looked_s, worked - self._worked_s
        self._looked_s, self._worked_s = now, worked
        return worked_s > PRESSED_SHARE * passed_s
