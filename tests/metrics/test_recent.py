from __future__ import annotations

from collections.abc import Callable

import pytest

from squall.metrics.recent import RecentWindow
from squall.models import Counts, GeneratorHealth, Interval

MakeInterval = Callable[..., Interval]


def test_rates_over_each_workers_own_last_second(make_interval: MakeInterval) -> None:
    window = RecentWindow()
    for tenth in range(50):
        for worker in (0, 1):
            if worker == 1 and tenth == 49:
                continue  # its last report is still on its way
            window.add(
                make_interval(
                    worker=worker,
                    start_s=tenth / 10,
                    counts=Counts(planned=100, accepted=90, attempts=100),
                    health=GeneratorHealth(cpu_s=0.05, in_flight=4, queue_depth=2, connections=8),
                )
            )
    recent = window.read(5.0)
    assert recent.offered_tps == pytest.approx(2000)
    assert recent.accepted_tps == pytest.approx(1800)
    assert recent.cpu_cores == pytest.approx(1.0)
    assert (recent.in_flight, recent.queue_depth, recent.connections) == (8, 4, 16)


def test_latencies_older_than_a_second_are_forgotten(make_interval: MakeInterval) -> None:
    window = RecentWindow()
    window.add(make_interval(start_s=0.0, us=[50_000] * 100))
    for tenth in range(1, 12):
        window.add(make_interval(start_s=tenth / 10, us=[1000]))
    recent = window.read(1.2)
    assert recent.response.count == 10
    assert recent.response.max is not None
    assert recent.response.max < 1.01


def test_a_silent_worker_drops_out(make_interval: MakeInterval) -> None:
    window = RecentWindow()
    window.add(make_interval(worker=0, start_s=0.0, us=[1000]))
    window.add(make_interval(worker=1, start_s=9.0, us=[1000]))
    assert window.read(9.1).response.count == 1
    assert window.read(30.0).accepted_tps == 0
