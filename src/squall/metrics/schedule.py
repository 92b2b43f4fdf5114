"""The run's schedule as measurements need it: what was planned when."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Schedule(Protocol):
    """Run time against the load profile (``load_generator.rate_controller.RateController``)."""

    def profile_time(self, now_s: float) -> float:
        """Seconds of the profile at run time ``now_s``; it stands still while paused."""
        ...

    def rate_tps(self, now_s: float) -> float:
        """The planned rate at run time ``now_s``; 0 while paused and after the end."""
        ...

    @property
    def rate_multiplier(self) -> float:
        """By which the profile's rate is multiplied now."""
        ...

    @property
    def end_s(self) -> float:
        """Run time at which nothing more becomes due; infinite while paused."""
        ...

    def due(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Intended sends of arrivals in run time; infinite where none is known."""
        ...

    def count_due(self, now_s: float) -> int:
        """How many arrivals are due before run time ``now_s``."""
        ...
