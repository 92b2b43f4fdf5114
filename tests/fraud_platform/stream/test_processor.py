from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fraud_platform.documents import document, transaction
from tests.fraud_platform.stream.fakes import Crash, crash, unavailable
from tests.fraud_platform.stream.function_parts import (
    ARRIVED_S,
    SHARD,
    World,
    packed,
    plain_agents,
)

from fraud_platform.errors import StoreError
from fraud_platform.learning.model import LearnedModel
from fraud_platform.stream.audit import FOLDER
from fraud_platform.stream.audit_verification import AuditReport, verify_chain
from fraud_platform.stream.decision import REFUSED, answer_in, stream_record
from fraud_platform.stream.envelope import Arrival
from fraud_platform.stream.processor import Processor, ShardRecord
from fraud_platform.wire.transaction import Transaction


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def test_a_batch_is_recorded_published_audited_and_remembered(
    world: World, model: LearnedModel
) -> None:
    environment = world.environment(model)
    batch = [transaction(n) for n in range(40)]
    outcomes = environment.process(SHARD, packed(batch, 100))
    assert sorted(world.table.items) == sorted(t.transaction_id for t in batch)
    assert Counter(world.table.writes).most_common(1)[0][1] == 1
    assert {o.decision.transaction_id for o in world.stream.published} == set(world.table.items)
    assert not any(o.replay for o in outcomes)
    assert set(world.profiles.items) == {t.user for t in batch}
    assert len(world.bucket.objects) == 1
    record = orjson.loads(stream_record(world.stream.published[0]))
    assert list(record)[:5] == [
        "transaction_id", "decision", "risk_score", "confidence", "reason_codes",
    ]  # fmt: skip
    assert (record["amount"], record["arrived_s"], record["replay"]) == (1250, ARRIVED_S, False)
    assert answer_in(stream_record(outcomes[0])) == outcomes[0].decision.answer


def test_a_repeated_batch_repeats_the_recorded_decisions(world: World, model: LearnedModel) -> None:
    batch = packed([transaction(n) for n in range(20)], 100)
    first = world.environment(model).process(SHARD, batch)
    for environment in (world.environments[0], world.environment(model)):
        again = environment.process(SHARD, batch)
        assert all(outcome.replay for outcome in again)
        assert {o.decision for o in again} == {o.decision for o in first}
    assert len(world.table.writes) == 20


def test_an_id_with_another_content_is_a_conflict(world: World, model: LearnedModel) -> None:
    environment = world.environment(model)
    environment.process(SHARD, packed([transaction(1)], 100))
    other = transaction(1, amount=99)
    for env in (environment, world.environment(model)):
        (outcome,) = env.process(SHARD, packed([other], 200))
        assert outcome.conflict == other.digest
        assert outcome.decision.amount == 1250
        assert orjson.loads(stream_record(outcome))["conflict"] == other.digest.hex()
    assert [letter["reason"] for letter in world.letters.messages] == ["id_reused"] * 2
    assert len(world.table.writes) == 1


def test_repeats_inside_a_batch_wait_for_the_first(world: World, model: LearnedModel) -> None:
    batch = [transaction(1), transaction(1), transaction(1, amount=7)]
    outcomes = world.environment(model).process(SHARD, packed(batch, 100))
    assert [o.replay for o in outcomes] == [False, True, True]
    assert [o.conflict is not None for o in outcomes] == [False, False, True]
    assert len(world.table.writes) == 1


def raw(sequence: int, data: bytes) -> ShardRecord:
    return ShardRecord(data, "anything", sequence, ARRIVED_S + 1e9)


def test_single_transactions_of_anybody_are_validated(world: World, model: LearnedModel) -> None:
    from time import time

    def record(sequence: int, data: bytes) -> ShardRecord:
        return ShardRecord(data, "anything", sequence, time())

    good, bad = orjson.dumps(document(1)), orjson.dumps(document(2, amount=-5))
    records = [record(1, good), record(2, bad), record(3, b"no json"), record(4, b"x\x9cbroken")]
    outcomes = world.environment(model).process(SHARD, records)
    words = {o.decision.transaction_id: o.decision.decision for o in outcomes}
    assert words["testrun1-000000000001"] != REFUSED
    assert words["testrun1-000000000002"] == REFUSED
    refusal = orjson.loads(world.table.items["testrun1-000000000002"].answer)
    assert refusal["error"]["code"] == "amount_not_positive"
    assert [m["problems"][0]["code"] for m in world.letters.messages] == [
        "malformed_json", "malformed_pack",
    ]  # fmt: skip


# --- refunds ----------------------------------------------------------------------------------


def refund(number: int, of: int, amount: int, **changes: object) -> object:
    return {
        "number": number, "type": "refund", "amount": amount, "user_id": "u-1",
        "original_transaction_id": f"testrun1-{of:012d}", **changes,
    }  # fmt: skip


def made(description: object) -> Arrival:
    assert isinstance(description, dict)
    fields = dict(description)
    return Arrival(transaction(fields.pop("number"), **fields), ARRIVED_S)


def test_refunds_use_up_their_purchase_once(world: World, model: LearnedModel) -> None:
    environment = world.environment(model)
    environment.process(SHARD, packed([transaction(1)], 10))  # 1250
    batch = [
        made(refund(2, 1, 1000)), made(refund(3, 1, 300)), made(refund(4, 1, 250)),
        made(refund(5, 77, 10)),
    ]  # fmt: skip
    outcomes = environment.process(SHARD, packed([a.transaction for a in batch], 20))
    words = {o.decision.transaction_id[-1]: o.decision.decision for o in outcomes}
    assert words["3"] == words["5"] == REFUSED
    assert REFUSED not in (words["2"], words["4"])
    assert world.table.refunded == {"testrun1-000000000001": 1250}
    # The same batch again, elsewhere: nothing changes.
    again = world.environment(model).process(SHARD, packed([a.transaction for a in batch], 20))
    assert {o.decision.transaction_id[-1]: o.decision.decision for o in again} == words
    assert world.table.refunded == {"testrun1-000000000001": 1250}


def test_a_purchase_and_its_refund_in_one_batch(world: World, model: LearnedModel) -> None:
    batch = [transaction(1), made(refund(2, 1, 1250)).transaction]
    outcomes = world.environment(model).process(SHARD, packed(batch, 10))
    assert all(o.decision.decision != REFUSED for o in outcomes)
    assert world.table.refunded == {"testrun1-000000000001": 1250}


def test_a_refund_that_loses_its_claim_is_checked_anew(world: World, model: LearnedModel) -> None:
    environment = world.environment(model)
    environment.process(SHARD, packed([transaction(1)], 10))

    def someone_else_refunds() -> None:
        world.table.refunded["testrun1-000000000001"] = 1200

    world.faults.at[world.faults.count + 1] = someone_else_refunds
    batch = [made(refund(2, 1, 1000)).transaction]
    (outcome,) = environment.process(SHARD, packed(batch, 20))
    assert outcome.decision.decision == REFUSED
    world.faults.at[world.faults.count + 1] = lambda: world.table.refunded.update(
        {"testrun1-000000000001": 1210}
    )
    (outcome,) = environment.process(SHARD, packed([made(refund(3, 1, 40)).transaction], 30))
    assert outcome.decision.decision != REFUSED
    assert world.table.refunded == {"testrun1-000000000001": 1250}


# --- crashes ----------------------------------------------------------------------------------


def deliver(
    world: World, model: LearnedModel, environment: Processor, batch: list[ShardRecord]
) -> Processor:
    """As the event-source mapping does: again, in a new environment, until it succeeds."""
    for _ in range(20):
        try:
            environment.process(SHARD, batch)
        except Crash:
            environment = world.environment(model, plain_agents())
        except StoreError:
            continue
        else:
            return environment
    raise AssertionError("the batch never succeeded")


def _of_few_customers(number: int) -> Transaction:
    user = number % 3
    return transaction(number, user_id=f"u-{user}", card_id=f"c-{user}", channel="chip")


@given(
    faults=st.dictionaries(
        st.integers(1, 40), st.sampled_from(["crash", "unavailable"]), max_size=6
    ),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    repeats=st.lists(st.booleans(), min_size=5, max_size=5),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_exactly_one_decision_whatever_breaks(
    model: LearnedModel, faults: dict[int, str], sizes: list[int], repeats: list[bool]
) -> None:
    """A process may die before any effect; stores may fail; batches come twice. Always: one write
    per id, everything published and audited, and profiles as if nothing had happened."""
    batches, number = [], 0
    for place, size in enumerate(sizes):
        made_now = [_of_few_customers(number + k) for k in range(size)]
        batches.append(packed(made_now, 1000 * (place + 1)))
        number += size
    calm, stormy = World(), World()
    stormy.faults.at = {k: crash if what == "crash" else unavailable for k, what in faults.items()}
    for world in (calm, stormy):
        environment = world.environment(model, plain_agents())
        for batch, again in zip(batches, repeats, strict=False):
            environment = deliver(world, model, environment, batch)
            if again:
                environment = deliver(world, model, environment, batch)
        world.close()
    names = {f"testrun1-{n:012d}" for n in range(number)}
    assert Counter(stormy.table.writes) == Counter(names)
    assert {o.decision.transaction_id for o in stormy.stream.published} == names
    for outcome in stormy.stream.published:
        assert outcome.decision == stormy.table.items[outcome.decision.transaction_id]
    fresh = Counter(o.decision.transaction_id for o in stormy.stream.published if not o.replay)
    assert all(count == 1 for count in fresh.values())
    assert {user: content for user, (_, content) in stormy.profiles.items.items()} == {
        user: content for user, (_, content) in calm.profiles.items.items()
    }
    report = AuditReport()
    for chain in {key.split("/")[1] for key in stormy.bucket.objects}:
        keys = sorted(k for k in stormy.bucket.objects if k.startswith(f"{FOLDER}/{chain}/"))
        verify_chain(chain, [(key, stormy.bucket.objects[key]) for key in keys], report)
    assert report.problems == []
    assert set(report.decided) == names


def test_a_lost_answer_is_no_replay(world: World, model: LearnedModel) -> None:
    world.table.lose_answer = True
    outcomes = world.environment(model).process(SHARD, packed([transaction(1)], 10))
    assert [o.replay for o in outcomes] == [False]
    assert len(world.table.writes) == 1


def test_contention_is_waited_out(world: World, model: LearnedModel) -> None:
    world.table.contended = 3
    world.environment(model).process(SHARD, packed([transaction(1)], 10))
    assert len(world.table.writes) == 1


def test_another_environment_goes_on_where_the_first_stopped(
    world: World, model: LearnedModel
) -> None:
    """Customers move between environments and back: nothing that was learned is lost."""
    alone = World()
    one = alone.environment(model)
    left, right = world.environment(model), world.environment(model)
    for turn in range(6):
        batch = packed([transaction(10 * turn + k) for k in range(10)], 1000 * (turn + 1))
        one.process(SHARD, batch)
        (left, right)[turn % 2].process(SHARD, batch)
    assert {u: c for u, (_, c) in world.profiles.items.items()} == {
        u: c for u, (_, c) in alone.profiles.items.items()
    }
    alone.close()


def test_unreadable_conflicting_and_direct_transactions_are_counted(
    world: World, model: LearnedModel
) -> None:
    environment = world.environment(model)
    environment.process(SHARD, [raw(1, b"[]"), *packed([transaction(1)], 2)])
    outcomes = environment.decide_directly([Arrival(transaction(2), ARRIVED_S)])
    assert [o.replay for o in outcomes] == [False]
    assert environment.decide_directly([]) == []
    counters = environment.counters
    assert (counters.batches, counters.decided, counters.unreadable) == (2, 2, 1)


def test_what_breaks_off_leaves_nothing_running(
    world: World, model: LearnedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its repetition comes at once, and must not meet what is left of it."""
    written, write = Event(), Event()
    put_new = world.bucket.put_new

    def slowly(key: str, content: bytes) -> bool:
        write.wait(10)
        done = put_new(key, content)
        written.set()
        return done

    monkeypatch.setattr(world.bucket, "put_new", slowly)
    monkeypatch.setattr(world.stream, "publish", lambda outcomes: unavailable())
    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(1) as caller:
        environment = world.environment(model, pool=pool)
        batch = caller.submit(environment.process, SHARD, packed([transaction(1)], 100))
        assert not wait([batch], timeout=0.3).done
        write.set()
        with pytest.raises(StoreError):
            batch.result(10)
        assert written.is_set()
