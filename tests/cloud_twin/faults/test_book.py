"""Laws of fault plans: which calls they hit, how often, how long; and that they heal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.clock import ManualClock
from cloud_twin.errors import TwinError
from cloud_twin.faults import Effect, FaultBook, FaultEnded, FaultPlan, Subject, UnknownFault
from cloud_twin.faults.book import ENDED_KEPT, IN_FORCE_MAX

PUT = Subject("kinesis", "PutRecords", ("payments",), 1)

SUBJECTS = st.builds(
    Subject,
    st.sampled_from(["kinesis", "dynamodb"]),
    st.sampled_from(["PutRecords", "GetRecords", "PutItem"]),
    st.lists(st.sampled_from(["payments", "payments-eu", "audit"]), max_size=2).map(tuple),
    st.integers(1, 4),
)
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "service": st.sampled_from(["kinesis", "dynamodb"]),
        "operation": st.sampled_from(["PutRecords", "GetRecords", "PutItem"]),
        "resource": st.sampled_from(["payments", "payments*", "*", "a?dit"]),
        "attempts": st.lists(st.integers(1, 4), min_size=1, max_size=3),
    },
)


def book(*plans: dict[str, Any]) -> tuple[FaultBook, ManualClock]:
    clock = ManualClock()
    made = FaultBook(clock)
    for plan in plans:
        made.add(FaultPlan.model_validate({"when": "drop", **plan}))
    return made, clock


def entry(made: FaultBook) -> dict[str, Any]:
    (only,) = made.entries()
    return only


@given(match=MATCHES, subjects=st.lists(SUBJECTS, max_size=30))
def test_a_plan_hits_exactly_what_it_names(match: dict[str, Any], subjects: list[Subject]) -> None:
    made, _ = book(match)
    patterns = {
        None: lambda name: True,
        "*": lambda name: True,
        "payments": lambda name: name == "payments",
        "payments*": lambda name: name.startswith("payments"),
        "a?dit": lambda name: name == "audit",
    }
    hits = 0
    for subject in subjects:
        resource = match.get("resource")
        meant = (
            match.get("service", subject.service) == subject.service
            and match.get("operation", subject.operation) == subject.operation
            and subject.attempt in match.get("attempts", [subject.attempt])
            and (resource is None or any(map(patterns[resource], subject.resources)))
        )
        effect = made.effect(subject)
        assert (effect is not None and effect.drop) == meant
        hits += meant
    assert entry(made)["hits"] == entry(made)["matched"] == hits


@given(count=st.integers(1, 20), calls=st.integers(0, 40))
def test_a_count_is_never_passed(count: int, calls: int) -> None:
    made, _ = book({"count": count})
    hits = sum(made.effect(PUT) is not None for _ in range(calls))
    assert hits == min(count, calls) == entry(made)["hits"]
    assert (entry(made)["state"] == "ended") == (calls >= count)


@given(seed=st.integers(0, 2**32), probability=st.floats(0.05, 1.0))
def test_the_same_seed_hits_the_same_calls(seed: int, probability: float) -> None:
    def hits() -> list[bool]:
        made, _ = book({"seed": seed, "probability": probability})
        return [made.effect(PUT) is not None for _ in range(50)]

    assert hits() == hits()


def test_a_probability_is_kept_in_the_long_run() -> None:
    made, _ = book({"probability": 0.2, "seed": 3})
    hits = sum(made.effect(PUT) is not None for _ in range(5000))
    assert 900 < hits < 1100
    assert entry(made)["matched"] == 5000


@given(
    after_s=st.floats(0, 50),
    for_s=st.one_of(st.none(), st.floats(0.5, 50)),
    lease_s=st.floats(0.5, 100),
    steps=st.lists(st.floats(0.01, 10), max_size=40),
)
def test_a_plan_hits_inside_its_window_and_lease_only(
    after_s: float, for_s: float | None, lease_s: float, steps: list[float]
) -> None:
    made, clock = book(
        {"after_s": after_s, "lease_s": lease_s} | ({} if for_s is None else {"for_s": for_s})
    )
    start_s = clock.monotonic_s()
    ended = False
    for step in steps:
        clock.advance(step)
        now_s = clock.monotonic_s()
        over = now_s >= start_s + lease_s
        over |= for_s is not None and now_s >= start_s + after_s + for_s
        ended |= over
        hit = made.effect(PUT) is not None
        assert hit == (not over and now_s >= start_s + after_s)
        assert (entry(made)["state"] == "ended") == over
    assert made.active != ended or not steps


def test_a_renewed_lease_runs_on_and_an_ended_one_does_not_come_back() -> None:
    made, clock = book({"lease_s": 10})
    for _ in range(5):
        clock.advance(9)
        assert made.effect(PUT) is not None
        made.renew("fault-1")
    clock.advance(10)
    assert made.effect(PUT) is None
    with pytest.raises(FaultEnded, match="ended \\(lease\\)"):
        made.renew("fault-1")
    assert entry(made)["ended_by"] == "lease"


def test_a_removed_plan_heals_at_once() -> None:
    made, _ = book({})
    assert made.effect(PUT) is not None
    assert made.remove("fault-1")["ended_by"] == "removed"
    assert made.effect(PUT) is None
    assert not made.active
    for act in (made.remove, made.renew):
        with pytest.raises(UnknownFault):
            act("fault-1")


def test_clearing_heals_everything() -> None:
    made, _ = book({}, {})
    made.clear()
    assert made.effect(PUT) is None
    assert made.entries() == []


def combined(*plans: dict[str, Any]) -> Effect:
    made, _ = book(*plans)
    effect = made.effect(PUT)
    assert effect is not None
    return effect


def test_latencies_add_up_and_the_oldest_refusal_counts() -> None:
    slow = {"when": None, "latency_ms": 20}
    first = {"when": "before", "error": {"code": "ThrottlingException"}}
    second = {"when": "before", "error": {"code": "InternalFailure"}}
    effect = combined(slow, first, second, {"when": "after"}, slow)
    assert effect.latency_ms == 40
    assert effect.refusal is not None
    assert effect.refusal.code == "ThrottlingException"
    assert not effect.lost


@given(latency_ms=st.floats(1, 1000), share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_jitter_stays_inside_its_bounds(latency_ms: float, share: float, seed: int) -> None:
    jitter_ms = latency_ms * share
    effect = combined(
        {"when": None, "latency_ms": latency_ms, "jitter_ms": jitter_ms, "seed": seed}
    )
    low, high = latency_ms - jitter_ms, latency_ms + jitter_ms
    assert low - 1e-9 <= effect.latency_ms <= high + 1e-9


def test_errors_have_awss_own_status_and_text() -> None:
    plan = {"when": "before", "error": {"code": "TooManyRequestsException"}, "service": "lambda"}
    made, _ = book(plan)
    effect = made.effect(Subject("lambda", "Invoke", ("f",), 1))
    assert effect is not None
    assert effect.refusal is not None
    assert effect.refusal.status == 429
    assert effect.refusal.fields["Type"] == "User"
    assert effect.refusal.message == "Rate Exceeded."


def test_what_the_plan_says_overrules_what_is_known() -> None:
    error = {"code": "SlowDown", "status": 500, "message": "mine", "fields": {"BucketName": "b"}}
    effect = combined({"when": "after", "error": error})
    assert effect.lost_as is not None
    assert (effect.lost_as.status, effect.lost_as.message) == (500, "mine")
    assert effect.lost_as.fields == {"BucketName": "b"}
    assert not effect.lost_as.sender


def test_a_fault_in_the_body_is_the_services_to_draw() -> None:
    effect = combined(
        {"when": "body", "probability": 0.25, "error": {"code": "InternalFailure"}, "seed": 1}
    )
    assert effect.partial is not None
    assert (effect.partial.probability, effect.partial.code) == (0.25, "InternalFailure")
    assert not effect.settled


def test_a_fault_in_the_body_passes_over_what_has_no_parts() -> None:
    made, _ = book({"when": "body", "count": 1, "error": {"code": "InternalFailure"}})
    assert made.effect(Subject("kinesis", "GetRecords", ("payments",), 1)) is None
    assert made.effect(Subject("dynamodb", "GetItem", ("payments",), 1)) is None
    assert (entry(made)["matched"], entry(made)["hits"]) == (0, 0)
    effect = made.effect(PUT)
    assert effect is not None
    assert effect.partial is not None


def test_plans_are_bounded() -> None:
    made, clock = book(*[{}] * IN_FORCE_MAX)
    with pytest.raises(TwinError, match="delete some first"):
        made.add(FaultPlan(when="drop"))
    clock.advance(61)
    for _ in range(2 * ENDED_KEPT):
        made.add(FaultPlan(when="drop", lease_s=1))
        clock.advance(1)
    assert len(made.entries()) <= ENDED_KEPT + 1
