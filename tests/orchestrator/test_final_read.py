from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap64
from tests.orchestrator.fakes import UNIX_S, FakeReader

from squall.errors import TargetUnreachable
from squall.load_generator import DecisionPage, Ledger
from squall.load_generator.transactions import FactorySpec
from squall.metrics import DatedDecisions
from squall.models import Accounting, Counts, Expected, Outcome, transaction_id
from squall.orchestrator.final_read import final_read
from squall.targets.dated_page import DatedPage

TAG = "abcd1234"
SOURCE = FactorySpec(seed=1, planned=1000, epoch_s=UNIX_S)
COUNTS = Counts(planned=100, accepted=90, rejected=4, indeterminate=5, not_sent=1, attempts=99)


def ledger() -> Ledger:
    """0 … 89 accepted, 90 … 93 refused, 94 … 98 indeterminate, 99 not sent."""
    kept = Ledger(1)
    worker = kept.workers[0]
    for outcome, first, last in (
        (Outcome.ACCEPTED, 0, 90),
        (Outcome.REJECTED, 90, 94),
        (Outcome.INDETERMINATE, 94, 99),
        (Outcome.NOT_SENT, 99, 100),
    ):
        worker.ends[outcome].update(BitMap64(range(first, last)))
    worker.planned = 100
    return kept


class FixedSchedule:
    """Arrival *i* is due at second *i*."""

    rate_multiplier = 1.0
    end_s = 100.0

    def profile_time(self, now_s: float) -> float:
        return now_s

    def rate_tps(self, now_s: float) -> float:
        return 1.0

    def due(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        return indices.astype(np.float64)

    def count_due(self, now_s: float) -> int:
        return math.ceil(now_s)


@dataclass
class FakePages:
    """Hands out pages as they are."""

    these: Sequence[DecisionPage]

    async def pages(self) -> AsyncIterator[DecisionPage]:
        for page in self.these:
            yield page


async def read(reader: FakeReader | None) -> Accounting:
    return await final_read(reader, ledger(), COUNTS, TAG, SOURCE, lambda _: None)


def ids(*indices: int) -> list[str]:
    return [transaction_id(TAG, index) for index in indices]


async def test_a_clean_run_is_reconciled() -> None:
    account = await read(FakeReader(ids(*range(90))))
    assert (account.seen, account.lost, account.duplicated, account.unexpected) == (90, 0, 0, 0)
    assert account.reconciled
    assert account.unresolved == 5


async def test_losses_doubles_and_strangers_are_named() -> None:
    account = await read(FakeReader([*ids(*range(1, 90), 5, 92, 95), "stranger"]))
    assert (account.lost, account.lost_ids) == (1, tuple(ids(0)))
    assert (account.duplicated, account.duplicated_ids) == (1, tuple(ids(5)))
    assert account.unexpected == 2
    assert account.recovered == 1
    assert account.reconciled is False


async def test_without_a_reader_losses_are_unknown() -> None:
    account = await read(None)
    assert (account.seen, account.lost, account.reconciled) == (None, None, None)
    assert "no final read" in account.note
    assert len(account.unresolved_ids) == 5


async def test_a_read_that_breaks_off_says_nothing() -> None:
    account = await read(FakeReader(ids(*range(90)), TargetUnreachable("127.0.0.1:1 refused")))
    assert (account.seen, account.lost, account.reconciled) == (None, None, None)
    assert account.note == "no final read: 127.0.0.1:1 refused"


async def test_a_target_that_never_ends_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import asyncio

    monkeypatch.setattr("squall.orchestrator.final_read.TIMEOUT_S_MIN", 0.0)
    account = await read(FakeReader([], hangs=asyncio.Event()))
    assert account.lost is None
    assert "handed out only 0 records" in account.note


async def test_where_answers_come_before_decisions_due_refusals_need_no_record() -> None:
    fields = SOURCE.available_fields
    expected = SOURCE.build(TAG, fields).batch(np.arange(90)).expected
    due = set(np.flatnonzero((expected == Expected.REJECTED) | (expected == Expected.CONFLICT)))
    assert due
    others = [index for index in range(90) if index not in due]
    reader = FakeReader(ids(*others[1:]))
    account = await final_read(
        reader, ledger(), COUNTS, TAG, SOURCE, lambda _: None, deferred_fields=fields
    )
    assert (account.lost, account.lost_ids) == (1, tuple(ids(others[0])))
    assert account.refused_later == len(due)
    assert account.note == (
        f"{len(due)} acknowledged edge cases, due to be refused, left no record"
    )


async def test_a_target_without_records_says_what_to_add() -> None:
    account = await final_read(
        None, ledger(), COUNTS, TAG, SOURCE, lambda _: None, remedy="add table= to it"
    )
    assert account.lost is None
    assert account.note == "no final read: the target names no records to read; add table= to it"


async def test_the_times_of_the_records_are_handed_on() -> None:
    schedule = FixedSchedule()
    dated = DatedDecisions(TAG, schedule, UNIX_S)
    page = DatedPage(ids(*range(90)), None, [UNIX_S + at + 0.5 for at in range(90)], "at in t")
    for _ in range(2):  # a second read begins anew
        account = await final_read(
            FakePages([page]), ledger(), COUNTS, TAG, SOURCE, lambda _: None, dated=dated
        )
    assert account.lost == 0
    assert sum(interval.decided for interval in dated.intervals()) == 90
