from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.load_generator.profiles import RampUp, Sequence, Sustained
from squall.load_generator.rate_controller import RateController
from squall.metrics import MetricsAggregator, RunState
from squall.models import (
    ArrivalProcess,
    Counts,
    Decision,
    Interval,
    LatencyHistogram,
    LiveSnapshot,
    LoadProfile,
    TestStatus,
    Truth,
)

MakeInterval = Callable[..., Interval]
MakeTruth = Callable[..., Truth]
Row = tuple[int, int, list[int], tuple[int, int, int]]
"""Worker, tenth of a second, accepted latencies, (rejected, indeterminate, not sent)."""

ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 120),
        st.lists(st.integers(0, 10_000_000), max_size=6),
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
    ),
    max_size=25,
)


PROFILE = Sequence((RampUp(0, 100, 5.0, "ramp"), Sustained(100, 5.0, "hold")))


LEVEL = Sustained(100, 10.0, "hold")


def schedule(profile: LoadProfile = PROFILE) -> RateController:
    return RateController(profile, ArrivalProcess.EVEN, 1)


def aggregator(
    controller: RateController | None = None, profile: LoadProfile = PROFILE
) -> MetricsAggregator:
    return MetricsAggregator("run", profile, controller or schedule(profile))


def running(at_s: float, status: TestStatus = TestStatus.RUNNING) -> RunState:
    return RunState(status=status, at_s=at_s, workers_alive=1)


def of_row(make_interval: MakeInterval, make_truth: MakeTruth, row: Row) -> Interval:
    worker, tenth, us, (rejected, indeterminate, not_sent) = row
    return make_interval(
        worker=worker,
        start_s=tenth / 10,
        us=us,
        late_us=us,
        counts=Counts(
            planned=len(us) + rejected + indeterminate + not_sent,
            accepted=len(us),
            rejected=rejected,
            indeterminate=indeterminate,
            not_sent=not_sent,
            attempts=len(us) + rejected + indeterminate,
        ),
        truth=make_truth({(tenth % 5, Decision.DECLINE): len(us)}),
        errors={"timeout": indeterminate} if indeterminate else {},
    )


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_sums_do_not_depend_on_the_order(
    make_interval: MakeInterval, make_truth: MakeTruth, rows: list[Row], shuffle: random.Random
) -> None:
    one, other = aggregator(), aggregator()
    intervals = [of_row(make_interval, make_truth, row) for row in rows]
    for interval in intervals:
        one.add(interval)
    shuffle.shuffle(intervals)
    for interval in intervals:
        other.add(interval)
    assert one.counts == other.counts
    assert one.errors == other.errors
    assert one.latencies() == other.latencies()
    assert one.detection() == other.detection()
    assert one.phases() == other.phases()
    assert one.throughput() == other.throughput()


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_everything_adds_up(
    make_interval: MakeInterval, make_truth: MakeTruth, rows: list[Row]
) -> None:
    seen = aggregator()
    for row in sorted(rows, key=lambda r: r[1]):
        seen.add(of_row(make_interval, make_truth, row))
    accepted = sum(len(us) for _, _, us, _ in rows)
    errors = sum(sum(ends) for *_, ends in rows)
    accounting = seen.accounting()
    assert accounting.balanced
    assert (accounting.accepted, accounting.planned) == (accepted, accepted + errors)
    assert accounting.seen is None
    assert accounting.lost is None
    assert sum(s.accepted for s in seen.seconds()) == accepted
    assert sum(s.planned for s in seen.seconds()) == accepted + errors
    assert sum(p.planned for p in seen.phases()) == accepted + errors
    assert seen.error_rate == (errors / (accepted + errors) if accepted + errors else None)


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_merged_histograms_equal_the_histogram_of_everything(
    make_interval: MakeInterval, make_truth: MakeTruth, rows: list[Row]
) -> None:
    seen = aggregator()
    whole = LatencyHistogram()
    for row in rows:
        seen.add(of_row(make_interval, make_truth, row))
        whole.record(np.array(row[2], dtype=np.int64))
    for merged in seen.histograms[:3]:
        assert (merged.counts == whole.counts).all()
    assert seen.latencies().response == whole.percentiles_ms()


def test_percentiles_are_merged_and_not_averaged(make_interval: MakeInterval) -> None:
    seen = aggregator()
    seen.add(make_interval(worker=0, us=[1_000] * 990))
    seen.add(make_interval(worker=1, us=[1_000_000] * 10))
    p95, p99, p999 = (getattr(seen.latencies().response, p) for p in ("p95", "p99", "p999"))
    assert p95 == pytest.approx(1.0, rel=0.001)
    assert p99 == pytest.approx(1.0, rel=0.001)  # the mean of the two P99 would be 500
    assert p999 == pytest.approx(1000, rel=0.001)


def test_a_snapshot_states_phase_plan_and_totals(make_interval: MakeInterval) -> None:
    seen = aggregator()
    seen.add(make_interval(start_s=6.9, us=[2_000] * 10))
    snapshot = seen.snapshot(running(7.0))
    assert (snapshot.phase, snapshot.planned_tps, snapshot.duration_s) == ("hold", 100.0, 10.0)
    assert snapshot.accepted_tps == pytest.approx(100)
    assert snapshot.accounting.planned == 10
    assert seen.snapshot(running(2.5)).planned_tps == pytest.approx(50)
    assert seen.snapshot(running(10.5)).planned_tps == 0


def test_a_snapshot_follows_the_controls() -> None:
    controller = schedule()
    seen = aggregator(controller)
    controller.set_multiplier(6.0, 2.0)
    doubled = seen.snapshot(running(7.0))
    assert (doubled.planned_tps, doubled.rate_multiplier) == (200.0, 2.0)
    controller.pause(8.0)
    assert seen.snapshot(running(9.0, TestStatus.PAUSED)).planned_tps == 0


def test_a_pause_moves_the_phases(make_interval: MakeInterval) -> None:
    controller = schedule()
    seen = aggregator(controller)
    controller.pause(4.0)
    controller.resume(14.0)
    seen.add(make_interval(start_s=14.5, us=[1_000]))
    ramp, *rest = seen.phases()
    assert (ramp.name, ramp.accepted, rest) == ("ramp", 1, [])
    assert seen.snapshot(running(16.0)).phase == "hold"


def test_throughput_uses_the_schedule_for_offered_and_the_answers_for_accepted(
    make_interval: MakeInterval,
) -> None:
    seen = aggregator(profile=LEVEL)
    for tenth in range(100):
        seen.add(make_interval(start_s=tenth / 10, us=[1_000] * 10))
    seen.add(make_interval(start_s=12.4, counts=Counts(accepted=100)))
    throughput = seen.throughput()
    assert throughput.offered_tps == 100.0
    assert throughput.accepted_tps == pytest.approx(1100 / 12.5, abs=0.01)
    assert throughput.peak_tps == 100.0
    assert throughput.planned_peak_tps == 100.0
    assert throughput.duration_s == pytest.approx(12.5)


def test_offered_rate_of_a_run_that_was_stopped(make_interval: MakeInterval) -> None:
    controller = schedule(LEVEL)
    seen = aggregator(controller, LEVEL)
    for tenth in range(60):
        seen.add(make_interval(start_s=tenth / 10, us=[1_000] * 10 if tenth < 40 else []))
    controller.stop(4.0)
    assert seen.throughput().offered_tps == 100.0


def test_what_was_never_due_was_not_offered(make_interval: MakeInterval) -> None:
    seen = aggregator(profile=LEVEL)
    for tenth in range(40):
        seen.add(make_interval(start_s=tenth / 10, us=[1_000] * 10))
    rest = Counts(planned=600, not_sent=600)
    seen.add(make_interval(start_s=4.0, length_s=0.0, counts=rest))
    assert seen.counts.planned == 1_000
    assert seen.throughput().offered_tps == 100.0


async def test_subscribers_get_the_newest_and_never_wait_for_each_other() -> None:
    seen = aggregator()
    slow = seen.subscribe()
    fast = asyncio.create_task(take_all(seen))
    seen.publish(running(0.0))
    assert (await anext(slow)).at_s == 0.0
    for tenth in range(1, 30):
        await asyncio.sleep(0)
        seen.publish(running(tenth / 10))
    seen.close()
    assert len(await asyncio.wait_for(fast, 5)) == 30
    assert [s.at_s for s in [s async for s in slow]] == [2.9]


async def take_all(seen: MetricsAggregator) -> list[LiveSnapshot]:
    return [snapshot async for snapshot in seen.subscribe()]
