"""The final account against plain sets, and a worker's death in the ledger."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from squall.load_generator import DecisionPage, Ledger, Reconciliation, without_final_read
from squall.load_generator.engine.tally import LedgerDelta
from squall.load_generator.transactions import FactorySpec, ReplaySpec
from squall.models import Counts, Mix, Outcome, transaction_id

TAG = "testrun0"


def ledger_of(ends: list[Outcome], workers: int, repeats: frozenset[int] = frozenset()) -> Ledger:
    ledger = Ledger(workers)
    for number, worker in enumerate(ledger.workers):
        own = ends[number::workers]
        bitmaps = tuple(
            BitMap([seq for seq, end in enumerate(own) if end == outcome]) for outcome in Outcome
        )
        marked = BitMap([seq for seq in range(len(own)) if seq * workers + number in repeats])
        a, b, c, d = bitmaps
        worker.add(LedgerDelta((a, b, c, d), marked), len(own))
    ledger.check_balance()
    return ledger


outcomes = st.lists(st.sampled_from(Outcome), min_size=1, max_size=60)


@given(
    ends=outcomes,
    workers=st.integers(1, 3),
    seen=st.lists(st.integers(0, 70), max_size=80),
    pages=st.integers(1, 4),
    strangers=st.lists(
        st.sampled_from(["other000-000000000001", "x", "testrun0-1", "testrun0-00000000000a"]),
        max_size=3,
    ),
)
def test_the_account_is_that_of_plain_sets(
    ends: list[Outcome], workers: int, seen: list[int], pages: int, strangers: list[str]
) -> None:
    ledger = ledger_of(ends, workers)
    reconciliation = Reconciliation(ledger, TAG, None)
    ids = [transaction_id(TAG, index) for index in seen] + strangers
    for page in range(pages):
        reconciliation.add(DecisionPage(ids[page::pages]))
    account = reconciliation.close(Counts())

    def those(outcome: Outcome) -> set[int]:
        return {index for index, end in enumerate(ends) if end == outcome}

    accepted, unknown = those(Outcome.ACCEPTED), those(Outcome.INDETERMINATE)
    assert account.balanced
    assert account.planned == len(ends)
    assert account.seen == len(set(seen))
    assert account.lost == len(accepted - set(seen))
    assert account.recovered == len(unknown & set(seen))
    assert account.unresolved == len(unknown - set(seen))
    assert account.unexpected == len(set(seen) - accepted - unknown) + len(strangers)
    assert account.duplicated == sum(times > 1 for times in Counter(seen).values())
    assert account.lost_ids == tuple(
        transaction_id(TAG, index) for index in sorted(accepted - set(seen))
    )
    clean = not (account.lost or account.duplicated or account.unexpected)
    assert account.reconciled == clean


def test_a_repeated_id_needs_no_decision_of_its_own() -> None:
    ledger = ledger_of([Outcome.ACCEPTED] * 3, 1, repeats=frozenset({2}))
    reconciliation = Reconciliation(ledger, TAG, None)
    reconciliation.add(DecisionPage([transaction_id(TAG, 0), transaction_id(TAG, 1)]))
    account = reconciliation.close(Counts())
    assert (account.accepted, account.replayed, account.lost) == (3, 1, 0)
    assert account.reconciled


def test_a_repeat_whose_original_was_not_sent_brings_that_id_there() -> None:
    spec = FactorySpec(seed=3, planned=4000, epoch_s=1.79e9, reference_lag=200)
    everything = spec.build(TAG, frozenset()).batch(np.arange(4000))
    repeats = np.flatnonzero(everything.wire_index != everything.index)
    repeat = int(repeats[0])
    original = int(everything.wire_index[repeat])
    ends = [Outcome.ACCEPTED] * 4000
    ends[original] = Outcome.NOT_SENT
    ledger = ledger_of(ends, 1, repeats=frozenset(repeats.tolist()))
    reconciliation = Reconciliation(ledger, TAG, spec)
    own = [index for index in range(4000) if index not in set(repeats.tolist())]
    amounts = [int(everything.amount_minor[index]) for index in own]
    amounts[own.index(original)] += 1  # the other body of a repeated id
    reconciliation.add(DecisionPage([transaction_id(TAG, index) for index in own], amounts))
    account = reconciliation.close(Counts())
    assert (account.unexpected, account.lost, account.amount_difference_minor) == (0, 0, 0)
    assert account.reconciled


def test_amounts_are_compared_id_by_id() -> None:
    spec = FactorySpec(seed=3, planned=50, epoch_s=1.79e9, mix=Mix(0.1, 0.0))
    amounts = spec.build(TAG, frozenset()).batch(np.arange(50)).amount_minor
    ids = [transaction_id(TAG, index) for index in range(50)]
    for change, reconciled in ((0, True), (7, False)):
        reconciliation = Reconciliation(ledger_of([Outcome.ACCEPTED] * 50, 2), TAG, spec)
        records = amounts.tolist()
        records[13] += change
        reconciliation.add(DecisionPage(ids, records))
        account = reconciliation.close(Counts())
        assert account.amount_difference_minor == change
        assert account.reconciled is reconciled


def test_amounts_of_a_file_without_them_are_unknown_and_ids_are_still_compared(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.csv"
    path.write_text("id\na\nb\n")
    spec = ReplaySpec.open(path)
    ids = [transaction_id(TAG, index) for index in range(50)]
    for recorded, reconciled in ((ids, True), (ids[1:], False)):
        reconciliation = Reconciliation(ledger_of([Outcome.ACCEPTED] * 50, 2), TAG, spec)
        reconciliation.add(DecisionPage(recorded, [1250] * len(recorded)))
        account = reconciliation.close(Counts())
        assert account.amount_difference_minor is None
        assert account.lost == 50 - len(recorded)
        assert account.reconciled is reconciled


def test_without_a_final_read_losses_are_unknown_not_zero() -> None:
    ledger = ledger_of([Outcome.ACCEPTED, Outcome.INDETERMINATE, Outcome.NOT_SENT], 1)
    account = without_final_read(ledger, Counts(), TAG, "the target is gone")
    assert account.lost is account.seen is account.reconciled is None
    assert account.unresolved_ids == (transaction_id(TAG, 1),)
    assert account.note == "the target is gone"


@given(ends=outcomes, head=st.integers(0, 80), dues=st.lists(st.integers(0, 120), max_size=4))
def test_a_dead_workers_transactions_all_get_an_end(
    ends: list[Outcome], head: int, dues: list[int]
) -> None:
    ledger = ledger_of(ends, 1)
    (worker,) = ledger.workers
    added = worker.settle_lost_worker(head)
    ledger.check_balance()
    assert added.planned == added.indeterminate == max(head - len(ends), 0)
    for due in dues:
        added += worker.leave_unsent(due)
        ledger.check_balance()
    settled = max(head, len(ends))
    assert ledger.planned == max(settled, *dues, 0)
    assert added.not_sent == ledger.planned - settled
    assert added.planned == added.indeterminate + added.not_sent == ledger.planned - len(ends)


def test_an_unbalanced_ledger_is_refused() -> None:
    ledger = ledger_of([Outcome.ACCEPTED] * 4, 1)
    ledger.workers[0].planned = 5
    with pytest.raises(AssertionError, match="5 planned, 4 ends"):
        ledger.check_balance()
