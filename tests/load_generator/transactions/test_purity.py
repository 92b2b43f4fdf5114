"""Every transaction is a pure function of seed and index, however the work is divided."""

from __future__ import annotations

import pickle
from collections.abc import Generator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.load_generator.transactions import MIXES, FactorySpec, TransactionFactory
from squall.models import Mix, TransactionBatch
from squall.models.transactions import ID_DIGITS

ROWS = 4_000
SPEC = FactorySpec(seed=7, planned=ROWS, epoch_s=1_795_000_000.0, reference_lag=300)


def bodies(batch: TransactionBatch) -> list[dict[str, bytes | None]]:
    """What goes on the wire, field by field."""
    rows: list[dict[str, bytes | None]] = [
        {name: column.json[row].tobytes() for name, column in batch.columns.items()}
        for row in range(len(batch))
    ]
    for row, changes in batch.overrides.items():
        rows[row].update(changes)
    return rows


def facts(batch: TransactionBatch) -> list[tuple[object, ...]]:
    arrays = (
        batch.index, batch.wire_index, batch.label, batch.typology, batch.edge_case,
        batch.expected, batch.amount_minor, batch.value_usd,
    )  # fmt: skip
    return list(zip(*(a.tolist() for a in arrays), strict=True))


@pytest.fixture(scope="module")
def factory() -> TransactionFactory:
    return SPEC.build("test0000")


@pytest.fixture(scope="module")
def whole(factory: TransactionFactory) -> TransactionBatch:
    return factory.batch(np.arange(ROWS))


@given(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_rows_in_any_order_are_the_rows_of_the_whole(
    factory: TransactionFactory, whole: TransactionBatch, wanted: list[int]
) -> None:
    part = factory.batch(np.array(wanted))
    all_facts, all_bodies = facts(whole), bodies(whole)
    assert facts(part) == [all_facts[i] for i in wanted]
    assert bodies(part) == [all_bodies[i] for i in wanted]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_workers_in_turns_make_the_same_rows(
    factory: TransactionFactory, whole: TransactionBatch, workers: int
) -> None:
    made: dict[int, tuple[object, ...]] = {}
    for worker in range(workers):
        batch = factory.batch(np.arange(worker, ROWS, workers))
        made.update(zip(batch.index.tolist(), facts(batch), strict=True))
    assert [made[i] for i in range(ROWS)] == facts(whole)


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES.keys())
def test_a_spec_survives_pickling_and_builds_the_same(mix: Mix) -> None:
    spec = FactorySpec(seed=3, planned=100_000, epoch_s=1_795_000_000.0, mix=mix)
    again = pickle.loads(pickle.dumps(spec))
    indices = np.arange(50_000, 50_400)
    first, second = spec.build("test0000").batch(indices), again.build("test0000").batch(indices)
    assert facts(first) == facts(second)
    assert bodies(first) == bodies(second)


def test_the_largest_plan_can_be_made() -> None:
    planned = 10**ID_DIGITS - 1
    factory = FactorySpec(
        seed=7, planned=planned, epoch_s=1_795_000_000.0, reference_lag=3_000_000
    ).build("test0000")
    for first in (0, planned // 2, planned - ROWS):
        batch = factory.batch(np.arange(first, first + ROWS))
        assert batch.index.tolist() == list(range(first, first + ROWS))
        assert 0.1 < np.unique(batch.columns["user_id"].json, axis=0).shape[0] / ROWS <= 1


def test_fewer_fields_change_nothing_else(whole: TransactionBatch) -> None:
    fields = frozenset({"transaction_id", "user_id", "merchant_id", "amount"})
    part = SPEC.build("test0000", fields).batch(np.arange(ROWS))
    assert set(part.columns) == fields
    for name in fields:
        assert np.array_equal(part.columns[name].json, whole.columns[name].json)
    assert np.array_equal(part.label, whole.label)
    assert np.array_equal(part.amount_minor, whole.amount_minor)


def test_another_seed_shares_no_entity() -> None:
    ids: list[set[bytes]] = []
    for seed in (1, 2):
        batch = FactorySpec(seed=seed, planned=3_000, epoch_s=1_795_000_000.0).build("test0000")
        columns = batch.batch(np.arange(3_000)).columns
        ids.append(
            {
                value.tobytes()
                for name in ("user_id", "card_id", "device_id", "merchant_id", "payee_id")
                for value in columns[name].json
                if not value.tobytes().startswith(b"null")
            }
        )
    assert not ids[0] & ids[1]


@given(st.sets(st.integers(0, 2**36 - 1), min_size=2, max_size=200))
def test_tags_of_seeds_below_2_to_36_differ(seeds: set[int]) -> None:
    from squall.load_generator.transactions.fields import entity_tag

    assert len({entity_tag(seed) for seed in seeds}) == len(seeds)


def test_arrivals_past_the_plan_are_made_and_not_from_the_future(
    factory: TransactionFactory,
) -> None:
    batch = factory.batch(np.arange(ROWS - 10, ROWS + 100_000, 97))
    plain = batch.label != 2
    stamps = batch.columns["timestamp"].json[plain, 1:24]
    times = np.array([s.tobytes().decode() for s in stamps], "datetime64[ms]").astype(np.int64)
    assert times.max() <= SPEC.epoch_s * 1000 + 60_000


def test_every_step_is_part_of_the_batch(factory: TransactionFactory) -> None:
    made: list[TransactionBatch] = []

    def collect() -> Generator[None, None, None]:
        made.append((yield from factory.stages(np.arange(100))))

    assert len(list(collect())) >= 5
    assert [len(batch) for batch in made] == [100]
