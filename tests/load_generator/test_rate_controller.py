"""The rate controller: no sequence of controls loses or repeats an arrival."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from squall.load_generator.arrivals import ArrivalStream, Schedule, thresholds
from squall.load_generator.profiles import Burst, Chaos, RampUp, Sequence, Sum, Sustained, Wave
from squall.load_generator.rate_controller import RateController
from squall.models import ArrivalProcess, LoadProfile

EVEN = ArrivalProcess.EVEN


def controller(tps: float = 100, seconds: float = 10) -> RateController:
    return RateController(Sustained(tps, seconds), EVEN, seed=1)


def due(control: RateController, *indices: int) -> list[float]:
    times: list[float] = control.due(np.array(indices, dtype=np.int64)).tolist()
    return times


def test_without_controls_it_is_the_plain_schedule() -> None:
    profile = Sequence((RampUp(0, 500, 20), Sustained(500, 10)))
    for arrivals in ArrivalProcess:
        control, plain = RateController(profile, arrivals, 5), Schedule(profile, arrivals, 5)
        indices = np.arange(plain.total_at_end() + 100)
        assert np.array_equal(control.due(indices), plain.due(indices))
        assert control.total_at_end() == plain.total_at_end() == control.count_due(30)
        assert control.end_s == 30


def test_a_pause_moves_what_is_due_from_then_on() -> None:
    control = controller()
    control.pause(2.0)
    assert due(control, 199, 200, 999) == [pytest.approx(1.99), math.inf, math.inf]
    assert control.end_s == math.inf
    assert control.total_at_end() == 1000
    assert control.paused
    assert control.rate_tps(3.0) == 0.0
    assert control.profile_time(30.0) == 2.0
    control.resume(7.0)
    assert due(control, 199, 200, 999, 1000) == pytest.approx([1.99, 7.0, 14.99, math.inf])
    assert control.end_s == 15.0
    assert [control.count_due(t) for t in (0, 2, 5, 7, 8, 15)] == [0, 200, 200, 200, 300, 1000]
    assert control.profile_time(8.0) == 3.0


def test_a_multiplier_changes_the_rate_not_the_length() -> None:
    control = controller()
    control.set_multiplier(4.0, 2.0)
    assert control.total_at_end() == 400 + 1200
    assert control.end_s == 10.0
    assert due(control, 399, 400, 401, 1599) == pytest.approx([3.99, 4.0, 4.005, 9.995])
    assert (control.rate_tps(3.9), control.rate_tps(4.0), control.rate_tps(10.0)) == (100, 200, 0)
    control.set_multiplier(9.0, 0.0)
    assert control.total_at_end() == 1400
    assert due(control, 1399, 1400) == [pytest.approx(8.995), math.inf]
    assert control.end_s == 10.0


def test_silence_by_multiplier_ends_with_the_next_one() -> None:
    control = controller()
    control.set_multiplier(1.0, 0.0)
    control.set_multiplier(6.0, 1.0)
    assert due(control, 99, 100, 101) == pytest.approx([0.99, 6.0, 6.01])
    assert control.total_at_end() == 500


def test_a_multiplier_given_while_paused_holds_from_the_resume() -> None:
    control = controller()
    control.pause(1.0)
    control.set_multiplier(2.0, 0.5)
    assert control.total_at_end() == 100 + 450
    control.resume(3.0)
    assert due(control, 100, 101) == pytest.approx([3.0, 3.02])


def test_stop_ends_the_run() -> None:
    control = controller()
    control.stop(2.5)
    assert control.total_at_end() == 250
    assert due(control, 249, 250) == [pytest.approx(2.49), math.inf]
    assert control.end_s == 2.5
    assert control.count_due(100) == 250
    control.resume(3.0)
    control.pause(3.0)
    control.set_multiplier(3.0, 9.0)
    control.stop(4.0)
    assert (control.end_s, control.total_at_end(), control.rate_tps(3)) == (2.5, 250, 0)


def test_a_paused_run_can_be_stopped() -> None:
    control = controller()
    control.pause(2.0)
    control.stop(5.0)
    assert (control.end_s, control.total_at_end(), control.paused) == (5.0, 200, False)


def test_controls_after_the_end_change_nothing() -> None:
    control = controller()
    control.pause(10.0)
    control.set_multiplier(11.0, 5.0)
    control.stop(12.0)
    assert (control.end_s, control.total_at_end(), control.paused) == (10.0, 1000, False)


def test_a_control_never_takes_effect_before_an_earlier_one() -> None:
    control = controller()
    control.set_multiplier(5.0, 2.0)
    control.stop(4.0)
    assert (control.end_s, control.total_at_end()) == (5.0, 500)


def test_a_pause_inside_a_silent_stretch_keeps_the_silence_whole() -> None:
    profile = Sequence((Sustained(10, 10), Sustained(0, 20), Sustained(10, 10)))
    control = RateController(profile, EVEN, 1)
    control.pause(15.0)
    control.resume(18.0)
    assert due(control, 99, 100, 101) == pytest.approx([9.9, 33.0, 33.1])


@pytest.mark.parametrize("multiplier", [-1.0, math.nan, math.inf])
def test_a_multiplier_must_be_a_number_from_0_on(multiplier: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        controller().set_multiplier(1.0, multiplier)


def test_a_copy_in_another_process_agrees() -> None:
    control = RateController(Wave(100, 90, 3, 10), ArrivalProcess.POISSON, 8)
    control.set_multiplier(2.0, 1.7)
    control.pause(4.0)
    control.resume(5.0)
    copy = pickle.loads(pickle.dumps(control))
    indices = np.arange(control.total_at_end() + 5)
    assert np.array_equal(copy.due(indices), control.due(indices))


def test_two_hours_of_controls_lose_nothing() -> None:
    """72 million arrivals, a pause every minute: the last one still comes at the end."""
    control = RateController(Sustained(10_000, 7200), EVEN, 1)
    for minute in range(1, 120):
        control.pause(minute * 61.0)
        control.resume(minute * 61.0 + 1.0)
    assert control.total_at_end() == 72_000_000
    assert due(control, 71_999_999, 72_000_000) == [
        pytest.approx(7200 + 119 - 0.0001, abs=1e-6),
        math.inf,
    ]


# --- any sequence of controls, against a model that only knows Λ and bisection


@dataclass
class Stretch:
    start_s: float
    profile_s: float
    multiplier: float
    moving: bool


class Model:
    """The run as a list of stretches; arrivals are counted by adding them up."""

    def __init__(self, profile: LoadProfile) -> None:
        self.profile = profile
        self.stretches = [Stretch(0.0, 0.0, 1.0, True)]

    def profile_s(self, stretch: Stretch, at_s: float) -> float:
        gone = at_s - stretch.start_s if stretch.moving else 0.0
        return min(stretch.profile_s + gone, self.profile.duration_s)

    def change(self, at_s: float, multiplier: float, moving: bool) -> None:
        last = self.stretches[-1]
        self.stretches.append(Stretch(at_s, self.profile_s(last, at_s), multiplier, moving))

    def arrivals_by(self, at_s: float) -> float:
        total = 0.0
        for number, stretch in enumerate(self.stretches):
            later = self.stretches[number + 1 :]
            end = min(at_s, later[0].start_s) if later else at_s
            if stretch.moving and end > stretch.start_s:
                span = np.array([stretch.profile_s, self.profile_s(stretch, end)])
                low, high = self.profile.cumulative(span)
                total += stretch.multiplier * (high - low)
        return total

    def silent_at(self, at_s: float) -> bool:
        """Whether a pause (or silence by multiplier) holds on both sides of ``at_s``."""
        stretch = [s for s in self.stretches if s.start_s <= at_s - 1e-6][-1:]
        nxt = [s for s in self.stretches if s.start_s <= at_s + 1e-6][-1]
        return bool(stretch) and stretch[0] is nxt and not (nxt.moving and nxt.multiplier > 0)


PROFILES: list[LoadProfile] = [
    Sustained(37, 12),
    RampUp(0, 80, 10),
    RampUp(80, 0, 10),
    Burst(5, 90, 3, 0.5, 11),
    Burst(0, 90, 3, 0.5, 11),
    Wave(30, 30, 4, 10),
    Chaos(0, 60, 0.7, 10, seed=(4,)),
    Sequence((RampUp(0, 50, 4), Sustained(50, 3), Sustained(0, 2), RampUp(50, 0, 3))),
    Sum((Sustained(10, 10), Burst(0, 40, 2.5, 1, 8))),
]


class Controls(RuleBasedStateMachine):
    """Workers with blocks made ahead, a clock, and every control at any time."""

    @initialize(
        profile=st.sampled_from(PROFILES),
        arrivals=st.sampled_from(ArrivalProcess),
        workers=st.integers(1, 4),
        ahead=st.integers(1, 40),
    )
    def start(
        self, profile: LoadProfile, arrivals: ArrivalProcess, workers: int, ahead: int
    ) -> None:
        self.model = Model(profile)
        self.thresholds = thresholds(arrivals, 6)
        self.controllers = [RateController(profile, arrivals, 6) for _ in range(workers)]
        self.streams = [
            ArrivalStream(control, worker, workers)
            for worker, control in enumerate(self.controllers)
        ]
        self.prepared: list[list[tuple[int, float]]] = [[] for _ in range(workers)]
        self.ahead = ahead
        self.sent: dict[int, float] = {}
        self.now = 0.0
        self.last_at = 0.0
        self.stopped = False

    def _redue(self) -> None:
        for control, rows in zip(self.controllers, self.prepared, strict=True):
            indices = np.array([index for index, _ in rows], dtype=np.int64)
            rows[:] = list(zip(indices.tolist(), control.due(indices).tolist(), strict=True))

    def _effective(self, lead: float) -> float | None:
        """The time for a control, or None when the run is over by then."""
        at_s = max(self.now + lead, self.last_at)
        if at_s >= self.controllers[0].end_s:
            return None
        self.last_at = at_s
        return at_s

    @rule(lead=st.floats(0, 0.5))
    def pause(self, lead: float) -> None:
        moving = not self.controllers[0].paused and not self.stopped
        at_s = self._effective(lead)
        for control in self.controllers:
            control.pause(at_s if at_s is not None else self.now + lead)
        if at_s is not None and moving:
            self.model.change(at_s, self.model.stretches[-1].multiplier, False)
        self._redue()

    @rule(lead=st.floats(0, 0.5))
    def resume(self, lead: float) -> None:
        paused = self.controllers[0].paused
        at_s = self._effective(lead)
        for control in self.controllers:
            control.resume(at_s if at_s is not None else self.now + lead)
        if at_s is not None and paused:
            self.model.change(at_s, self.model.stretches[-1].multiplier, True)
        self._redue()

    @rule(lead=st.floats(0, 0.5), multiplier=st.sampled_from([0.0, 0.1, 0.5, 1.0, 1.7, 3.0]))
    def multiply(self, lead: float, multiplier: float) -> None:
        at_s = self._effective(lead)
        for control in self.controllers:
            control.set_multiplier(at_s if at_s is not None else self.now + lead, multiplier)
        if at_s is not None:
            self.model.change(at_s, multiplier, self.model.stretches[-1].moving)
        self._redue()

    @precondition(lambda self: self.now > 3.0)
    @rule(lead=st.floats(0, 0.5))
    def stop(self, lead: float) -> None:
        at_s = self._effective(lead)
        for control in self.controllers:
            control.stop(at_s if at_s is not None else self.now + lead)
        if at_s is not None:
            self.model.change(at_s, 0.0, False)
            self.stopped = True
        self._redue()

    @rule(seconds=st.floats(0.001, 3.0))
    def advance(self, seconds: float) -> None:
        """Let time pass; every worker sends what is due, in order."""
        self.now += seconds
        for stream, rows in zip(self.streams, self.prepared, strict=True):
            while True:
                if not rows:
                    indices, times = stream.take(self.ahead)
                    rows.extend(zip(indices.tolist(), times.tolist(), strict=True))
                if not rows or rows[0][1] >= self.now:
                    break
                index, due_s = rows.pop(0)
                assert index not in self.sent
                self.sent[index] = due_s

    @invariant()
    def all_workers_agree(self) -> None:
        first = self.controllers[0]
        for other in self.controllers[1:]:
            assert other.total_at_end() == first.total_at_end()
            assert other.end_s == first.end_s

    @invariant()
    def what_is_sent_is_what_was_due(self) -> None:
        """Dense indices, each due when the model has that many arrivals behind it."""
        assert sorted(self.sent) == list(range(len(self.sent)))
        if not self.sent:
            return
        indices = np.arange(len(self.sent))
        again = self.controllers[0].due(indices)
        times = np.array([self.sent[i] for i in indices.tolist()])
        assert again == pytest.approx(times, abs=1e-9)
        assert np.all(np.diff(times) >= -1e-9)
        for index in {0, len(self.sent) // 2, len(self.sent) - 1}:
            at_s = times[index]
            level = float(self.thresholds.at(np.array([index]))[0])
            assert self.model.arrivals_by(at_s - 1e-7) <= level + 1e-6
            assert self.model.arrivals_by(at_s + 1e-7) >= level - 1e-6
            assert not self.model.silent_at(at_s)

    @invariant()
    def the_plan_matches_the_model(self) -> None:
        control = self.controllers[0]
        planned = self.thresholds.below(self.model.arrivals_by(self.now))
        assert abs(control.count_due(self.now) - planned) <= 1
        assert control.count_due(self.now) <= control.total_at_end()
        stretch = [s for s in self.model.stretches if s.start_s <= self.now][-1]
        assert control.profile_time(self.now) == pytest.approx(
            self.model.profile_s(stretch, self.now)
        )

    def teardown(self) -> None:
        """Let the run end: everything planned has been sent, once."""
        if not hasattr(self, "controllers"):
            return
        self.resume(0.0)
        self.advance(100.0)
        control = self.controllers[0]
        assert sorted(self.sent) == list(range(control.total_at_end()))
        assert control.count_due(self.now) == len(self.sent)
        assert all(time <= control.end_s for time in self.sent.values())
        self.what_is_sent_is_what_was_due()


Controls.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestControls = Controls.TestCase
