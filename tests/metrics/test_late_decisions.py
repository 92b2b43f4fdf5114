"""Decisions seen by another channel: when, whether twice, whether right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.load_generator.transactions import FactorySpec
from squall.metrics import LateDecisions, detect, late_decisions
from squall.models import (
    FIELDS,
    ArrivalProcess,
    Decision,
    DecisionBatch,
    DecisionEvent,
    LatencyHistogram,
    Mix,
    Truth,
    transaction_id,
)
from squall.models.load_spec import SustainedSpec

TAG = "abcdefgh"
START = 500.0
PLANNED = 1000
SOURCE = FactorySpec(seed=5, mix=Mix(0.2, 0.2), planned=PLANNED, epoch_s=1.79e9).build(
    TAG, frozenset(FIELDS)
)
BATCH = SOURCE.batch(np.arange(PLANNED))


def late(*, amounts_known: bool = True) -> LateDecisions:
    load = SustainedSpec(type="sustained", rate_tps=100, duration_s=10)
    controller = RateController(build(load, 0), ArrivalProcess.EVEN, 0)
    return LateDecisions(TAG, SOURCE, controller, lambda: START, amounts_known=amounts_known)


def event(
    index: int,
    decision: Decision = Decision.APPROVE,
    *,
    refused: bool = False,
    replay: bool = False,
    digest: int = 1,
    amount: int | None = None,
) -> DecisionEvent:
    wire_id = transaction_id(TAG, index)
    return DecisionEvent(wire_id, decision, refused, 0.5, replay, digest, amount)


def test_latency_runs_from_the_intended_send() -> None:
    seen = late()
    interval = seen.add(DecisionBatch(START + 3.0, [event(0), event(100), event(200)]))
    histogram = LatencyHistogram.of(interval.decision)
    assert interval.decided == histogram.total == 3
    assert histogram.percentile_us(0) == pytest.approx(1_000_000, rel=0.01)
    assert histogram.percentile_us(100) == pytest.approx(3_000_000, rel=0.01)


def test_the_same_event_twice_is_one_decision() -> None:
    seen = late()
    batch = DecisionBatch(START + 1, [event(1, digest=7), event(1, digest=7)])
    assert seen.add(batch).decided == 1
    assert seen.add(batch).decided == 0
    assert not seen.duplicated


def test_another_decision_on_an_id_is_a_duplicate_and_a_replay_is_none() -> None:
    seen = late()
    seen.add(DecisionBatch(START + 1, [event(1, digest=7), event(1, digest=8, replay=True)]))
    assert not seen.duplicated
    assert seen.replays == 1
    seen.add(DecisionBatch(START + 2, [event(1, Decision.DECLINE, digest=9)]))
    assert set(seen.duplicated) == {1}
    assert len(seen.decided) == 1


def test_a_replay_that_is_seen_first_is_no_duplicate_of_its_original() -> None:
    seen = late()
    assert seen.add(DecisionBatch(START, [event(1, digest=8, replay=True)])).decided == 1
    assert seen.add(DecisionBatch(START, [event(1, digest=7)])).decided == 0
    assert not seen.duplicated


def test_memory_is_bounded_and_late_doubles_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_decisions, "_CHUNK_SHIFT", 4)
    monkeypatch.setattr(late_decisions, "_CHUNKS_KEPT", 2)
    seen = late()
    for index in (0, 20, 40, 60):
        seen.add(DecisionBatch(START + 1, [event(index, digest=7)]))
    seen.add(DecisionBatch(START + 2, [event(60, digest=7), event(0, digest=7), event(1)]))
    assert set(seen.duplicated) == {0}
    assert set(seen.decided) == {0, 1, 20, 40, 60}


def test_ids_of_others_are_passed_over() -> None:
    seen = late()
    strange = [event(1)._replace(wire_id=text) for text in ("other000-000000000001", "", "x")]
    assert seen.add(DecisionBatch(START, strange)).decided == 0


def test_edge_cases_are_unknown_until_they_are_decided() -> None:
    edges = np.flatnonzero((BATCH.edge_case > 0) & (BATCH.wire_index == BATCH.index))
    refusal_due = BATCH.expected[edges] == 1
    seen = late()
    decided = seen.add(DecisionBatch(START, [event(i) for i in edges[~refusal_due].tolist()]))
    refused = seen.add(
        DecisionBatch(START, [event(i, refused=True) for i in edges[refusal_due].tolist()])
    )
    total = (decided.truth + refused.truth).edge_cases.sum(axis=0)
    assert total.tolist() == [len(edges), 0, -len(edges)]


def test_amounts_of_a_source_without_them_are_neither_compared_nor_kept() -> None:
    ordinary = np.flatnonzero(BATCH.edge_case == 0).tolist()
    for known in (True, False):
        seen = late(amounts_known=known)
        seen.add(DecisionBatch(START, [event(i, amount=7) for i in ordinary]))
        amounts = [page.amounts_minor for page in seen.pages()]
        assert amounts == ([[7] * len(ordinary)] if known else [None])
        assert bool(seen._other_amounts) is known


def test_detection_comes_from_decisions() -> None:
    ordinary = np.flatnonzero(BATCH.edge_case == 0)
    fraud = set(np.flatnonzero(BATCH.label == 1).tolist())
    events = [
        event(i, Decision.DECLINE if i in fraud else Decision.APPROVE) for i in ordinary.tolist()
    ]
    found = detect(late().add(DecisionBatch(START, events)).truth)
    assert (found.recall, found.false_positive_rate) == (1.0, 0.0)
    assert found.fraud == len(fraud)


@given(
    st.lists(st.tuples(st.integers(0, PLANNED - 1), st.integers(1, 3), st.booleans()), max_size=80),
    st.lists(st.integers(1, 20), max_size=20),
)
def test_how_events_are_batched_does_not_matter(
    told: list[tuple[int, int, bool]], sizes: list[int]
) -> None:
    events = [event(i, digest=digest, refused=refused) for i, digest, refused in told]
    whole, parts = late(), late()
    one = whole.add(DecisionBatch(START + 20, events))
    truth, decided = Truth(), 0
    left = list(events)
    for size in [*sizes, len(events)]:
        batch, left = left[:size], left[size:]
        interval = parts.add(DecisionBatch(START + 20, batch))
        truth, decided = truth + interval.truth, decided + interval.decided
    assert decided == one.decided
    assert whole.seen == parts.seen
    assert whole.duplicated == parts.duplicated
    assert (truth.decisions == one.truth.decisions).all()
    assert (truth.edge_cases == one.truth.edge_cases).all()


def test_pages_hold_every_id_once_and_doubles_twice() -> None:
    seen = late()
    amounts = BATCH.amount_minor.tolist()
    first = [event(i, digest=1, amount=amounts[i]) for i in range(5)]
    wrong = event(6, amount=amounts[6] + 25)
    seen.add(DecisionBatch(START, [*first, event(3, digest=2, amount=amounts[3]), wrong]))
    pages = list(seen.pages())
    ids = [wire_id for page in pages for wire_id in page.ids]
    assert sorted(ids) == sorted(transaction_id(TAG, i) for i in (0, 1, 2, 3, 3, 4, 6))
    read = {
        wire_id: amount
        for page in pages
        for wire_id, amount in zip(page.ids, page.amounts_minor or (), strict=True)
    }
    assert read[transaction_id(TAG, 6)] == amounts[6] + 25
    assert read[transaction_id(TAG, 0)] == amounts[0]


def test_amounts_are_unknown_where_one_event_has_none() -> None:
    seen = late()
    seen.add(DecisionBatch(START, [event(1, amount=5), event(2)]))
    assert [page.amounts_minor for page in seen.pages()] == [None]


def test_refusals_that_are_due_are_not_owed() -> None:
    due = set(np.flatnonzero((BATCH.expected == 1) | (BATCH.expected == 3)).tolist())
    seen = late()
    everything = BitMap64(range(PLANNED))
    assert set(seen.owed(everything)) == set(range(PLANNED)) - due
