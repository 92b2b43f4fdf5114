"""Many cases at once against a Bedrock with a quota: the twin's, over the wire."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.fraud_platform.reasoning.made_cases import a_case

from fraud_platform.reasoning import (
    BedrockModel,
    BedrockOptions,
    CallerOptions,
    CaseReviewer,
    Quota,
    Review,
    ReviewerOptions,
)
from fraud_platform.reasoning.answer import readable
from fraud_platform.remote.backoff import Backoff
from fraud_platform.remote.pace import LearningRules

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
UNKNOWN = Quota(learning=LearningRules(start_tps=300.0))
QUICK = {"first_token_ms": 40.0, "tokens_per_s": 5_000.0}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def reviewer_at(twin: RunningTwin, quota: Quota, **options: Any) -> CaseReviewer:
    model = BedrockModel(BedrockOptions(MODEL, twin.url, "us-east-1"))
    caller = CallerOptions(quota=quota, backoff=Backoff(0.3, 10.0), most_attempts=20, **options)
    return CaseReviewer(model, ReviewerOptions(caller, case_deadline_s=30.0), seed=3)


def limit(twin: RunningTwin, per_minute: float) -> None:
    limits = {"requests_per_minute": per_minute, "tokens_per_minute": 1e9, **QUICK}
    twin.control("PATCH", "limits", {"bedrock-runtime": limits})


def calls(twin: RunningTwin) -> list[dict[str, Any]]:
    path = "attempts?service=bedrock-runtime&limit=10000"
    found: list[dict[str, Any]] = twin.control("GET", path)["calls"]
    return found


def handed_over(reviewer: CaseReviewer, threads: int, each: int, within_s: float) -> list[Review]:
    """Reviews of many cases, from several threads at once."""
    reviews: list[Review] = []

    def hand_over(part: int) -> None:
        cases = [a_case(number) for number in range(part * each, (part + 1) * each)]
        reviews.extend(reviewer.review(cases, within_s))

    workers = [threading.Thread(target=hand_over, args=(part,)) for part in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return reviews


@pytest.mark.usefixtures("credentials")
def test_five_hundred_at_once_meet_the_quota(twin: RunningTwin) -> None:
    """R5.1 and R5.5: 500 cases at 100 calls a second, a quota that nobody was told of."""
    limit(twin, 6_000)
    reviewer = reviewer_at(twin, UNKNOWN)
    begun_s = time.monotonic()
    reviews = handed_over(reviewer, threads=10, each=50, within_s=25.0)
    took_s = time.monotonic() - begun_s
    figures = reviewer.figures()
    reviewer.close()

    assert len(reviews) == 500
    assert Counter(review.source for review in reviews) == {"model": 500}
    assert all(readable(review.explanation) for review in reviews)
    assert took_s < 25.0
    assert figures["throttles"] > 0
    assert figures["tokens"]["output"] > 0

    wire = calls(twin)
    assert len(wire) == 500, "one invocation each, however many attempts"
    assert sum(len(call["attempts"]) for call in wire) == figures["calls"]
    assert sum(len(call["attempts"]) - 1 for call in wire) == figures["throttles"]
    assert_rate_is_near(wire, 100.0)


@pytest.mark.usefixtures("credentials")
def test_the_wire_shows_one_backoff_that_grows(twin: RunningTwin) -> None:
    """Every call is throttled three times; full jitter makes single gaps random, not their mean."""
    limit(twin, 600_000)
    twin.fault(
        service="bedrock-runtime",
        when="before",
        error={"code": "ThrottlingException"},
        attempts=[1, 2, 3],
    )
    reviewer = reviewer_at(twin, Quota(learning=LearningRules(start_tps=5_000.0)))
    reviews = handed_over(reviewer, threads=2, each=40, within_s=20.0)
    figures = reviewer.figures()
    reviewer.close()
    assert {review.source for review in reviews} == {"model"}
    assert {review.attempts for review in reviews} == {4}
    assert figures["throttles"] == figures["retries"] == 240

    wire = calls(twin)
    assert len(wire) == 80
    assert {tuple(a["attempt"] for a in call["attempts"]) for call in wire} == {(1, 2, 3, 4)}
    times_s = [[attempt["at_s"] for attempt in call["attempts"]] for call in wire]
    gaps_s = [[two - one for one, two in pairwise(times)] for times in times_s]
    means_s = [mean(gap) for gap in zip(*gaps_s, strict=True)]
    for gap_s, ceiling_s in zip(means_s, (0.3, 0.6, 1.2), strict=True):
        assert gap_s >= 0.3 * ceiling_s, means_s  # half of it in the long run
    assert means_s[2] > 1.3 * means_s[0], means_s


def assert_rate_is_near(wire: list[dict[str, Any]], quota_tps: float) -> None:
    """From a second after the first throttle on; what had piled up may come at once."""
    attempts = sorted(
        (attempt["at_s"], attempt["status"]) for call in wire for attempt in call["attempts"]
    )
    first_s = next(at_s for at_s, status in attempts if status == 429) + 1.0
    later_s = [at_s for at_s, _ in attempts if at_s >= first_s]
    assert later_s
    assert len(later_s) <= quota_tps * (1.3 * (later_s[-1] - first_s) + 1.0)


@pytest.mark.usefixtures("credentials")
def test_what_cannot_be_answered_in_time_falls_back(twin: RunningTwin) -> None:
    limit(twin, 1_200)  # 20 a second
    reviewer = reviewer_at(twin, Quota(requests_per_min=1_200))
    begun_s = time.monotonic()
    reviews = handed_over(reviewer, threads=4, each=30, within_s=1.5)
    took_s = time.monotonic() - begun_s
    figures = reviewer.figures()
    reviewer.close()
    sources = Counter(review.source for review in reviews)
    assert sources["model"] + sources["fallback"] == 120
    assert sources["model"] >= 15
    assert sources["fallback"] >= 50
    assert took_s < 6.0
    assert all(readable(review.explanation) for review in reviews)
    assert set(figures["fallbacks"]) <= {"deadline", "throttled"}


@pytest.mark.usefixtures("credentials")
def test_a_model_that_fails_is_done_without_until_it_is_well(twin: RunningTwin) -> None:
    limit(twin, 60_000)
    fault = twin.fault(
        service="bedrock-runtime", when="before", error={"code": "ServiceUnavailableException"}
    )
    reviewer = reviewer_at(twin, UNKNOWN)
    reviews = handed_over(reviewer, threads=2, each=60, within_s=5.0)
    assert {review.source for review in reviews} == {"fallback"}
    assert reviewer.figures()["breaker"]["state"] != "closed"
    twin.control("DELETE", f"faults/{fault}")
    deadline_s = time.monotonic() + 20.0
    number = 1_000
    while reviewer.figures()["breaker"]["state"] != "closed":
        assert time.monotonic() < deadline_s, "it must heal"
        reviewer.review([a_case(number := number + 1)], 0.5)
    reviewer.close()
