"""Arrivals: how many, when, and the same for any number of workers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.load_generator.arrivals import ArrivalStream, PoissonThresholds, Schedule
from squall.load_generator.profiles import Burst, RampUp, Scale, Sequence, Sum, Sustained, Wave
from squall.models import ArrivalProcess, LoadProfile

EVEN, POISSON = ArrivalProcess.EVEN, ArrivalProcess.POISSON


@pytest.mark.parametrize(
    ("profile", "count"),
    [
        (Sustained(5000, 60), 300_000),
        (Sustained(0.1, 30), 3),
        (Sustained(1 / 3, 3), 1),
        (Sustained(0, 30), 0),
        (Sustained(10, 0.01), 1),
        (RampUp(0, 10_000, 300), 1_500_000),
        (
            Sequence((RampUp(0, 10_000, 300), Sustained(10_000, 1200), RampUp(10_000, 0, 300))),
            15_000_000,
        ),
        (Sequence(tuple(Sustained(0.1, 0.1) for _ in range(1000))), 10),
        (Scale(Sustained(10_000, 1200), 0.5, 0.03), 180_000),
        (Scale(Sustained(3000, 7200), 1 / 3, 1 / 7200), 1000),
        (Burst(1000, 10_000, 180, 10, 900), 5 * (170 * 1000 + 100_000)),
        (Wave(1000, 700, 7, 70), 70_000),
        (Sum((Sustained(0.1, 10), Sustained(0.2, 10), Sustained(0.7, 10))), 10),
    ],
)
def test_even_arrivals_are_counted_exactly(profile: LoadProfile, count: int) -> None:
    schedule = Schedule(profile, EVEN, seed=1)
    assert schedule.total_at_end() == count
    around = np.array([count - 1, count], dtype=np.int64)
    due = schedule.due(around)
    assert np.isinf(due[1])
    assert count == 0 or due[0] <= profile.duration_s


def test_even_arrivals_start_at_once_and_keep_their_spacing() -> None:
    due = Schedule(Sustained(1000, 60), EVEN, seed=1).due(np.arange(60_000))
    assert due[0] == 0.0
    assert np.diff(due) == pytest.approx(0.001, abs=1e-11)


@pytest.mark.parametrize("arrivals", list(ArrivalProcess))
@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_the_workers_together_take_every_arrival_once(
    arrivals: ArrivalProcess, workers: int
) -> None:
    profile = Sequence((RampUp(0, 500, 20), Sustained(500, 10)))
    whole = Schedule(profile, arrivals, seed=3)
    everything = np.arange(whole.total_at_end())
    expected = whole.due(everything)
    taken: dict[int, float] = {}
    for worker in range(workers):
        stream = ArrivalStream(Schedule(profile, arrivals, seed=3), worker, workers)
        before = -1.0
        while not stream.exhausted:
            indices, due = stream.take(97)
            assert indices.dtype == np.int64
            assert due[0] >= before
            before = float(due[-1])
            assert not set(indices.tolist()) & set(taken)
            taken.update(zip(indices.tolist(), due.tolist(), strict=True))
        assert stream.take(10)[0].shape == (0,)
    assert sorted(taken) == everything.tolist()
    assert np.array_equal([taken[i] for i in everything.tolist()], expected)


def test_a_worker_must_be_one_of_the_workers() -> None:
    with pytest.raises(ValueError, match="worker 2 of 2"):
        ArrivalStream(Schedule(Sustained(1, 1), EVEN, 1), 2, 2)


def test_poisson_gaps_are_exponential_across_blocks() -> None:
    """Mean 1, variance 1, and the exponential's distribution function, over 24 blocks."""
    thresholds = PoissonThresholds(seed=11)
    gaps = np.diff(thresholds.at(np.arange(100_000)), prepend=0.0)
    assert gaps.min() > 0.0
    assert gaps.mean() == pytest.approx(1.0, abs=4 / np.sqrt(100_000))
    assert gaps.var() == pytest.approx(1.0, abs=4 * np.sqrt(8 / 100_000))
    distance = np.abs(np.arange(1, 100_001) / 100_000 - (1.0 - np.exp(-np.sort(gaps)))).max()
    assert distance < 1.95 / np.sqrt(100_000)  # Kolmogorov–Smirnov, 0.1 %


def test_poisson_counts_vary_as_poisson_counts_do() -> None:
    """Variance of the count over many seeds equals its mean."""
    counts = [Schedule(Sustained(1000, 10), POISSON, seed).total_at_end() for seed in range(300)]
    assert np.mean(counts) == pytest.approx(10_000, abs=4 * np.sqrt(10_000 / 300))
    assert np.var(counts) == pytest.approx(10_000, rel=4 * np.sqrt(2 / 300))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 300_000), min_size=1, max_size=50), st.integers(0, 2**63 - 1))
def test_poisson_thresholds_do_not_depend_on_the_order_of_asking(
    indices: list[int], seed: int
) -> None:
    wanted = np.array(indices, dtype=np.int64)
    one_by_one = PoissonThresholds(seed)
    single = [float(one_by_one.at(np.array([i]))[0]) for i in indices]
    assert PoissonThresholds(seed).at(wanted).tolist() == single


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 60_000), st.integers(0, 1000))
def test_poisson_below_counts_the_thresholds(level: float, seed: int) -> None:
    thresholds = PoissonThresholds(seed)
    count = thresholds.below(level)
    around = np.arange(max(0, count - 1), count + 1)
    values = thresholds.at(around)
    assert values[-1] >= level
    assert count == 0 or values[0] < level


def test_a_long_poisson_schedule_stays_small() -> None:
    """Two hours at 10,000 TPS: a number per 4,096 arrivals, and a few blocks."""
    schedule = Schedule(Sustained(10_000, 7200), POISSON, seed=2)
    total = schedule.total_at_end()
    assert total == pytest.approx(72_000_000, abs=5 * np.sqrt(72e6))
    due = schedule.due(np.array([total - 1, total], dtype=np.int64))
    assert 7199.9 < due[0] < 7200.0
    assert np.isinf(due[1])
