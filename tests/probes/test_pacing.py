"""Operations come when they are due, all of them, however slow the others are."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.load_generator.load_clock import LoadClock
from squall.load_generator.profiles import build
from squall.models import LoadProfile
from squall.models.load_spec import SequenceSpec, SustainedSpec
from squall.probes.pacing import LoadTime, OpenLoop, Pace, connections_for
from squall.probes.tally import Tally


def profile(lead_s: float = 10, full_s: float = 20) -> LoadProfile:
    lead = SustainedSpec(type="sustained", name="lead", rate_tps=10, duration_s=lead_s)
    full = SustainedSpec(type="sustained", name="full", rate_tps=10, duration_s=full_s)
    return build(SequenceSpec(type="sequence", parts=(lead, full)), 0)


def running(lead_s: float = 0.1, full_s: float = 0.4) -> LoadClock:
    """A load that has just begun."""
    shape, began_s = profile(lead_s, full_s), time.monotonic()
    return LoadClock(shape, lambda: min(time.monotonic() - began_s, shape.duration_s))


@given(
    start_s=st.floats(0, 1e4),
    length_s=st.floats(0.01, 1e4),
    rate_tps=st.floats(0.1, 1e5),
)
def test_all_operations_of_a_phase_are_due_in_it_at_the_rate(
    start_s: float, length_s: float, rate_tps: float
) -> None:
    pace = Pace(start_s, start_s + length_s, rate_tps)
    assert abs(pace.count - max(1, (pace.end_s - pace.start_s) * rate_tps)) <= 1.001
    assert pace.due_s(0) == start_s
    assert pace.due_s(pace.count - 1) <= pace.end_s + 1e-6
    assert pace.due_s(pace.count) >= pace.end_s - 1e-3


def test_a_pace_is_that_of_its_phase() -> None:
    load = LoadClock(profile(), lambda: 0.0)
    assert Pace.of(load, "full", 5.0) == Pace(10.0, 30.0, 5.0)
    assert Pace.of(load, None, 5.0) == Pace(0.0, 30.0, 5.0)


@pytest.mark.parametrize(("rate_tps", "connections"), [(0.1, 4), (100, 5), (5000, 250), (1e5, 256)])
def test_connections_hold_the_rate_at_50_ms_an_answer(rate_tps: float, connections: int) -> None:
    assert connections_for(rate_tps) == connections


@dataclass
class Moment:
    at_s: float = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_the_time_of_a_load_goes_on_after_its_end_and_stands_still_in_a_pause() -> None:
    load_s, clock = Moment(), Moment(100.0)
    now = LoadTime(LoadClock(profile(), load_s), clock)
    load_s.at_s = 3.0
    assert now.now_s() == 3.0
    clock.at_s = 150.0  # paused: the load did not get any further
    assert now.now_s() == 3.0
    load_s.at_s, clock.at_s = 29.5, 176.5
    assert now.now_s() == 29.5
    load_s.at_s, clock.at_s = 30.0, 180.0  # over
    assert now.now_s() == 33.0


async def test_every_operation_is_carried_out_once_and_none_before_it_is_due() -> None:
    load, tally = running(), Tally()
    loop = OpenLoop(load, Pace.of(load, "full", 100.0), tally)
    begun: dict[int, float] = {}

    async def operate(number: int) -> bool:
        assert number not in begun
        begun[number] = load.profile_s()
        tally.succeed()
        return True

    await loop.run([operate] * 3)
    assert sorted(begun) == list(range(40))
    assert all(at_s >= 0.1 + number / 100 for number, at_s in begun.items())
    assert tally.done == 40
    assert tally.latency_ms().count == 40
    assert loop.elapsed_s >= 0.4


async def test_waiting_for_a_connection_is_part_of_the_latency() -> None:
    load, tally = running(0.01, 0.2), Tally()
    loop = OpenLoop(load, Pace.of(load, "full", 50.0), tally)

    async def operate(number: int) -> bool:
        await asyncio.sleep(0.05)
        tally.succeed()
        return True

    await loop.run([operate])
    # Ten that take 50 ms each and are due every 20 ms: the last waits for nine times 30 ms.
    assert tally.done == 10
    highest = tally.latency_ms().max
    assert highest is not None
    assert highest >= 9 * 30 + 50
    assert loop.elapsed_s >= 10 * 0.05


def test_a_tally_shares_and_says_what_was_refused() -> None:
    tally = Tally()
    assert tally.share(tally.failed) is None
    assert tally.notes() == ()
    tally.succeed(90)
    tally.refuse("SlowDown", throttle=True, count=8)
    tally.refuse("InternalError", throttle=False, count=2)
    assert (tally.total, tally.share(tally.throttled), tally.share(tally.failed)) == (
        100,
        0.08,
        0.02,
    )
    assert tally.notes() == ("refused: SlowDown 8, InternalError 2",)
    assert tally.latency_ms().count == 0
