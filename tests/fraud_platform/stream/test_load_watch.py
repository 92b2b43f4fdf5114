"""What CloudWatch is asked for, and what its answers mean for scaling."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from fraud_platform.stream.load_watch import LoadWatch, Watched, rate_of
from fraud_platform.stream.names import make_names
from fraud_platform.stream.session import AwsSession

NOW_S = 1_780_000_040.0  # 20 seconds into a minute


class Answers:
    """A CloudWatch client with canned minutes by query id: (begin, value), newest first."""

    def __init__(self) -> None:
        self.minutes: dict[str, list[tuple[float, float]]] = {}
        self.asked: dict[str, Any] = {}

    def get_metric_data(self, **parameters: Any) -> dict[str, Any]:
        self.asked = parameters
        results = []
        for query in parameters["MetricDataQueries"]:
            found = self.minutes.get(query["Id"], [])
            results.append(
                {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(at_s, UTC) for at_s, _ in found],
                    "Values": [value for _, value in found],
                }
            )
        return {"MetricDataResults": results}


class Clock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def watch(clock: Clock, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> LoadWatch:
    session = AwsSession("us-east-1", "http://127.0.0.1:1")
    monkeypatch.setattr(session, "client", lambda service, timeout_s: answers)
    return LoadWatch(session, make_names("", None), clock)


@pytest.mark.parametrize(
    ("minutes", "rate"),
    [
        ([], 0.0),
        ([(NOW_S - 20, 1_600.0)], 80.0),  # the running minute, so far
        ([(NOW_S - 5, 900.0), (NOW_S - 65, 4_800.0)], 80.0),  # too short to say anything
        ([(NOW_S - 80, 4_800.0), (NOW_S - 140, 60.0)], 80.0),  # a whole one, published late
    ],
)
def test_rates(minutes: list[tuple[float, float]], rate: float) -> None:
    assert rate_of(minutes, NOW_S) == pytest.approx(rate)


def test_refusals_are_told_once(watch: LoadWatch, answers: Answers, clock: Clock) -> None:
    minute_s = NOW_S - 20
    answers.minutes["refused"] = [(minute_s, 40.0)]
    assert watch.look() == Watched(throttled=True)
    clock.now_s += 15
    assert watch.look() == Watched()
    answers.minutes["refused"] = [(minute_s, 41.0)]
    assert watch.look().throttled
    clock.now_s += 60
    answers.minutes["refused"] = [(minute_s + 60, 0.0), (minute_s, 41.0)]
    answers.minutes["decisions_refused"] = [(minute_s + 60, 3.0)]
    assert watch.look() == Watched(decisions_throttled=True)
    assert watch.look() == Watched()


def test_what_was_before_the_gateway_is_not_read(watch: LoadWatch, answers: Answers) -> None:
    watch.look()
    assert answers.asked["StartTime"].timestamp() == NOW_S - 20
    assert answers.asked["EndTime"].timestamp() == NOW_S


def test_a_cloudwatch_that_cannot_be_reached_says_nothing() -> None:
    session = AwsSession("us-east-1", "http://127.0.0.1:1")
    began_s = time.time()
    assert LoadWatch(session, make_names("", None), lambda: began_s).look() == Watched()
