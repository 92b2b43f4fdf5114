"""A store that failed is tried until it works, with nothing to be stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pytest
from tests.fraud_platform.documents import transaction

from fraud_platform.core.committer import Committer
from fraud_platform.core.inflight import InFlight, Pending
from fraud_platform.errors import StoreError
from fraud_platform.store.records import Record
from fraud_platform.store.writer import DecisionWriter

DEADLINE_S = 20.0
FULL = "the decision store cannot be written: database or disk is full"


class Disk:
    """A writer whose disk is full until it is freed; tells how often it was tried."""

    def __init__(self) -> None:
        self.full = True
        self.probes = 0

    def append(self, records: Sequence[Record]) -> None:
        self._write()

    def probe(self) -> None:
        self.probes += 1
        self._write()

    def _write(self) -> None:
        if self.full:
            raise StoreError(FULL)


class Waiting:
    """Everybody in flight, with an origin of its own."""

    def committed(self, ids: Iterable[str]) -> list[Pending]:
        return [Pending(transaction(1), (1, 1)) for _ in ids]

    dropped = committed


@contextmanager
def committing(disk: Disk, probe_s: float) -> Iterator[Committer]:
    committer = Committer(
        cast(DecisionWriter, disk), cast(InFlight, Waiting()), lambda _: None, probe_s=probe_s
    )
    try:
        yield committer
    finally:
        committer.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.002)


def record() -> Record:
    return Record(
        id="run00001-000000000001", run="run00001", digest=bytes(16), type=0, decision="APPROVE",
        amount=100, currency="EUR", user="u-1", original=None, answer=b"{}", votes=b"v",
        explanation=None, event_s=1.5,
    )  # fmt: skip


def test_it_works_again_without_traffic(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    with committing(disk, 0.01) as committer:
        committer.commit([record()])
        until(lambda: disk.probes > 1)
        assert committer.failing == FULL
        disk.full = False
        until(lambda: not committer.failing)
    assert committer.commits == 0
    assert [r.message for r in caplog.records][1:] == ["the decision store works again"]


def test_a_store_that_works_is_not_probed() -> None:
    disk = Disk()
    disk.full = False
    with committing(disk, 0.0) as committer:
        committer.commit([record()])
    assert (committer.commits, disk.probes) == (1, 0)


def test_a_commit_need_not_wait_for_a_probe() -> None:
    disk = Disk()
    with committing(disk, 3_600.0) as committer:
        committer.commit([record()])
        until(lambda: committer.failing == FULL)
        disk.full = False
        committer.commit([record()])
    assert (committer.failing, committer.commits, disk.probes) == ("", 1, 0)
