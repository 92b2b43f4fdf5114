"""Whatever happens to answers, connections and the clock, every transaction ends exactly once."""

import asyncio
import random
from collections.abc import Callable, Generator
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray
from pyroaring import BitMap64

from squall.load_generator.engine.blocks import BlockMaker
from squall.load_generator.engine.connection import IDLE, Connection
from squall.load_generator.engine.dispatcher import Dispatcher
from squall.load_generator.ledger import WorkerLedger
from squall.load_generator.profiles import build
from squall.load_generator.rate_controller import RateController
from squall.models import (
    ArrivalProcess,
    Column,
    Counts,
    Decision,
    Expected,
    Label,
    RetryPolicy,
    TransactionBatch,
    TransactionSource,
    Truth,
    run_stages,
)
from squall.models.load_spec import SustainedSpec
from squall.targets.answers import AnswerFormat, JsonAnswerReader
from squall.targets.template import JsonBody, TemplateWriter

RATE_TPS = 1000.0
DURATION_S = 4.0
UNIX_S = datetime(2026, 11, 6, 8, 49, 0, tzinfo=UTC).timestamp() - 1000.0
"""The wall clock less the harness's."""


class PlainSource:
    """Transactions with an id and nothing else; every tenth is an edge case due to be refused."""

    def stages(self, indices: NDArray[np.int64]) -> Generator[None, None, TransactionBatch]:
        yield
        count = len(indices)
        text = [b'"plaintag-%012d"' % index for index in indices.tolist()]
        matrix = np.array(text, dtype="S23").view(np.uint8).reshape(count, 23)
        edge = indices % 10 == 9
        zeros = np.zeros(count, np.uint8)
        return TransactionBatch(
            index=indices,
            wire_index=indices,
            columns={"transaction_id": Column(matrix, embeddable=True)},
            label=np.where(edge, Label.EDGE_CASE, Label.LEGITIMATE).astype(np.uint8),
            typology=zeros,
            edge_case=edge.astype(np.uint8),
            expected=np.where(edge, Expected.REJECTED, Expected.DECIDED).astype(np.uint8),
            amount_minor=np.full(count, 100, np.int64),
            value_usd=np.ones(count),
        )

    def batch(self, indices: NDArray[np.int64]) -> TransactionBatch:
        return run_stages(self, indices)


class Transport(asyncio.WriteTransport):
    """Remembers what was written; closing tells the protocol, as a loop would."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.protocol: Connection | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def abort(self) -> None:
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connection_lost(None)


def answer(status: int, wire_id: str, extra: bytes = b"") -> bytes:
    body = b'{"id":"%b","decision":"APPROVE"}' % wire_id.encode()
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, extra, len(body), body)


class Harness:
    """A dispatcher on a clock that the test moves."""

    def __init__(self, source: TransactionSource, retry: RetryPolicy, queue_limit: int) -> None:
        self.now = 1000.0
        self.controller = RateController(
            build(SustainedSpec(type="sustained", rate_tps=RATE_TPS, duration_s=DURATION_S), 0),
            ArrivalProcess.EVEN,
            0,
        )
        reader = JsonAnswerReader(
            AnswerFormat(id=("id",), decision=("decision",), words={"APPROVE": Decision.APPROVE})
        )
        writer = TemplateWriter([b"POST / HTTP/1.1\r\n"], JsonBody({"id": "${transaction_id}"}))
        maker = BlockMaker(source, writer, self.controller, "plaintag", 0, 1)
        self.reconnects = 0
        self.at_once = True
        self.waiting: list[Callable[[], None]] = []
        self.dispatcher = Dispatcher(
            maker,
            reader,
            retry,
            queue_limit,
            0.5,
            random.Random(1),
            lambda: self.now,
            self._again,
            self._soon,
            wall_clock=lambda: self.now + UNIX_S,
        )
        self.transports: list[Transport] = []
        self.ledger = WorkerLedger()
        self.counts = Counts()
        self.truth = Truth()
        self.errors: dict[str, int] = {}
        self.dispatcher.begin(self.now)

    def _again(self, at_once: bool) -> None:
        self.reconnects += 1

    def _soon(self, call: Callable[[], None]) -> None:
        self.waiting.append(call)
        if self.at_once:
            self.turn()

    def turn(self) -> None:
        """What a loop does when it has read all that has arrived."""
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            call()

    def connect(self) -> None:
        transport = Transport()
        connection = Connection(self.dispatcher)
        transport.protocol = connection
        connection.connection_made(transport)
        self.transports.append(transport)

    def due(self) -> int:
        return max(self.controller.count_due(self.now - 1000.0), self.dispatcher.head)

    def busy(self) -> list[Connection]:
        return [t.protocol for t in self.transports if t.protocol and t.protocol.seq != IDLE]

    def report(self) -> None:
        self.dispatcher.absorb()
        tally = self.dispatcher.tally
        self.ledger.add(tally.ledger_delta(), self.due())
        counts, truth, errors = tally.take(0, 0)
        self.counts, self.truth = self.counts + counts, self.truth + truth
        for kind, number in errors.items():
            self.errors[kind] = self.errors.get(kind, 0) + number


class AnyCourse(RuleBasedStateMachine):
    """Clock, answers of every kind, closed connections, timeouts, a bounded queue."""

    harness: Harness

    @initialize(
        attempts=st.integers(1, 3),
        broken=st.booleans(),
        limit=st.sampled_from([1, 40, 5000]),
        at_once=st.booleans(),
    )
    def start(self, attempts: int, broken: bool, limit: int, at_once: bool) -> None:
        retry = RetryPolicy(max_attempts=attempts, on_broken_connection=broken, base_ms=20)
        self.harness = Harness(PlainSource(), retry, limit)
        self.harness.at_once = at_once

    @rule()
    def turn(self) -> None:
        self.harness.turn()

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
        status=st.sampled_from([200, 200, 200, 422, 500, 503]),
        extra=st.sampled_from(
            [
                b"",
                b"Connection: close\r\n",
                b"Retry-After: 0\r\n",
                b"Retry-After: Fri, 06 Nov 2026 08:49:01 GMT\r\n",
                b"Retry-After: soon\r\n",
            ]
        ),
        cut=st.integers(0, 200),
    )
    def reply(self, pick: int, status: int, extra: bytes, cut: int) -> None:
        busy = self.harness.busy()
        if not busy:
            return
        connection = busy[pick % len(busy)]
        data = answer(status, connection.block.ids[connection.row], extra)
        cut = min(cut, len(data))
        transport = connection.transport
        for part in (data[:cut], data[cut:]):
            alive = any(t is transport and t.protocol for t in self.harness.transports)
            if part and alive:
                connection.data_received(part)

    @rule(pick=st.integers(0, 9), garbage=st.booleans())
    def break_off(self, pick: int, garbage: bool) -> None:
        open_ones = [t for t in self.harness.transports if t.protocol]
        if open_ones:
            transport = open_ones[pick % len(open_ones)]
            protocol = transport.protocol
            assert protocol is not None
            if garbage:
                protocol.data_received(b"SSH-2.0-x\r\n\r\n")
            if transport.protocol:
                transport.abort()

    @rule()
    def report(self) -> None:
        self.harness.report()

    @precondition(lambda self: self.harness.now < 1003)
    @rule(pause_s=st.floats(0.01, 0.3))
    def pause(self, pause_s: float) -> None:
        at_s = self.harness.now - 1000.0
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
        harness.turn()
        harness.report()
        due = harness.due()
        union = BitMap64()
        for end in harness.ledger.ends:
            union |= end
        assert union == BitMap64(range(due))
        assert harness.counts.resolved == due == harness.ledger.settled()
        assert harness.counts.errors == sum(harness.errors.values())
        decided = int(harness.truth.decisions.sum()) + int(harness.truth.edge_cases[:, 1].sum())
        assert decided == harness.counts.accepted


TestAnyCourse = AnyCourse.TestCase
TestAnyCourse.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_all_answers_are_read_before_the_next_requests_are_written() -> None:
    harness = Harness(PlainSource(), RetryPolicy(), 5000)
    harness.at_once = False
    for _ in range(3):
        harness.connect()
    harness.now += 1.0
    harness.dispatcher.tick()
    for connection in harness.busy():
        connection.data_received(answer(200, connection.block.ids[connection.row]))
    assert harness.busy() == []
    assert len(harness.waiting) == 1
    assert [len(transport.written) for transport in harness.transports] == [1, 1, 1]
    harness.now += 0.002
    harness.turn()
    assert [len(transport.written) for transport in harness.transports] == [2, 2, 2]
    assert [connection.sent for connection in harness.busy()] == [harness.now] * 3
    assert harness.dispatcher.head == 6


def test_a_connection_that_ends_before_the_next_write_is_not_written_to() -> None:
    harness = Harness(PlainSource(), RetryPolicy(), 5000)
    harness.at_once = False
    harness.connect()
    harness.now += 1.0
    harness.dispatcher.tick()
    (connection,) = harness.busy()
    connection.data_received(answer(200, connection.block.ids[connection.row]))
    harness.transports[0].abort()
    harness.turn()
    assert len(harness.transports[0].written) == 1
    assert (harness.dispatcher.head, harness.dispatcher.in_flight) == (1, 0)


@pytest.mark.parametrize("asked", [b"2", b"Fri, 06 Nov 2026 08:49:02 GMT"])
def test_a_refusal_is_tried_again_after_the_time_it_asks_for(asked: bytes) -> None:
    harness = Harness(PlainSource(), RetryPolicy(max_attempts=3, base_ms=1, max_ms=5000), 100)
    harness.connect()
    harness.now += 0.0001
    harness.dispatcher.tick()
    (connection,) = harness.busy()
    first = harness.transports[0].written[-1]
    connection.data_received(answer(503, "x", b"Retry-After: " + asked + b"\r\n"))
    harness.connect()
    harness.now += 1.9
    harness.dispatcher.tick()
    assert harness.transports[0].written.count(first) == 1
    harness.now += 0.2
    harness.connect()
    harness.dispatcher.tick()
    written = [data for t in harness.transports for data in t.written]
    assert written.count(first) == 2
    assert harness.dispatcher.take_retried() == {"http_503": 1}
    assert harness.dispatcher.take_retried() == {}


@pytest.mark.parametrize("asked", [b"Fri, 06 Nov 2026 08:48:00 GMT", b"tomorrow", b""])
def test_a_date_that_has_passed_and_nonsense_ask_for_nothing(asked: bytes) -> None:
    harness = Harness(PlainSource(), RetryPolicy(max_attempts=2, base_ms=1, max_ms=5000), 100)
    harness.connect()
    harness.now += 0.0001
    harness.dispatcher.tick()
    harness.busy()[0].data_received(answer(503, "x", b"Retry-After: " + asked + b"\r\n"))
    harness.now += 0.0011
    harness.dispatcher.tick()
    written = harness.transports[0].written
    assert written.count(written[0]) == 2


def test_a_date_means_the_same_moment_each_time_it_is_said() -> None:
    """A head that was seen before says when, not how long from then."""
    said = b"Retry-After: Fri, 06 Nov 2026 08:49:03 GMT\r\n"
    harness = Harness(PlainSource(), RetryPolicy(max_attempts=3, base_ms=1, max_ms=5000), 100)
    harness.connect()
    for seconds in (0.0001, 2.0):
        harness.now = 1000.0 + seconds
        harness.dispatcher.tick()
        harness.busy()[0].data_received(answer(503, "x", said))
    harness.now = 1002.9
    for _ in range(10):
        harness.connect()
    written = [data for t in harness.transports for data in t.written]
    assert len(written) == len(set(written))
    harness.now = 1003.01
    for _ in range(2):
        harness.connect()
    harness.dispatcher.tick()
    written = [data for t in harness.transports for data in t.written]
    assert sorted(written.count(data) for data in set(written))[-2:] == [2, 2]


def test_an_answer_to_another_id_is_not_taken() -> None:
    harness = Harness(PlainSource(), RetryPolicy(), 100)
    harness.connect()
    harness.now += 0.0001
    harness.dispatcher.tick()
    (connection,) = harness.busy()
    connection.data_received(answer(200, "plaintag-000000009999"))
    harness.report()
    assert harness.errors == {"wrong_id": 1}
    assert harness.counts.indeterminate == 1


def test_lateness_runs_from_the_intended_send() -> None:
    harness = Harness(PlainSource(), RetryPolicy(), 100)
    harness.now += 0.25
    harness.connect()
    (connection,) = harness.busy()
    harness.now += 0.05
    connection.data_received(answer(200, connection.block.ids[connection.row]))
    harness.dispatcher.absorb()
    tally = harness.dispatcher.tally
    lateness, service, response = (
        tally.lateness.percentile_us(100),
        tally.service.percentile_us(100),
        tally.response.percentile_us(100),
    )
    assert (lateness, service, response) == (250_111, 50_015, 300_031)


def test_a_refusal_after_a_doubtful_attempt_leaves_the_end_unknown() -> None:
    retry = RetryPolicy(max_attempts=2, base_ms=1, on_broken_connection=True)
    harness = Harness(PlainSource(), retry, 100)
    harness.connect()
    harness.now += 0.0001
    harness.dispatcher.tick()
    harness.transports[0].abort()
    harness.now += 0.01
    harness.connect()
    (connection,) = harness.busy()
    assert connection.seq == 0
    connection.data_received(answer(422, "x"))
    harness.report()
    assert harness.counts.indeterminate == 1
    assert harness.errors == {"http_422": 1}
