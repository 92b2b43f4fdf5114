from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from tests.fraud_platform.reasoning.made_cases import (
    EXPLANATION,
    ScriptedModel,
    a_case,
    answer_text,
    model_text,
    quota_model,
)

from fraud_platform.reasoning.answer import readable
from fraud_platform.reasoning.caller import CallerOptions
from fraud_platform.reasoning.explaining import explanation_of
from fraud_platform.reasoning.model import (
    Attempt,
    LanguageModel,
    ModelText,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from fraud_platform.reasoning.prompt import Prompt
from fraud_platform.reasoning.quota import Quota
from fraud_platform.reasoning.reviewer import CaseReviewer, ReviewerOptions
from fraud_platform.remote.backoff import Backoff
from fraud_platform.remote.breaker import BreakerRules
from fraud_platform.remote.pace import LearningRules

FAST = Quota(learning=LearningRules(start_tps=5_000.0, most_tps=10_000.0))
QUICK = Backoff(0.01, 0.05)
Make = Callable[..., CaseReviewer]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[CaseReviewer] = []

    def reviewer(model: LanguageModel, **options: object) -> CaseReviewer:
        caller = CallerOptions(**{"quota": FAST, "backoff": QUICK, **options})  # type: ignore[arg-type]
        made.append(CaseReviewer(model, ReviewerOptions(caller), seed=7))
        return made[-1]

    yield reviewer
    for one in made:
        one.close()


def always(text: str | None = None) -> ScriptedModel:
    return ScriptedModel(lambda _, __: model_text(text))


def failing(error: Exception, times: int = 10**9) -> ScriptedModel:
    def respond(_: Prompt, attempt: Attempt) -> ModelText:
        if attempt.number <= times:
            raise error
        return model_text()

    return ScriptedModel(respond)


def test_each_case_gets_the_models_review_in_order(make: Make) -> None:
    def respond(prompt: Prompt, _: Attempt) -> ModelText:
        word = "APPROVE" if '"number":1}' in prompt.text else "REVIEW"
        return model_text(answer_text(word, 0.9))

    reviewer = make(ScriptedModel(respond))
    reviews = reviewer.review([a_case(n) for n in range(3)], 5.0)
    assert [review.decision for review in reviews] == ["REVIEW", "APPROVE", "REVIEW"]
    assert [review.moved for review in reviews] == [False, True, False]
    assert {review.source for review in reviews} == {"model"}
    assert all(EXPLANATION in review.explanation for review in reviews)
    figures = reviewer.figures()
    assert (figures["cases"], figures["calls"], figures["moved"]) == (3, 3, 1)
    assert figures["tokens"] == {"input": 2100, "output": 180}


def test_nothing_is_nothing(make: Make) -> None:
    assert make(always()).review([], 1.0) == []


def test_equal_cases_are_asked_once_and_then_answered_from_the_cache(make: Make) -> None:
    model = always()
    reviewer = make(model)
    first = reviewer.review([a_case(1), a_case(2), a_case(1)], 5.0)
    again = reviewer.review([a_case(2)], 5.0)
    assert len(model.attempts) == 2
    assert first[0] == first[2]
    assert again[0].source == "cache"
    assert again[0].decision == first[1].decision


def test_throttled_cases_are_queued_and_retried_not_dropped(make: Make) -> None:
    model = failing(ThrottledError("slow down"), times=3)
    reviewer = make(model)
    (review,) = reviewer.review([a_case()], 10.0)
    assert (review.source, review.attempts) == ("model", 4)
    assert [attempt.number for _, attempt in model.attempts] == [1, 2, 3, 4]
    assert len({attempt.invocation_id for _, attempt in model.attempts}) == 1
    figures = reviewer.figures()
    assert (figures["throttles"], figures["retries"], figures["quota"]["cuts"]) == (3, 3, 1)
    assert figures["breaker"]["state"] == "closed"


FALLBACKS = [
    (failing(ThrottledError("no")), "throttled"),
    (failing(UnavailableError("no")), "unavailable"),
    (failing(RefusedError("no such model")), "refused"),
    (always("I would rather not say."), "malformed_answer"),
    (ScriptedModel(lambda _, __: ModelText(answer_text(), 1, 1, False)), "malformed_answer"),
    (failing(ZeroDivisionError("a fault of our own")), "unavailable"),
]


@pytest.mark.parametrize(("model", "reason"), FALLBACKS, ids=[reason for _, reason in FALLBACKS])
def test_a_case_without_an_opinion_falls_back_with_the_reason(
    make: Make, model: ScriptedModel, reason: str
) -> None:
    reviewer = make(model, most_attempts=3)
    case = a_case()
    (review,) = reviewer.review([case], 5.0)
    assert (review.source, review.fallback_reason) == ("fallback", reason)
    assert (review.decision, review.confidence) == (case.decision, case.confidence)
    assert review.explanation == explanation_of(case)
    assert review.factors == ("R05",)
    assert reviewer.figures()["fallbacks"] == {reason: 1}


def test_a_model_that_hangs_holds_nobody_beyond_the_deadline(make: Make) -> None:
    released = threading.Event()

    def respond(_: Prompt, __: Attempt) -> ModelText:
        released.wait(30.0)
        return model_text()

    reviewer = make(ScriptedModel(respond), concurrency=2)
    begun_s = time.monotonic()
    reviews = reviewer.review([a_case(n) for n in range(6)], 0.2)
    assert time.monotonic() - begun_s < 5.0
    assert {review.fallback_reason for review in reviews} == {"deadline"}
    released.set()
    deadline_s = time.monotonic() + 10.0
    while reviewer.figures()["cache"]["entries"] < 2:
        assert time.monotonic() < deadline_s, "late answers go to the cache"
        time.sleep(0.005)
    sources = [review.source for review in reviewer.review([a_case(0), a_case(1)], 5.0)]
    assert sources == ["cache", "cache"]


def test_a_full_queue_turns_away_at_once(make: Make) -> None:
    released = threading.Event()

    def respond(_: Prompt, __: Attempt) -> ModelText:
        released.wait(30.0)
        return model_text()

    reviewer = make(ScriptedModel(respond), concurrency=1, queue_limit=3)
    reviews = reviewer.review([a_case(n) for n in range(10)], 0.3)
    released.set()
    reasons = Counter(review.fallback_reason for review in reviews)
    assert reasons["queue_full"] >= 6
    assert reasons["queue_full"] + reasons["deadline"] == 10


def test_an_ill_service_opens_the_breaker_and_a_well_one_closes_it(make: Make) -> None:
    ill = True

    def respond(_: Prompt, __: Attempt) -> ModelText:
        if ill:
            raise UnavailableError("no")
        return model_text()

    model = ScriptedModel(respond)
    rules = BreakerRules(window=10, fewest=5, rest_s=0.1, rest_s_max=0.1, probes=1)
    # Few on the wire: at the default of 256 all could be under way before the first failure.
    reviewer = make(model, breaker=rules, most_attempts=1, concurrency=4)
    reviews = reviewer.review([a_case(n) for n in range(200)], 10.0)
    reasons = Counter(review.fallback_reason for review in reviews)
    assert reasons["breaker_open"] > 100, "most are spared the call"
    assert len(model.attempts) < 100
    assert reviewer.figures()["breaker"]["rejected"] >= reasons["breaker_open"]
    ill = False
    deadline_s = time.monotonic() + 10.0
    number = 1000
    while reviewer.figures()["breaker"]["state"] != "closed":
        assert time.monotonic() < deadline_s, "it must heal"
        reviewer.review([a_case(number := number + 1)], 1.0)
    (review,) = reviewer.review([a_case(0)], 5.0)
    assert review.source == "model"
    moves = [(t["from"], t["to"]) for t in reviewer.figures()["breaker"]["latest"]]
    assert moves[0] == ("closed", "open")
    assert moves[-1] == ("half-open", "closed")


def test_many_at_once_meet_an_unknown_quota_by_backing_off(make: Make) -> None:
    """150 cases from five threads at 60 a second: all answered, at a rate near the quota."""
    model = quota_model(60.0, burst=20.0)
    unknown = Quota(learning=LearningRules(start_tps=200.0, hold_s=0.2))
    reviewer = make(model, quota=unknown, backoff=Backoff(0.2, 5.0), most_attempts=20)
    reviews: list[str] = []

    def hand_over(part: int) -> None:
        cases = [a_case(n) for n in range(part * 30, part * 30 + 30)]
        reviews.extend(review.source for review in reviewer.review(cases, 9.0))

    threads = [threading.Thread(target=hand_over, args=(part,)) for part in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(reviews) == {"model": 150}
    figures = reviewer.figures()
    assert figures["throttles"] > 0
    assert figures["calls"] == 150 + figures["throttles"] == len(model.attempts)
    assert figures["throttles"] < 100, "most calls are sent when there is room for them"


def test_a_known_quota_is_not_exceeded_at_all(make: Make) -> None:
    model = quota_model(50.0, burst=60.0)
    reviewer = make(model, quota=Quota(requests_per_min=2_700.0))  # 45 a second
    reviews = reviewer.review([a_case(n) for n in range(90)], 9.0)
    assert {review.source for review in reviews} == {"model"}
    assert reviewer.figures()["throttles"] == 0


def test_confidence_stays_within_five_percent_whoever_answers(make: Make) -> None:
    """Answers of all kinds and failures between them: R5.4."""

    def respond(prompt: Prompt, attempt: Attempt) -> ModelText:
        number = int(prompt.text.partition('"number":')[2].partition("}")[0])
        if number % 7 == 0:
            raise RefusedError("no")
        words = ("APPROVE", "REVIEW", "DECLINE")
        return model_text(answer_text(words[number % 3], number % 11 / 10))

    reviewer = make(ScriptedModel(respond), breaker=BreakerRules(failure_share=1.0))
    cases = [a_case(n) for n in range(300)]
    reviews = reviewer.review(cases, 20.0)
    for case, review in zip(cases, reviews, strict=True):
        assert abs(review.confidence / case.confidence - 1.0) <= 0.05 + 1e-9
        assert readable(review.explanation)
    ratios = reviewer.figures()["confidence"]
    assert 0.95 <= ratios["ratio_min"] <= ratios["ratio_mean"] <= ratios["ratio_max"] <= 1.05


def test_after_closing_cases_fall_back(make: Make) -> None:
    reviewer = make(always())
    reviewer.close()
    (review,) = reviewer.review([a_case()], 5.0)
    assert review.fallback_reason == "closed"


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"queue_limit": 0}, {"most_attempts": 0}, {"slow_s": 0.0}]
)
def test_impossible_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="from 1"):
        CallerOptions(**wrong)  # type: ignore[arg-type]
