"""What is remembered of a customer is what was decided, whatever goes wrong in between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fraud_platform.documents import transaction
from tests.fraud_platform.stream.fakes import Crash, crash, unavailable
from tests.fraud_platform.stream.function_parts import SHARD, World, packed, plain_agents

from fraud_platform.errors import StoreError
from fraud_platform.learning.model import LearnedModel
from fraud_platform.stream.customer_view import customer_body
from fraud_platform.stream.decision import REFUSED
from fraud_platform.stream.profiles import RECENT_LIMIT, read_profile
from fraud_platform.wire.transaction import Transaction


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def counted(world: World) -> dict[str, Counter[str]]:
    """What the decision table says, by customer."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for decision in world.table.items.values():
        if decision.decision != REFUSED:
            found[decision.user][decision.decision] += 1
    return dict(found)


def remembered(world: World) -> dict[str, Counter[str]]:
    """What the profiles say."""
    found = {}
    for user, (version, content) in world.profiles.items.items():
        stored = read_profile(content, version)
        assert stored is not None
        found[user] = Counter(stored.profile.tally)
    return found


def payments(count: int, users: int = 5) -> list[Transaction]:
    return [transaction(n, user_id=f"u-{n % users}", amount=100 + n) for n in range(count)]


def test_profiles_count_what_was_decided(world: World, model: LearnedModel) -> None:
    environment = world.environment(model)
    batch = payments(40)
    environment.process(SHARD, packed(batch[:25], 100))
    environment.process(SHARD, packed(batch[25:], 200))
    environment.process(SHARD, packed(batch[10:30], 300))  # a client repeats itself
    assert remembered(world) == counted(world)
    assert sum(sum(c.values()) for c in remembered(world).values()) == 40
    version, content = world.profiles.items["u-1"]
    stored = read_profile(content, version)
    assert stored is not None
    ours = [t for t in batch if t.user == "u-1"]
    names = [made.transaction_id for made in stored.profile.recent]
    assert names == [t.transaction_id for t in ours[-RECENT_LIMIT:]]


def test_refused_refunds_and_conflicts_are_not_counted(world: World, model: LearnedModel) -> None:
    environment = world.environment(model)
    first = payments(6, users=1)
    environment.process(SHARD, packed(first, 100))
    refund = transaction(
        50, type="refund", user_id="u-0", amount=90, original_transaction_id="nothing-at-all"
    )
    other = transaction(2, user_id="u-0", amount=77)
    outcomes = environment.process(SHARD, packed([refund, other], 200))
    assert sorted(outcome.decision.decision == REFUSED for outcome in outcomes) == [False, True]
    assert remembered(world) == counted(world)


def test_a_repeat_that_meets_another_environment_is_learnt_once(
    world: World, model: LearnedModel
) -> None:
    batch = payments(12, users=2)
    world.environment(model).process(SHARD, packed(batch[:6], 100))
    other = world.environment(model)
    other.process(SHARD, packed([batch[6], batch[1], batch[3], batch[8]], 200))
    other.process(SHARD, packed(batch[9:], 300))
    assert remembered(world) == counted(world)
    alone = World()
    alone.environment(model).process(SHARD, packed([*batch[:7], batch[8]], 100))
    alone.environments[0].process(SHARD, packed(batch[9:], 300))
    for user in ("u-0", "u-1"):
        ours, theirs = (read_profile(w.profiles.items[user][1], 1) for w in (world, alone))
        assert ours is not None
        assert theirs is not None
        assert str(ours.customer) == str(theirs.customer)  # nan is not equal to itself
        assert ours.profile.met == theirs.profile.met
    alone.close()


def test_what_was_judged_is_learnt_again_with_a_profile_that_is_loaded_anew(
    world: World, model: LearnedModel
) -> None:
    """The table is away twice, and meanwhile somebody else takes the lane over."""
    world.faults.at = {1: unavailable, 2: unavailable}
    first, other = (world.environment(model, plain_agents()) for _ in range(2))
    records = packed(payments(9, users=2), 100)
    for environment in (first, other):
        with pytest.raises(StoreError):
            environment.process(SHARD, records)
    first.process(SHARD, records)
    assert remembered(world) == counted(world)
    assert sum(sum(c.values()) for c in remembered(world).values()) == 9


def test_what_was_recorded_is_learnt_again_where_its_profile_could_not_be_stored(
    world: World, model: LearnedModel
) -> None:
    """The decisions are in, the profiles are not, and meanwhile somebody else takes the lane."""
    first, other = (world.environment(model, plain_agents()) for _ in range(2))
    first.process(SHARD, packed(payments(4, users=2), 100))
    records = packed(payments(9, users=2)[4:], 200)
    written = world.faults.count + 2  # behind the insertion
    world.faults.at[written] = unavailable
    with pytest.raises(StoreError):
        first.process(SHARD, records)
    assert len(world.table.items) == 9
    world.faults.at[world.faults.count + 1] = unavailable
    with pytest.raises(StoreError):
        other.process(SHARD, records)
    outcomes = first.process(SHARD, records)
    assert all(outcome.replay for outcome in outcomes)
    assert remembered(world) == counted(world)
    assert sum(sum(c.values()) for c in remembered(world).values()) == 9


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    faults=st.lists(st.tuples(st.integers(1, 25), st.booleans()), max_size=4),
    moves=st.lists(st.booleans(), min_size=12, max_size=12),
    repeats=st.lists(st.integers(0, 23), min_size=4, max_size=4),
)
def test_it_stays_so_through_crashes_and_takeovers(
    model: LearnedModel, faults: list[tuple[int, bool]], moves: list[bool], repeats: list[int]
) -> None:
    world = World()
    try:
        for at, dies in faults:
            world.faults.at[at] = crash if dies else unavailable
        environments = [world.environment(model, plain_agents()) for _ in range(2)]
        turn = 0
        for number in range(4):
            batch = [*payments(24)[6 * number : 6 * number + 6], payments(24)[repeats[number]]]
            records = packed(batch, 100 * (number + 1))
            for move in moves:
                try:
                    environments[turn].process(SHARD, records)
                    break
                except Crash:
                    environments[turn] = world.environment(model, plain_agents())
                except StoreError:
                    pass
                turn = (turn + move) % 2
        assert remembered(world) == counted(world)
    finally:
        world.close()


def test_what_is_shown_names_no_card_and_no_account(world: World, model: LearnedModel) -> None:
    environment = world.environment(model)
    batch = [
        transaction(n, user_id="u-0", card_id="c-secret", device_id="d-secret", amount=500)
        for n in range(5)
    ]
    environment.process(SHARD, packed(batch, 100))
    version, content = world.profiles.items["u-0"]
    stored = read_profile(content, version)
    assert stored is not None
    body = customer_body("u-0", stored)
    assert b"secret" not in body
    shown = orjson.loads(body)
    assert shown["user_id"] == "u-0"
    assert shown["transactions"] == sum(shown["decisions"].values()) == 5
    assert shown["known_since_s"] > 0
    assert [one["transaction_id"] for one in shown["recent"]] == [
        t.transaction_id for t in batch[:1:-1]
    ]
    habits = shown["habits"]
    assert (habits["cards"], habits["devices"], habits["merchants"]) == (1, 1, 5)
    assert habits["countries"] == [batch[0].country]
    assert habits["usual_amount"] > 0
