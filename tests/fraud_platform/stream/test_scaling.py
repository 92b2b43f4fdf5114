from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fraud_platform.stream.scaling import (
    Change,
    Observation,
    ScalerState,
    ScalingLimits,
    StreamLoad,
    Target,
    decide,
)

LIMITS = ScalingLimits()
CALM = Observation(
    at_s=0.0,
    transactions=StreamLoad(2, 1_000.0, 300_000.0),
    decisions=StreamLoad(4, 1_500.0, 600_000.0),
    parallelisation=1,
    reserved_concurrency=None,
    busy_share=0.5,
    iterator_age_s=0.1,
)


def run(looks: list[Observation], limits: ScalingLimits = LIMITS) -> list[tuple[float, Change]]:
    state, made = ScalerState(), []
    for look in looks:
        state, changes = decide(state, look, limits)
        made += [(look.at_s, change) for change in changes]
    return made


def test_a_calm_platform_is_left_alone() -> None:
    assert run([replace(CALM, at_s=5.0 * n) for n in range(500)]) == []


def test_at_eighty_percent_the_stream_grows_at_the_first_look() -> None:
    busy = replace(CALM, transactions=StreamLoad(2, 1_600.0, 0.0))
    ((_, change),) = run([busy])
    assert (change.target, change.before, change.after) == (Target.TRANSACTIONS, 2, 3)
    assert change.reason == "80% of the capacity is used"
    assert run([replace(CALM, transactions=StreamLoad(2, 1_599.0, 0.0))]) == []


def test_bytes_and_refused_records_count_too() -> None:
    ((_, change),) = run([replace(CALM, transactions=StreamLoad(2, 1.0, 1_900_000.0))])
    assert change.after == 4
    ((_, change),) = run([replace(CALM, decisions=StreamLoad(4, 100.0, 0.0, throttled=True))])
    assert (change.target, change.after) == (Target.DECISIONS, 5)
    assert change.reason == "records are refused for lack of capacity"


def test_slow_functions_get_parallel_batches_up_to_the_limit() -> None:
    looks = [replace(CALM, at_s=5.0 * n, busy_share=0.9) for n in range(3)]
    ((at_s, change),) = run(looks)
    assert (at_s, change.target, change.after) == (0.0, Target.PARALLELISATION, 2)
    assert run([replace(CALM, parallelisation=2, busy_share=0.9)]) == []
    ((_, change),) = run([replace(CALM, iterator_age_s=12.0)])
    assert change.reason == "records wait 12 s for a function"


def test_reserved_concurrency_follows_the_slots() -> None:
    changes = [c for _, c in run([replace(CALM, busy_share=0.9, reserved_concurrency=2)])]
    assert [(c.target, c.after) for c in changes] == [
        (Target.PARALLELISATION, 2), (Target.CONCURRENCY, 4),
    ]  # fmt: skip


def test_it_shrinks_slowly_and_only_after_five_idle_minutes() -> None:
    idle = replace(CALM, transactions=StreamLoad(8, 10.0, 0.0), parallelisation=2, busy_share=0.1)
    made = run([replace(idle, at_s=10.0 * n) for n in range(31)])
    assert [(at_s, c.target, c.before, c.after) for at_s, c in made] == [
        (300.0, Target.TRANSACTIONS, 8, 4), (300.0, Target.PARALLELISATION, 2, 1),
    ]  # fmt: skip
    assert "for 5 min" in made[0][1].reason


def test_idleness_must_last() -> None:
    idle = replace(CALM, transactions=StreamLoad(8, 10.0, 0.0))
    busy = replace(CALM, transactions=StreamLoad(8, 4_000.0, 0.0))
    assert run([replace((idle, busy)[n % 29 == 28], at_s=10.0 * n) for n in range(200)]) == []


loads = st.builds(
    StreamLoad, st.integers(1, 64), st.floats(0, 1e5), st.floats(0, 1e8), st.booleans()
)
observations = st.builds(
    Observation,
    at_s=st.floats(0, 1e6), transactions=loads, decisions=loads,
    parallelisation=st.integers(1, 10), reserved_concurrency=st.none() | st.integers(1, 100),
    busy_share=st.floats(0, 3), iterator_age_s=st.floats(0, 1e4),
)  # fmt: skip


@given(st.lists(observations, max_size=60))
def test_every_change_is_one_that_aws_takes(looks: list[Observation]) -> None:
    """Within the limits, at most double and at least half, rested, ten a day, never both ways."""
    looks = sorted(looks, key=lambda look: look.at_s)
    made = run(looks)
    for at_s, change in made:
        assert change.reason
        assert change.after != change.before
        if change.target in (Target.TRANSACTIONS, Target.DECISIONS):
            assert (change.before + 1) // 2 <= change.after <= 2 * change.before
            if change.after > change.before:
                most = {
                    Target.TRANSACTIONS: LIMITS.shards_max,
                    Target.DECISIONS: LIMITS.decision_shards_max,
                }[change.target]
                assert change.after <= most
        same = [t for t, c in made if c.target is change.target and t <= at_s]
        assert len([t for t in same if t > at_s - 86_400]) <= 10 or change.target in (
            Target.PARALLELISATION, Target.CONCURRENCY,
        )  # fmt: skip
        assert all(b - a >= LIMITS.rest_s for a, b in pairwise(same))


@given(st.integers(1, 16), st.floats(0, 16_000))
def test_growing_ends_below_eighty_percent(shards: int, records_s: float) -> None:
    """Looked at every five seconds, a steady load is served within two minutes."""
    state, seen = ScalerState(), replace(CALM, transactions=StreamLoad(shards, records_s, 0.0))
    for look in range(36):
        state, changes = decide(state, replace(seen, at_s=5.0 * look), LIMITS)
        for change in changes:
            if change.target is Target.TRANSACTIONS:
                seen = replace(seen, transactions=StreamLoad(change.after, records_s, 0.0))
    final = seen.transactions
    assert final.utilisation < 0.8 or final.shards == LIMITS.shards_max
