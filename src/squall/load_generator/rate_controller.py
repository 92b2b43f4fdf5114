"""The run's schedule under control: pause, resume, another rate, an early end.

A run is divided into stretches, one for each control. In a stretch that starts at run time wⱼ and
profile time pⱼ with Cⱼ arrivals behind it, at multiplier m:

    profile time   p(w) = pⱼ + (w − wⱼ)                       (pⱼ while paused)
    arrivals       A(w) = Cⱼ + m·(Λ(p(w)) − Λ(pⱼ))            (Cⱼ while paused)
    due            w(E) = wⱼ + Λ⁻¹(Λ(pⱼ) + (E − Cⱼ)/m) − pⱼ

A is continuous across controls, so no arrival is lost or repeated and indices stay dense: a
control changes *when* the arrivals from its effect on are due, and how many still come. It leaves
alone what is due before it. A multiplier changes the rate, not the length of the run.

Every worker holds its own controller and is given the same controls with the same effective times,
a little ahead of the clock. The arithmetic is the same everywhere, so the workers agree without
talking.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from squall.load_generator.arrivals import Indices, thresholds
from squall.load_generator.profiles.shape import NOISE, Floats
from squall.models import ArrivalProcess, LoadProfile

MOST_CONTROLS = 100_000
"""Controls that one run may be given."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    start_s: float
    """Run time wⱼ."""
    profile_s: float
    """Profile time pⱼ."""
    level: float
    """Λ(pⱼ)."""
    arrivals: float
    """Cⱼ."""
    multiplier: float
    moving: bool
    """Whether profile time passes: not while paused or stopped."""


class RateController:
    """Due times of a profile's arrivals under the controls given so far.

    Times are seconds of the run, from its start. A control given with an ``at_s`` before that of an
    earlier control takes effect with the earlier one. Controls that change nothing (a second pause,
    anything after the end) are allowed and do nothing.
    """

    __slots__ = (
        "_counts",
        "_length_s",
        "_level",
        "_profile",
        "_stopped",
        "_stretches",
        "_thresholds",
        "_total",
    )

    def __init__(self, profile: LoadProfile, arrivals: ArrivalProcess, seed: int) -> None:
        self._profile = profile
        self._length_s = profile.duration_s
        self._level = profile.total
        self._thresholds = thresholds(arrivals, seed)
        self._stretches = [_Stretch(0.0, 0.0, 0.0, 0.0, 1.0, True)]
        self._counts = np.zeros(1)
        self._total = self._thresholds.below(self._level)
        self._stopped = False

    # --- controls

    def pause(self, at_s: float) -> None:
        """Nothing is due from ``at_s`` on until a resume; profile time stands still."""
        if self._stretches[-1].moving:
            self._add(at_s, self.rate_multiplier, moving=False)

    def resume(self, at_s: float) -> None:
        """Go on at ``at_s`` with the arrival and the profile time at which the pause began."""
        if self.paused:
            self._add(at_s, self.rate_multiplier, moving=True)

    def set_multiplier(self, at_s: float, multiplier: float) -> None:
        """From ``at_s`` on the rate is ``multiplier`` · λ; 0 sends nothing while time goes on.

        Raises ValueError unless the multiplier is finite and at least 0.
        """
        if not (math.isfinite(multiplier) and multiplier >= 0.0):
            raise ValueError(f"a rate multiplier must be 0 or more, not {multiplier}")
        if multiplier != self.rate_multiplier:
            self._add(at_s, multiplier, moving=self._stretches[-1].moving)

    def stop(self, at_s: float) -> None:
        """End the run at ``at_s``: what would be due then or later never comes."""
        if self._add(at_s, self.rate_multiplier, moving=False):
            self._stopped = True
            self._total = self._thresholds.below(self._stretches[-1].arrivals)

    def _add(self, at_s: float, multiplier: float, *, moving: bool) -> bool:
        """Begin a stretch; False when the run is over by then and nothing changes."""
        at_s = max(at_s, self._stretches[-1].start_s)
        if at_s >= self.end_s:
            return False
        if len(self._stretches) > MOST_CONTROLS:
            raise ValueError(f"a run can be given {MOST_CONTROLS:,} controls at most")
        profile_s = self.profile_time(at_s)
        level = self._level_at(profile_s)
        stretch = _Stretch(at_s, profile_s, level, self._arrivals(at_s), multiplier, moving)
        self._stretches.append(stretch)
        self._counts = np.array([s.arrivals for s in self._stretches])
        to_come = multiplier * (self._level - stretch.level)
        self._total = self._thresholds.below(stretch.arrivals + to_come)
        return True

    # --- the schedule

    def due(self, indices: Indices) -> Floats:
        """Due times of arrivals, shape (n,); infinite where no time is known.

        That is so for arrivals beyond the end of the run, and while the run is paused for those
        that wait for its resumption.
        """
        need = self._thresholds.at(indices)
        if len(self._stretches) == 1:
            times = np.minimum(self._profile.inverse(need), self._length_s)
        else:
            times = self._due_by_stretch(need)
        return np.where(indices < self._total, times, np.inf)

    def _due_by_stretch(self, need: Floats) -> Floats:
        which = np.searchsorted(self._counts, need * (1.0 + NOISE), side="right") - 1
        if not len(which):
            return np.empty(0)
        first, last = int(which.min()), int(which.max())
        if first == last:
            return self._due_in(first, need)
        times = np.empty(len(need))
        for j in np.unique(which).tolist():
            mine = which == j
            times[mine] = self._due_in(j, need[mine])
        return times

    def _due_in(self, number: int, need: Floats) -> Floats:
        """Due times of arrivals whose thresholds fall into one stretch."""
        stretch = self._stretches[number]
        if not stretch.moving or stretch.multiplier == 0.0:
            return np.full(len(need), np.inf)
        ahead = np.maximum(need - stretch.arrivals, 0.0) / stretch.multiplier
        profile_s = np.maximum(self._profile.inverse(stretch.level + ahead), stretch.profile_s)
        times = stretch.start_s + (profile_s - stretch.profile_s)
        return np.minimum(times, self._end_of(number))

    def _end_of(self, number: int) -> float:
        if number + 1 < len(self._stretches):
            return self._stretches[number + 1].start_s
        return self.end_s

    def total_at_end(self) -> int:
        """Arrivals in the whole run as things stand; a paused run is counted as if it went on."""
        return self._total

    def count_due(self, now_s: float) -> int:
        """How many arrivals are due before ``now_s``: exactly those with an index below it."""
        return min(self._thresholds.below(self._arrivals(now_s)), self._total)

    # --- the state at a time

    @property
    def end_s(self) -> float:
        """Run time at which the schedule ends; infinite while paused."""
        last = self._stretches[-1]
        if self._stopped:
            return last.start_s
        if not last.moving:
            return math.inf
        return last.start_s + (self._length_s - last.profile_s)

    @property
    def paused(self) -> bool:
        """Whether the last control left the run paused."""
        return not self._stretches[-1].moving and not self._stopped

    @property
    def rate_multiplier(self) -> float:
        """The multiplier that the last control left."""
        return self._stretches[-1].multiplier

    def profile_time(self, now_s: float) -> float:
        """Seconds of the profile at run time ``now_s``, at most its length."""
        stretch = self._at(now_s)
        gone = max(0.0, now_s - stretch.start_s) if stretch.moving else 0.0
        return min(stretch.profile_s + gone, self._length_s)

    def rate_tps(self, now_s: float) -> float:
        """The planned rate at run time ``now_s``; 0 while paused and after the end."""
        stretch = self._at(now_s)
        if not stretch.moving or now_s >= self.end_s or now_s < 0.0:
            return 0.0
        rate = self._profile.rate_tps(np.array([self.profile_time(now_s)]))
        return stretch.multiplier * float(rate[0])

    def _at(self, now_s: float) -> _Stretch:
        """The stretch that holds a run time."""
        for stretch in reversed(self._stretches):
            if stretch.start_s <= now_s:
                return stretch
        return self._stretches[0]

    def _level_at(self, profile_s: float) -> float:
        return float(self._profile.cumulative(np.array([profile_s]))[0])

    def _arrivals(self, now_s: float) -> float:
        """A(w)."""
        stretch = self._at(now_s)
        if not stretch.moving:
            return stretch.arrivals
        passed = self._level_at(self.profile_time(now_s)) - stretch.level
        return stretch.arrivals + stretch.multiplier * max(passed, 0.0)
