from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from squall.metrics.generator import (
    GeneratorFacts,
    GeneratorTrack,
    limit_reason,
    memory_growth_bytes,
)
from squall.models import Counts, GeneratorHealth, GeneratorReport, Interval, LatencySummary

MakeInterval = Callable[..., Interval]

GOOD = GeneratorFacts(
    own_late_share=0.0,
    pegged_share=0.0,
    calibrated_tps=20_000,
    planned_peak_tps=10_000,
    workers=2,
    workers_lost=0,
)


@pytest.mark.parametrize(
    ("facts", "limited"),
    [
        (GOOD, False),
        (replace(GOOD, own_late_share=0.01), False),
        (replace(GOOD, own_late_share=0.0101), True),
        (replace(GOOD, pegged_share=1.0), False),  # busy, but on time
        (replace(GOOD, pegged_share=1.0, own_late_share=0.0011), True),
        (replace(GOOD, pegged_share=0.1, own_late_share=0.0011), False),
        (replace(GOOD, calibrated_tps=9_999), True),
        (replace(GOOD, calibrated_tps=10_000), False),
        (replace(GOOD, calibrated_tps=None), False),
        (replace(GOOD, workers_lost=1), True),
    ],
)
def test_the_limit_rule(facts: GeneratorFacts, limited: bool) -> None:
    assert bool(limit_reason(facts)) is limited


def report(track: GeneratorTrack) -> GeneratorReport:
    return track.report(
        workers=2,
        workers_lost=0,
        lateness=LatencySummary(count=1, p99=0.4),
        calibrated_tps=20_000,
        planned_peak_tps=10_000,
    )


def test_sums_and_shares(make_interval: MakeInterval) -> None:
    track = GeneratorTrack()
    for worker, own_late in ((0, 3), (1, 0)):
        for tenth in range(40):
            track.add(
                make_interval(
                    worker=worker,
                    start_s=tenth / 10,
                    counts=Counts(planned=100, attempts=50),
                    health=GeneratorHealth(
                        cpu_s=0.05 + 0.03 * worker,
                        connections=8,
                        own_late=own_late if tenth == 0 else 0,
                        own_lateness_us_max=12_000 * (own_late > 0),
                        pool_waits=10,
                    ),
                )
            )
    seen = report(track)
    assert seen.connections == 16
    assert seen.own_late_share == 3 / 4000
    assert seen.own_lateness_max_ms == 12.0
    assert seen.pool_wait_share == 0.1
    assert seen.busiest_worker_cpu == pytest.approx(0.8)
    assert seen.cpu_us_per_request == pytest.approx((0.05 + 0.08) * 40 / 4000 * 1e6)
    assert seen.lateness_p99_ms == 0.4
    assert not seen.limited


def test_a_pegged_worker_is_found_by_second(make_interval: MakeInterval) -> None:
    track = GeneratorTrack()
    for tenth in range(100):
        pegged = tenth < 20  # two of ten seconds
        track.add(
            make_interval(
                start_s=tenth / 10,
                counts=Counts(planned=100, attempts=100),
                health=GeneratorHealth(cpu_s=0.099 if pegged else 0.02, own_late=int(pegged)),
            )
        )
    seen = report(track)
    assert seen.limited
    assert "20%" in seen.limit_reason


def test_nothing_sent_is_not_measured() -> None:
    seen = report(GeneratorTrack())
    assert seen.cpu_us_per_request is None
    assert seen.own_lateness_max_ms is None
    assert seen.busiest_worker_cpu is None
    assert seen.memory_growth_bytes is None


def test_memory_growth_of_a_long_run_is_last_minute_minus_first() -> None:
    rss = [100 + second for second in range(600)]
    # medians: seconds 5 … 64 → 134.5, seconds 540 … 599 → 669.5
    assert memory_growth_bytes({0: rss, 1: rss}) == 2 * 535


def test_memory_growth_of_a_short_run_uses_fifths_after_the_warm_up() -> None:
    rss = [1] * 5 + [50] * 4 + [70] * 12 + [90] * 4
    assert memory_growth_bytes({0: rss}) == 40


def test_a_worker_that_died_does_not_look_like_shrinking() -> None:
    steady, dead = [100] * 100, [100] * 40
    assert memory_growth_bytes({0: steady, 1: dead}) == 0


@pytest.mark.parametrize("seconds", [0, 5, 19])
def test_memory_growth_of_a_very_short_run_is_unknown(seconds: int) -> None:
    assert memory_growth_bytes({0: [100] * seconds}) is None
