from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import orjson
from tests.fraud_platform.documents import transaction
from tests.fraud_platform.stream.fakes import FakeTable

from fraud_platform.gateway.admission import Admission
from fraud_platform.store.records import Record
from fraud_platform.stream.adapters.streams import Failed, Outgoing, Stored
from fraud_platform.stream.client import PatientAsker, StreamClient, read_decided
from fraud_platform.stream.decision import (
    Decision,
    Origin,
    Outcome,
    decision_of,
    refusal_of,
    stream_record,
)
from fraud_platform.stream.envelope import RecordReader
from fraud_platform.stream.lanes import LanePutter
from fraud_platform.wire.answers import decision_body
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.transaction import Transaction, run_of
from fraud_platform.wire.validation import Problem, Validator


class Asker:
    def __init__(self) -> None:
        self.answers: list[tuple[int, bool, Any]] = []

    def answered(self, status: int, replay: bool, body: bytes) -> None:
        self.answers.append((status, replay, orjson.loads(body)))

    @property
    def status(self) -> int:
        (answer,) = self.answers
        return answer[0]


class Bench:
    """A client on a stream that takes everything and a table of the test's own."""

    def __init__(self, limit: int = 100) -> None:
        self.table = FakeTable()
        self.sent: list[Transaction] = []
        self.putter = LanePutter(self._put)
        self.client = StreamClient(self.putter, Admission(limit), self._read, self._figures)

    def submit(self, t: Transaction, wait_s: float = 0.0) -> Asker:
        asker = Asker()
        problem = self.client.submit(t, PatientAsker(asker, wait_s) if wait_s else asker)
        if problem is not None:
            asker.answers.append((503, False, problem.code))
        return asker

    def decide(self, t: Transaction, **flags: Any) -> None:
        record = stream_record(Outcome(decision(t), **flags))
        self.client.take([read_decided(record)])

    def _put(self, records: Sequence[Outgoing]) -> Sequence[Stored | Failed]:
        reader = RecordReader(Validator(current_currencies()))
        for record in records:
            read = reader.read(record.data, 0.0)
            assert isinstance(read, list)
            self.sent += [arrival.transaction for arrival in read]
        return [Stored("77", "shardId-000000000000") for _ in records]

    async def _read(self, ids: Collection[str]) -> dict[str, Decision]:
        return self.table.read(ids)

    async def _figures(self) -> dict[str, Any]:
        return {}


def decision(t: Transaction, **changes: Any) -> Decision:
    answer = decision_body(t.transaction_id, "APPROVE", 0.01, 0.9, '["R00"]')
    record = Record(
        t.transaction_id, run_of(t.transaction_id), t.digest, t.type, "APPROVE", t.amount,
        t.currency, t.user, t.original, answer, b"", None, t.event_s,
    )  # fmt: skip
    return decision_of(record, Origin(1.0, "shard", 5), 2.0, "env/1")._replace(**changes)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.005)


async def test_without_waiting_the_answer_is_where_it_is() -> None:
    bench = Bench()
    asker = bench.submit(transaction(1))
    await until(lambda: bool(asker.answers))
    assert asker.answers == [
        (
            202,
            False,
            {
                "transaction_id": "testrun1-000000000001",
                "sequence_number": "77",
                "shard_id": "shardId-000000000000",
            },
        )
    ]
    assert bench.client.admission.depth == 0


async def test_who_waits_gets_the_decision() -> None:
    bench = Bench()
    first, second = (bench.submit(transaction(1), wait_s=20) for _ in range(2))
    other = bench.submit(transaction(1, amount=5), wait_s=20)
    await until(lambda: bench.client.admission.depth == 0)
    assert not first.answers
    bench.decide(transaction(1))
    assert (first.status, second.status, other.status) == (200, 200, 409)
    assert [asker.answers[0][1] for asker in (first, second)] == [False, True]
    assert list(first.answers[0][2]) == [
        "transaction_id", "decision", "risk_score", "confidence", "reason_codes",
    ]  # fmt: skip
    bench.decide(transaction(1), replay=True)
    assert bench.client.decided == 1


async def test_a_decision_that_comes_too_late_is_not_waited_for() -> None:
    bench = Bench()
    asker = bench.submit(transaction(1), wait_s=0.1)
    await until(lambda: bool(asker.answers))
    assert asker.status == 202
    bench.decide(transaction(1))
    assert len(asker.answers) == 1
    assert bench.client.late == 1


async def test_a_decision_that_is_faster_than_the_acknowledgement_counts() -> None:
    bench = Bench()
    asker = bench.submit(transaction(1), wait_s=20)
    bench.decide(transaction(1))
    assert asker.status == 200
    await until(lambda: bench.putter.depth == 0)
    assert len(asker.answers) == 1
    assert bench.client.admission.depth == 0


async def test_a_refusal_by_the_function_is_422() -> None:
    bench = Bench()
    t = transaction(1)
    asker = bench.submit(t, wait_s=20)
    refusal = refusal_of(t, Problem("why", "because", "amount"), Origin(1.0, "s", 1), 2.0, "w")
    bench.client.take([read_decided(stream_record(Outcome(refusal)))])
    assert asker.answers == [
        (422, False, {"error": {"code": "why", "message": "because", "field": "amount"}})
    ]


async def test_more_than_the_limit_is_turned_away() -> None:
    bench = Bench(limit=3)
    askers = [bench.submit(transaction(n)) for n in range(5)]
    assert [asker.answers for asker in askers[3:]] == [[(503, False, "overloaded")]] * 2
    await until(lambda: all(asker.answers for asker in askers))
    assert [asker.status for asker in askers[:3]] == [202] * 3


def refund(number: int, of: int, amount: int) -> Transaction:
    return transaction(
        number, type="refund", amount=amount, user_id="u-1",
        original_transaction_id=f"testrun1-{of:012d}",
    )  # fmt: skip


async def test_refunds_are_checked_before_they_are_taken_in() -> None:
    bench = Bench()
    recorded = decision(transaction(1))
    bench.table.items[recorded.transaction_id] = recorded
    bench.table.refunded[recorded.transaction_id] = 250
    good, again, beyond, nothing = askers = [
        bench.submit(refund(2, 1, 900)), bench.submit(refund(2, 1, 900)),
        bench.submit(refund(3, 1, 200)), bench.submit(refund(4, 8, 1)),
    ]  # fmt: skip
    await until(lambda: all(asker.answers for asker in askers))
    assert (good.status, again.status) == (202, 202)
    assert beyond.answers[0][2]["error"]["code"] == "refund_above_original"
    assert nothing.answers[0][2]["error"]["code"] == "original_not_found"
    # What was let through counts before it is recorded, and once only after that.
    late = bench.submit(refund(5, 1, 150))
    await until(lambda: bool(late.answers))
    assert late.status == 422
    bench.table.items["testrun1-000000000002"] = decision(refund(2, 1, 900))
    bench.table.refunded[recorded.transaction_id] = 1150
    last = bench.submit(refund(6, 1, 100))
    await until(lambda: bool(last.answers))
    assert last.status == 202


async def test_a_purchase_on_its_way_can_be_refunded() -> None:
    bench = Bench()
    askers = [bench.submit(transaction(1)), bench.submit(refund(2, 1, 1250))]
    await until(lambda: all(asker.answers for asker in askers))
    assert [asker.status for asker in askers] == [202, 202]
    assert [t.transaction_id[-1] for t in bench.sent] == ["1", "2"]


async def test_closing_answers_everybody() -> None:
    bench = Bench()
    asker = bench.submit(transaction(1), wait_s=20)
    await bench.putter.close(5.0)
    bench.client.close()
    assert asker.status == 202


def test_what_is_no_decision_is_passed_over() -> None:
    for record in (b"", b"no json", b"[]", b"{}", b'{"decision":"APPROVE"}', b"\xff"):
        assert read_decided(record) is None
