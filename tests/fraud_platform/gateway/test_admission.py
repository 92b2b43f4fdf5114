from __future__ import annotations

import pytest

from fraud_platform.gateway.admission import Admission


def test_the_depth_is_bounded() -> None:
    admission = Admission(3)
    assert [admission.admit(0.0) for _ in range(5)] == [True, True, True, False, False]
    assert admission.shed == 2
    admission.answered(1, 0.1)
    assert admission.admit(0.2)
    assert admission.depth == 3


def test_a_wait_that_would_be_too_long_is_not_begun() -> None:
    admission = Admission(100_000, wait_limit_s=10.0)
    for _ in range(2000):
        assert admission.admit(0.0)
    admission.answered(1, 1.0)
    admission.answered(99, 2.0)  # 99 a second: 1,900 waiting take 19 s
    assert admission.wait_s(2.0) == pytest.approx(1900 / 99)
    assert not admission.admit(2.0)
    admission.answered(1400, 3.0)
    assert admission.admit(3.0)


def test_silence_counts_as_waiting() -> None:
    admission = Admission(100_000, wait_limit_s=10.0)
    for _ in range(600):
        assert admission.admit(0.0)
    assert admission.admit(9.0)
    assert not admission.admit(11.0)


def test_a_burst_of_ten_thousand_is_taken_in() -> None:
    admission = Admission(20_000)
    for number in range(10_000):
        assert admission.admit(number / 10_000)
        if number % 10 == 9:
            admission.answered(5, number / 10_000)
    assert admission.shed == 0


def test_an_idle_hour_is_no_silence() -> None:
    admission = Admission(100_000)
    admission.admit(0.0)
    admission.answered(1, 0.5)
    for _ in range(1000):
        assert admission.admit(3600.0)


def test_the_most_at_once_is_kept_and_recent_ones_are_forgotten() -> None:
    admission = Admission(10_000)
    assert admission.recent_max(0.0) == 0
    for _ in range(300):
        admission.admit(1.0)
    admission.answered(290, 1.2)
    assert admission.recent_max(1.5) == admission.depth_max == 300
    assert admission.recent_max(3.0) == 300  # of the two seconds before
    assert admission.recent_max(5.5) == 10  # what is still there
    assert admission.depth_max == 300


def test_a_deeper_queue_later_is_noticed() -> None:
    admission = Admission(10_000)
    for second, count in ((1.0, 50), (9.0, 70)):
        for _ in range(count):
            admission.admit(second)
        assert admission.recent_max(second) >= count
        admission.answered(count, second + 0.5)
    assert admission.depth_max == 70


def test_fewer_than_always_are_taken_in_whatever_the_pace() -> None:
    """One answer, then a long silence: what comes by the hundred has no pace yet."""
    admission = Admission(depth_limit=20_000, wait_limit_s=10.0, always=6_400)
    admitted = sum(admission.admit(0.0) for _ in range(6_400))
    admission.answered(1, 0.1)
    assert admitted == 6_400
    assert admission.admit(60.0)
    assert admission.shed == 0
    assert not admission.admit(60.0)  # from here on it is a queue
