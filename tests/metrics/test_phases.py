from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from squall.metrics.phases import PhaseTotals
from squall.models import (
    Counts,
    DecisionInterval,
    Interval,
    LatencyHistogram,
    LoadProfile,
    LoadProfileType,
    Phase,
    Truth,
)

MakeInterval = Callable[..., Interval]


class TwoPhases(LoadProfile):
    """100 TPS for 10 s, then 300 TPS for 20 s."""

    @property
    def kind(self) -> LoadProfileType:
        return LoadProfileType.SEQUENCE

    @property
    def duration_s(self) -> float:
        return 30.0

    @property
    def peak_tps(self) -> float:
        return 300.0

    @property
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("warm up", 0.0, 10.0), Phase("hold", 10.0, 30.0))

    def rate_tps(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(t < 10, 100.0, np.where(t < 30, 300.0, 0.0))

    def cumulative(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        t = np.clip(t, 0, 30)
        arrivals: NDArray[np.float64] = 100 * np.minimum(t, 10) + 300 * np.maximum(t - 10, 0)
        return arrivals

    def inverse(self, arrivals: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(arrivals <= 1000, arrivals / 100, 10 + (arrivals - 1000) / 300)


def test_intervals_go_to_the_phase_of_their_middle(make_interval: MakeInterval) -> None:
    phases = PhaseTotals(TwoPhases())
    counts = Counts(planned=10, accepted=9, not_sent=1)
    for profile_s in (0.05, 9.95, 10.05, 29.95, 31.0):
        phases.add(make_interval(counts=counts, us=[1000]), profile_s)
    warm_up, hold = phases.results()
    assert (warm_up.name, warm_up.planned, warm_up.accepted, warm_up.errors) == (
        "warm up",
        20,
        18,
        2,
    )
    assert (hold.name, hold.planned, hold.start_s, hold.end_s) == ("hold", 30, 10.0, 30.0)
    assert warm_up.response.count == 2
    assert hold.accepted_tps == round(27 / 20, 1)


def test_phases_that_were_not_reached_are_left_out(make_interval: MakeInterval) -> None:
    phases = PhaseTotals(TwoPhases())
    phases.add(make_interval(us=[1000]), 4.0)
    (only,) = phases.results()
    assert (only.name, only.end_s) == ("warm up", 4.0)


def test_the_phase_now() -> None:
    phases = PhaseTotals(TwoPhases())
    assert [phases.name_at(t) for t in (0.0, 9.99, 10.0, 99.0)] == [
        "warm up",
        "warm up",
        "hold",
        "hold",
    ]


def test_decisions_go_to_the_phase_in_which_they_were_seen(make_interval: MakeInterval) -> None:
    phases = PhaseTotals(TwoPhases())
    phases.add(make_interval(us=[1000]), 9.0)
    phases.add(make_interval(us=[1000]), 29.0)
    for profile_s, micros in ((9.0, 400_000), (10.5, 900_000), (31.0, 900_000)):
        histogram = LatencyHistogram()
        histogram.record(np.array([micros]))
        decided = DecisionInterval(0.0, profile_s, 1, histogram.sparse(), Truth())
        phases.add_decisions(decided, profile_s)
    warm_up, hold = phases.results()
    assert (warm_up.decision.count, hold.decision.count) == (1, 2)
    assert round(warm_up.decision.max or 0) == 400
    assert round(hold.decision.p50 or 0) == 900
