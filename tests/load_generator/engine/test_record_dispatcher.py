"""Whatever happens to calls, connections and the clock, every record ends exactly once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Generator, Iterable, Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray
from pyroaring import BitMap64

from squall.load_generator.engine.blocks import BlockMaker
from squall.load_generator.engine.calibration import calibration_schedule
from squall.load_generator.engine.record_calibration import record_capacity_tps
from squall.load_generator.engine.record_connection import RecordConnection
from squall.load_generator.engine.record_dispatcher import RecordDispatcher
from squall.load_generator.ledger import WorkerLedger
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.load_generator.target_spec import CallLimits, CallReading
from squall.models import (
    ArrivalProcess,
    Column,
    Counts,
    Expected,
    Label,
    Outcome,
    Receipt,
    RetryPolicy,
    TransactionBatch,
    Truth,
    run_stages,
)
from squall.models.load_spec import SustainedSpec

RATE_TPS = 1000.0
DURATION_S = 4.0
START = 1000.0
LINGER_S = 0.005
REFUSED, LOST, TAKEN = b"R", b"U", b"A"


class PlainSource:
    """Transactions with an id and nothing else; every tenth is an edge case due to be refused."""

    def stages(self, indices: NDArray[np.int64]) -> Generator[None, None, TransactionBatch]:
        yield
        count = len(indices)
        text = [b'"plaintag-%012d"' % index for index in indices.tolist()]
        matrix = np.array(text, dtype="S23").view(np.uint8).reshape(count, 23)
        edge = indices % 10 == 9
        return TransactionBatch(
            index=indices,
            wire_index=indices,
            columns={"transaction_id": Column(matrix, embeddable=True)},
            label=np.where(edge, Label.EDGE_CASE, Label.LEGITIMATE).astype(np.uint8),
            typology=np.zeros(count, np.uint8),
            edge_case=edge.astype(np.uint8),
            expected=np.where(edge, Expected.REJECTED, Expected.DECIDED).astype(np.uint8),
            amount_minor=np.full(count, 100, np.int64),
            value_usd=np.ones(count),
        )

    def batch(self, indices: NDArray[np.int64]) -> TransactionBatch:
        return run_stages(self, indices)


class PlainWriter:
    """Records are their numbers; those of ``large`` are too large for company."""

    def __init__(self, large: int = 0) -> None:
        self.large = large

    def write(self, batch: TransactionBatch) -> list[bytes | memoryview]:
        return [self._record(index) for index in batch.index.tolist()]

    def _record(self, index: int) -> bytes:
        return b"%d" % index + (b"x" * 200 if self.large and index % self.large == 7 else b"")


class PlainCalls:
    """A call is its records on a line; its answer one letter for each, or for all."""

    limits = CallLimits(records=50, bytes=400, record_bytes=100, linger_s=LINGER_S)

    def request(self, records: Sequence[bytes | memoryview]) -> Sequence[bytes]:
        return [b"CALL ", b",".join(records)]

    def read(self, status: int, body: bytes, count: int) -> CallReading:
        if status == 400:
            return CallReading(Outcome.REJECTED, "throttled", again=True)
        if status == 403:
            return CallReading(Outcome.REJECTED, "forbidden")
        if status != 200:
            return CallReading(Outcome.INDETERMINATE, f"http_{status}", again=True)
        assert len(body) == count
        refused = {at: "slow_down" for at in range(count) if body[at : at + 1] == REFUSED}
        receipt = Receipt("place", "1", "2", count - len(refused))
        return CallReading(Outcome.ACCEPTED, refused=refused, again=True, receipts=(receipt,))

    def sample_answer(self, count: int) -> bytes:
        return answer(200, TAKEN * count)


class Transport(asyncio.WriteTransport):
    """Remembers what was written; closing tells the protocol, as a loop would."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.protocol: RecordConnection | None = None

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.written.append(b"".join(list_of_data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def abort(self) -> None:
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connection_lost(None)


def answer(status: int, body: bytes, extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, extra, len(body), body)


class Harness:
    """A dispatcher on a clock that the test moves."""

    def __init__(self, retry: RetryPolicy, queue_limit: int, large: int = 0) -> None:
        self.now = START
        self.controller = RateController(
            build(SustainedSpec(type="sustained", rate_tps=RATE_TPS, duration_s=DURATION_S), 0),
            ArrivalProcess.EVEN,
            0,
        )
        maker = BlockMaker(PlainSource(), PlainWriter(large), self.controller, "plaintag", 0, 1)
        self.dispatcher = RecordDispatcher(
            maker,
            PlainCalls(),
            retry,
            queue_limit,
            0.5,
            random.Random(1),
            lambda: self.now,
            lambda at_once: None,
        )
        self.transports: list[Transport] = []
        self.ledger = WorkerLedger()
        self.counts = Counts()
        self.truth = Truth()
        self.errors: dict[str, int] = {}
        self.retried: dict[str, int] = {}
        self.receipts = 0
        self.dispatcher.begin(self.now)

    def connect(self) -> None:
        transport = Transport()
        connection = RecordConnection(self.dispatcher)
        transport.protocol = connection
        self.transports.append(transport)
        connection.connection_made(transport)

    def due(self) -> int:
        return max(self.controller.count_due(self.now - START), self.dispatcher.head)

    def busy(self) -> list[RecordConnection]:
        return [t.protocol for t in self.transports if t.protocol and t.protocol.call is not None]

    def written(self) -> list[list[int]]:
        """Numbers by call, in order."""
        calls = [call for transport in self.transports for call in transport.written]
        return [[int(r.rstrip(b"x")) for r in call[5:].split(b",")] for call in calls]

    def report(self) -> None:
        self.dispatcher.absorb()
        tally = self.dispatcher.tally
        self.ledger.add(tally.ledger_delta(), self.due())
        counts, truth, errors = tally.take(0, 0)
        self.counts, self.truth = self.counts + counts, self.truth + truth
        for kind, number in errors.items():
            self.errors[kind] = self.errors.get(kind, 0) + number
        for kind, number in self.dispatcher.take_retried().items():
            self.retried[kind] = self.retried.get(kind, 0) + number
        self.receipts += sum(receipt.records for receipt in self.dispatcher.take_receipts())


class AnyCourse(RuleBasedStateMachine):
    """Clock, answers of every kind, closed connections, timeouts, a bounded queue."""

    harness: Harness

    @initialize(
        attempts=st.integers(1, 3),
        broken=st.booleans(),
        limit=st.sampled_from([1, 40, 5000]),
        large=st.sampled_from([0, 13]),
    )
    def start(self, attempts: int, broken: bool, limit: int, large: int) -> None:
        retry = RetryPolicy(max_attempts=attempts, on_broken_connection=broken, base_ms=20)
        self.harness = Harness(retry, limit, large)

    @rule()
    def absorb(self) -> None:
        self.harness.dispatcher.absorb()

    @rule(count=st.integers(1, 4))
    def connect(self, count: int) -> None:
        for _ in range(count):
            self.harness.connect()

    @rule(seconds=st.floats(0.0001, 0.6))
    def pass_time(self, seconds: float) -> None:
        self.harness.now += seconds
        self.harness.dispatcher.bound_queue(self.harness.due())
        self.harness.dispatcher.tick()
        self.harness.dispatcher.sweep_timeouts(1.0)

    @rule(
        pick=st.integers(0, 9),
        status=st.sampled_from([200, 200, 200, 400, 403, 500]),
        letters=st.lists(st.sampled_from([TAKEN, TAKEN, REFUSED]), min_size=1, max_size=7),
        close=st.booleans(),
        cut=st.integers(0, 90),
    )
    def reply(self, pick: int, status: int, letters: list[bytes], close: bool, cut: int) -> None:
        busy = self.harness.busy()
        if not busy:
            return
        connection = busy[pick % len(busy)]
        assert connection.call is not None
        count = len(connection.call.seqs)
        body = b"".join(letters * count)[:count]
        data = answer(status, body, b"Connection: close\r\n" if close else b"")
        cut = min(cut, len(data))
        for part in (data[:cut], data[cut:]):
            alive = any(t.protocol is connection for t in self.harness.transports)
            if part and alive:
                connection.data_received(part)

    @rule(pick=st.integers(0, 9), garbage=st.booleans())
    def break_off(self, pick: int, garbage: bool) -> None:
        open_ones = [t for t in self.harness.transports if t.protocol]
        if open_ones:
            transport = open_ones[pick % len(open_ones)]
            assert transport.protocol is not None
            if garbage:
                transport.protocol.data_received(b"SSH-2.0-x\r\n\r\n")
            if transport.protocol:
                transport.abort()

    @rule()
    def report(self) -> None:
        self.harness.report()

    @precondition(lambda self: self.harness.now < START + 3)
    @rule(pause_s=st.floats(0.01, 0.3))
    def pause(self, pause_s: float) -> None:
        at_s = self.harness.now - START
        self.harness.controller.pause(at_s)
        self.harness.controller.resume(at_s + pause_s)
        self.harness.dispatcher.redue()

    @invariant()
    def no_end_twice(self) -> None:
        if not hasattr(self, "harness"):
            return
        union = BitMap64()
        for end in self.harness.ledger.ends:
            assert not union & end
            union |= end

    def teardown(self) -> None:
        if not hasattr(self, "harness"):
            return
        harness = self.harness
        harness.dispatcher.give_up(harness.due(), "drain_ended")
        harness.report()
        due = harness.due()
        union = BitMap64()
        for end in harness.ledger.ends:
            union |= end
        assert union == BitMap64(range(due))
        assert harness.counts.resolved == due == harness.ledger.settled()
        assert harness.counts.errors == sum(harness.errors.values())
        assert harness.receipts == harness.counts.accepted
        edges = harness.truth.edge_cases.sum(axis=0)
        assert edges[0] == harness.counts.rejected_expected
        assert edges[1] == 0
        assert edges.sum() + harness.counts.not_sent >= due // 10
        self.check_calls()

    def check_calls(self) -> None:
        """No call is over its limits, unless it is of one record."""
        for transport in self.harness.transports:
            for call in transport.written:
                records = call[5:].split(b",")
                assert len(records) <= PlainCalls.limits.records
                large = any(len(r) > PlainCalls.limits.record_bytes for r in records)
                assert len(records) == 1 or (not large and len(call) - 5 <= PlainCalls.limits.bytes)


TestAnyCourse = AnyCourse.TestCase
TestAnyCourse.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def harness_with(attempts: int = 1, broken: bool = False) -> Harness:
    retry = RetryPolicy(max_attempts=attempts, base_ms=10, on_broken_connection=broken)
    harness = Harness(retry, 5000)
    harness.connect()
    return harness


def reply(harness: Harness, status: int, body: bytes) -> None:
    (connection,) = harness.busy()
    connection.data_received(answer(status, body))


def test_the_first_waits_for_company_and_no_longer() -> None:
    harness = harness_with()
    harness.now += 0.0049
    wake = harness.dispatcher.tick()
    assert harness.written() == []
    assert wake == START + harness.controller.due(np.array([0]))[0] + LINGER_S
    harness.now = wake
    harness.dispatcher.tick()
    assert harness.written() == [[0, 1, 2, 3, 4]]


def test_a_full_call_goes_at_once() -> None:
    harness = harness_with()
    harness.now += 1.0
    harness.dispatcher.tick()
    (call,) = harness.written()
    assert call == list(range(50))
    reply(harness, 200, TAKEN * 50)
    assert harness.written()[1] == list(range(50, 100))


def test_lateness_is_each_records_own() -> None:
    harness = harness_with()
    harness.now = START + 0.0102
    harness.dispatcher.tick()
    # 5 ms of the first's 10 were meant: waiting for company is not the worker's own lateness.
    assert 0.004 < harness.dispatcher.health.own_lateness_s_max < 0.0053
    harness.now += 0.02
    count = len(harness.written()[0])
    reply(harness, 200, TAKEN * count)
    harness.dispatcher.absorb()
    tally = harness.dispatcher.tally
    assert tally.lateness.total == count
    first, last = tally.lateness.percentile_us(100), tally.lateness.percentile_us(0)
    assert first is not None
    assert last is not None
    assert abs(first - last - 1_000 * (count - 1)) < 10
    assert tally.service.percentile_us(100) == 20_015


def test_refused_records_go_again_and_the_others_do_not() -> None:
    harness = harness_with(attempts=3)
    harness.now += 0.0100
    harness.dispatcher.tick()
    sent = harness.written()[0]
    reply(harness, 200, TAKEN * 3 + REFUSED * 2 + TAKEN * (len(sent) - 5))
    harness.controller.stop(harness.now - START)
    harness.dispatcher.redue()
    harness.now += 0.0101
    harness.dispatcher.tick()
    assert harness.written()[1] == [3, 4]
    reply(harness, 200, TAKEN * 2)
    harness.report()
    assert harness.counts.accepted == len(sent)
    assert harness.retried == {"slow_down": 2}
    assert harness.errors == {}


def test_refused_too_often_is_refused() -> None:
    harness = harness_with(attempts=2)
    harness.now += 0.0055
    harness.dispatcher.tick()
    count = len(harness.written()[0])
    reply(harness, 200, REFUSED * count)
    harness.controller.stop(harness.now - START)
    harness.dispatcher.redue()
    harness.now += 0.02
    harness.dispatcher.tick()
    reply(harness, 400, b"")
    harness.report()
    assert harness.counts.rejected == count
    assert harness.errors == {"throttled": count}


def test_a_refusal_after_a_broken_connection_leaves_the_end_unknown() -> None:
    harness = harness_with(attempts=2, broken=True)
    harness.now += 0.0055
    harness.dispatcher.tick()
    count = len(harness.written()[0])
    harness.controller.stop(harness.now - START)
    harness.dispatcher.redue()
    harness.transports[0].abort()
    harness.now += 0.02
    harness.connect()
    reply(harness, 403, b"")
    harness.report()
    assert harness.counts.indeterminate == count


def test_calibration_measures_a_rate() -> None:
    maker = BlockMaker(PlainSource(), PlainWriter(), calibration_schedule(), "plaintag", 0, 1)
    assert record_capacity_tps(maker, PlainCalls()) > 0
