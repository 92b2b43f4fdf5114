from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fraud_platform.external.answers import (
    FailedCheckError,
    SlowCheckError,
    ThrottledCheckError,
)
from fraud_platform.external.lookup import GuardedLookup, LookupOptions, Source
from fraud_platform.remote.backoff import Backoff
from fraud_platform.remote.breaker import BreakerRules


@dataclass(frozen=True)
class Number:
    number: int
    valid_s: float = 3600.0


Fetch = Callable[[int, float], Number]
Lookup = GuardedLookup[int, Number]
Make = Callable[..., Lookup]


class Time:
    """The real clock, with a jump ahead on request."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def make(clock: Time) -> Iterator[Make]:
    made: list[Lookup] = []

    def lookup(fetch: Fetch, **options: object) -> Lookup:
        given = {"rate_tps": 10_000.0, "burst": 1_000.0, "backoff": Backoff(0.005, 0.01)}
        chosen = LookupOptions(**{**given, **options})  # type: ignore[arg-type]
        made.append(GuardedLookup("numbers", fetch, chosen, random.Random(1), clock))
        return made[-1]

    yield lookup
    for one in made:
        one.close()


class Service:
    """Answers a key with itself, after ``fails`` failures."""

    def __init__(self, *fails: Exception) -> None:
        self.fails = list(fails)
        self.calls: list[tuple[float, int]] = []
        self._lock = threading.Lock()

    def __call__(self, key: int, timeout_s: float) -> Number:
        with self._lock:
            self.calls.append((time.monotonic(), key))
            error = self.fails.pop(0) if self.fails else None
        if error is not None:
            raise error
        return Number(key)


def asked(lookup: Lookup, clock: Time, *keys: int, within_s: float = 5.0) -> dict[int, str]:
    answers = lookup.start(keys, clock() + within_s).answers()
    for key, answer in answers.items():
        assert answer.value is None or answer.value.number == key
        assert (answer.value is None) == (answer.source is Source.DEFAULT)
    return {
        key: answer.source.value + (f": {answer.reason}" if answer.reason else "")
        for key, answer in answers.items()
    }


def test_each_key_is_asked_once_and_then_cached(make: Make, clock: Time) -> None:
    service = Service()
    lookup = make(service)
    assert asked(lookup, clock, 1, 2, 1, 1) == {1: "service", 2: "service"}
    assert asked(lookup, clock, 2, 2, 3) == {2: "cache", 3: "service"}
    assert sorted(key for _, key in service.calls) == [1, 2, 3]
    figures = lookup.figures()
    assert (figures["wanted"], figures["hits"], figures["coalesced"]) == (7, 2, 2)
    assert figures["saved_share"] == round(4 / 7, 4)


def test_equal_queries_of_different_callers_become_one(make: Make, clock: Time) -> None:
    released, calls = threading.Event(), []

    def fetch(key: int, timeout_s: float) -> Number:
        calls.append(key)
        assert released.wait(10.0)
        return Number(key)

    lookup = make(fetch)
    first = lookup.start([1], clock() + 10.0)
    second = lookup.start([1], clock() + 10.0)
    released.set()
    assert first.answers()[1].source is second.answers()[1].source is Source.SERVICE
    assert calls == [1]


def test_a_failure_is_tried_again_within_the_deadline(make: Make, clock: Time) -> None:
    lookup = make(Service(FailedCheckError("no")))
    assert asked(lookup, clock, 1) == {1: "service"}
    assert lookup.figures()["retries"] == 1


def test_without_the_service_stale_answers_are_better_than_none(make: Make, clock: Time) -> None:
    service = Service()
    lookup = make(service, fresh_s=100.0, stale_s=100.0)
    asked(lookup, clock, 1)
    clock.ahead_s = 150.0
    service.fails = [FailedCheckError("no")] * 8
    assert asked(lookup, clock, 1, 2) == {1: "stale: failed", 2: "default: failed"}
    clock.ahead_s = 201.0
    assert asked(lookup, clock, 1) == {1: "default: failed"}


def test_who_asks_waits_no_longer_than_its_deadline(make: Make, clock: Time) -> None:
    released = threading.Event()

    def fetch(key: int, timeout_s: float) -> Number:
        assert released.wait(10.0)
        return Number(key)

    lookup = make(fetch)
    begun_s = time.monotonic()
    assert asked(lookup, clock, 1, within_s=0.1) == {1: "default: deadline"}
    assert time.monotonic() - begun_s < 5.0
    released.set()
    deadline_s = time.monotonic() + 10.0
    while lookup.remembered(1) is None:
        assert time.monotonic() < deadline_s, "the late answer goes to the cache"
        time.sleep(0.005)
    assert asked(lookup, clock, 1) == {1: "cache"}


def test_slow_answers_open_the_breaker_which_closes_again(make: Make, clock: Time) -> None:
    service = Service(*[SlowCheckError("late")] * 3)
    lookup = make(service, breaker=BreakerRules(slow_in_a_row=3, rest_s=5.0, probes=1))
    for key in range(3):
        assert asked(lookup, clock, key) == {key: "default: slow"}
    assert asked(lookup, clock, 9) == {9: "default: breaker_open"}
    assert lookup.figures()["breaker"]["state"] == "open"
    assert len(service.calls) == 3
    clock.ahead_s = 6.0
    assert asked(lookup, clock, 9) == {9: "service"}
    assert lookup.figures()["breaker"]["state"] == "closed"


def test_calls_stay_below_the_rate(make: Make, clock: Time) -> None:
    service = Service()
    lookup = make(service, rate_tps=100.0, burst=5.0, concurrency=8)
    begun_s = time.monotonic()
    sources = Counter(asked(lookup, clock, *range(60), within_s=0.4).values())
    took_s = time.monotonic() - begun_s
    assert 5 <= len(service.calls) <= 5.0 + 100.0 * took_s
    assert sources["default: rate_limited"] > 0
    assert set(sources) <= {"service", "default: rate_limited", "default: deadline"}


def test_a_service_that_says_too_much_is_left_alone(make: Make, clock: Time) -> None:
    service = Service(ThrottledCheckError(30.0))
    lookup = make(service)
    assert asked(lookup, clock, 1) == {1: "default: rate_limited"}
    assert asked(lookup, clock, 2) == {2: "default: rate_limited"}
    assert len(service.calls) == 1
    assert lookup.figures()["breaker"]["state"] == "closed"
    clock.ahead_s = 31.0
    assert asked(lookup, clock, 2) == {2: "service"}


def test_there_is_a_bound_to_what_is_on_its_way(make: Make, clock: Time) -> None:
    released = threading.Event()

    def fetch(key: int, timeout_s: float) -> Number:
        assert released.wait(10.0)
        return Number(key)

    lookup = make(fetch, concurrency=2, queue_limit=4)
    begun = lookup.start(range(10), clock() + 10.0)
    released.set()
    answers = begun.answers().values()
    assert Counter(answer.reason for answer in answers) == {None: 4, "queue_full": 6}


def test_an_answer_holds_as_long_as_the_service_says(make: Make, clock: Time) -> None:
    lookup = make(lambda key, _: Number(key, valid_s=10.0), stale_s=0.0)
    asked(lookup, clock, 1)
    clock.ahead_s = 11.0
    assert asked(lookup, clock, 1) == {1: "service"}


def test_a_fault_of_our_own_is_a_failed_check(make: Make, clock: Time) -> None:
    lookup = make(Service(ZeroDivisionError()))
    assert asked(lookup, clock, 1) == {1: "default: failed"}


def test_after_closing_nothing_is_asked(make: Make, clock: Time) -> None:
    service = Service()
    lookup = make(service)
    lookup.close()
    assert asked(lookup, clock, 1) == {1: "default: closed"}
    assert service.calls == []


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match="rate_tps"):
        LookupOptions(rate_tps=0.0)
    with pytest.raises(ValueError, match="attempts"):
        LookupOptions(rate_tps=1.0, attempts=0)


def test_something_close_stands_in_where_nothing_else_is_known(clock: Time) -> None:
    service = Service(*[FailedCheckError("no")] * 2)
    options = LookupOptions(10_000.0, 1_000.0, attempts=1)
    lookup = GuardedLookup(
        "numbers", service, options, random.Random(1), clock,
        lambda key: Number(key) if key == 7 else None,
    )  # fmt: skip
    assert asked(lookup, clock, 7, 8) == {7: "neighbour: failed", 8: "default: failed"}
    figures = lookup.figures()
    assert (figures["neighbours"], figures["defaults"], figures["fallbacks"]) == (1, 1, 2)
    lookup.close()


def test_every_lookup_wanted_ends_in_one_way(make: Make, clock: Time) -> None:
    service = Service(FailedCheckError("no"), ThrottledCheckError(30.0))
    lookup = make(service, attempts=1, rate_tps=5.0, burst=3.0)
    for keys in ((1,), (2,), (3, 4, 4, 5), (3, 6)):
        asked(lookup, clock, *keys, within_s=0.05)
    figures = lookup.figures()
    without = sum(figures["without_service"].values())
    answered = sum(figures["slots"].values())
    assert figures["calls"] == figures["failures"] + figures["throttled"] + answered
    assert figures["wanted"] == 8
    assert figures["wanted"] == figures["hits"] + figures["coalesced"] + without + answered
