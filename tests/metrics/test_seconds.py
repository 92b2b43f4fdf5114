from __future__ import annotations

from collections.abc import Callable

from squall.metrics.seconds import OPEN_SECONDS, SecondRows
from squall.models import Counts, Decision, GeneratorHealth, Interval, Truth, Typology
from squall.models.interval import UNLABELLED, UNNAMED_FRAUD

MakeInterval = Callable[..., Interval]
MakeTruth = Callable[..., Truth]


def test_rows_hold_counts_percentiles_and_truth(
    make_interval: MakeInterval, make_truth: MakeTruth
) -> None:
    rows = SecondRows()
    truth = make_truth(
        {
            (Typology.NONE, Decision.APPROVE): 4,
            (Typology.NONE, Decision.REVIEW): 1,
            (Typology.BUST_OUT, Decision.DECLINE): 2,
            (UNNAMED_FRAUD, Decision.APPROVE): 1,
            (UNLABELLED, Decision.DECLINE): 7,
        }
    )
    for worker in (0, 1):
        rows.add(
            make_interval(
                worker=worker,
                start_s=1.2,
                us=[1000] * 98 + [9000] * 2,
                late_us=[200],
                counts=Counts(planned=110, accepted=100, rejected=5, indeterminate=2, not_sent=3),
                truth=truth,
                health=GeneratorHealth(in_flight=3, queue_depth=worker),
            )
        )
    empty, row = rows.rows()
    assert (empty.at_s, empty.planned, empty.response_p50) == (0, 0, None)
    assert (row.at_s, row.planned, row.accepted, row.rejected, row.errors) == (1, 220, 200, 10, 20)
    assert (row.fraud, row.fraud_detected, row.legitimate, row.legitimate_flagged) == (6, 4, 10, 2)
    assert (row.in_flight, row.queue_depth) == (6, 1)
    assert row.response_p50 is not None
    assert 0.99 < row.response_p50 < 1.01
    assert row.response_p99 is not None
    assert 8.9 < row.response_p99 < 9.1
    assert row.lateness_p99 is not None
    assert rows.peak_accepted_tps == 200


def test_a_late_interval_still_counts(make_interval: MakeInterval) -> None:
    rows = SecondRows()
    rows.add(make_interval(start_s=0.0, us=[1000]))
    rows.add(make_interval(start_s=OPEN_SECONDS + 1.0, us=[1000]))
    before = rows.rows()[0]
    rows.add(make_interval(worker=1, start_s=0.5, us=[80_000, 80_000]))
    after = rows.rows()[0]
    assert rows.late_intervals == 1
    assert after.accepted == before.accepted + 2
    assert after.response_p99 == before.response_p99


def test_percentiles_of_a_second_do_not_leak_into_the_next(make_interval: MakeInterval) -> None:
    rows = SecondRows()
    for second in range(20):
        rows.add(make_interval(start_s=float(second), us=[1000 * (second + 1)]))
    for second, row in enumerate(rows.rows()):
        assert row.response_p50 is not None
        assert abs(row.response_p50 / (second + 1) - 1) < 0.01
