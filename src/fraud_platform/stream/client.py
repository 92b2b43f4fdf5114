"""The gateway's transactions on their way: into the stream, and back as decisions if waited for."""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import orjson

from fraud_platform.errors import StoreError
from fraud_platform.gateway.admission import Admission
from fraud_platform.gateway.asker import Asker
from fraud_platform.monitoring.histogram import Latencies
from fraud_platform.stream.adapters.streams import Stored
from fraud_platform.stream.decision import REFUSED, answer_in
from fraud_platform.stream.envelope import Arrival
from fraud_platform.stream.lanes import LanePutter
from fraud_platform.stream.refund_gate import Read, RefundGate
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.transaction import PURCHASE, REFUND, Transaction
from fraud_platform.wire.validation import Problem

log = logging.getLogger(__name__)

WAIT_LIMIT_S = 30.0
"""Longest that a request may wait for its decision."""
_SWEEP_S = 0.05
WAITING_LIMIT = 50_000
"""Requests that may wait for their decision; beyond, a request is answered when it is stored."""
_REFUNDS_TOGETHER_S = 0.01

Figures = Callable[[], Awaitable[dict[str, Any]]]


class PatientAsker:
    """An asker who waits for the decision for up to ``wait_s`` seconds."""

    __slots__ = ("_asker", "wait_s")

    def __init__(self, asker: Asker, wait_s: float) -> None:
        self._asker = asker
        self.wait_s = wait_s

    def answered(self, status: int, replay: bool, body: bytes) -> None:
        """Hand the answer on."""
        self._asker.answered(status, replay, body)


class _Ticket:
    """One transaction on its way."""

    __slots__ = (
        "admitted", "asker", "client", "deadline_s", "done", "since_s", "transaction", "where",
    )  # fmt: skip

    def __init__(
        self, client: StreamClient, transaction: Transaction, asker: Asker, now_s: float
    ) -> None:
        self.client = client
        self.transaction = transaction
        self.asker = asker
        self.since_s = now_s
        self.deadline_s = now_s + client.patience_of(asker)
        self.where: Stored | None = None
        self.admitted = True
        self.done = False

    @property
    def waits(self) -> bool:
        """Whether the decision is waited for."""
        return self.deadline_s > self.since_s

    def stored(self, where: Stored) -> None:
        self.where = where
        self.client.leave(self)
        if not self.waits or self.client.clock() >= self.deadline_s:
            self.client.finish(self, 202, False, _accepted(self.transaction, where))

    def failed(self, why: str) -> None:
        problem = Problem(
            "stream_unavailable", f"{why}; send it again: it is decided once at most", ""
        )
        self.client.finish(self, 503, False, error_body([problem]))


class Decided(NamedTuple):
    """A record of the decision stream, as far as a gateway needs it."""

    transaction_id: str
    digest: bytes
    replay: bool
    latency_s: float
    answer: bytes
    refusal: bytes | None
    """The answer where the transaction was refused."""


def read_decided(record: bytes) -> Decided | None:
    """Parse a record of the decision stream; None for what is not one."""
    try:
        document = orjson.loads(record)
        refusal = None
        if document["decision"] == REFUSED:
            refusal = orjson.dumps({"error": document["error"]})
        return Decided(
            document["transaction_id"],
            bytes.fromhex(document["digest"]),
            document["replay"],
            document["decided_s"] - document["arrived_s"],
            answer_in(record),
            refusal,
        )
    except (ValueError, KeyError, TypeError):
        return None


class StreamClient:
    """What the gateway's routes call: the stream's counterpart of ``CoreClient``."""

    def __init__(
        self,
        putter: LanePutter,
        admission: Admission,
        read: Read,
        figures: Figures,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.admission = admission
        self.latency = Latencies()
        self.latest: dict[str, Any] = {}
        self.decided = 0
        """Decisions seen on the stream, repeats aside."""
        self.late = 0
        """Waiting requests that were answered without their decision."""
        self.clock = clock
        self._putter = putter
        self._gate = RefundGate(read)
        self._figures = figures
        self._wall_clock = wall_clock
        self._loop = asyncio.get_running_loop()
        self._awaited: dict[str, list[_Ticket]] = {}
        self._deadlines: list[tuple[float, int, _Ticket]] = []
        self._order = 0
        self._refunds: list[_Ticket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        """Whether the stream takes transactions."""
        return not self._putter.failing

    @property
    def awaited(self) -> int:
        """Transactions whose decision a client waits for now."""
        return len(self._awaited)

    async def figures(self) -> dict[str, Any]:
        """The whole platform's figures; raises ``StoreError``."""
        self.latest = await self._figures()
        return self.latest

    def submit(self, transaction: Transaction, asker: Asker) -> Problem | None:
        """Put a transaction into the stream; the reason where it is not taken in."""
        now_s = self.clock()
        if not self.admission.admit(now_s):
            return Problem("overloaded", "too many transactions are waiting; try again", "")
        ticket = _Ticket(self, transaction, asker, now_s)
        if transaction.type == REFUND:
            self._check_later(ticket)
            return None
        if transaction.type == PURCHASE:
            self._gate.purchase(transaction)
        self._put(ticket)
        return None

    def patience_of(self, asker: Asker) -> float:
        """Seconds that this asker waits for a decision."""
        if len(self._awaited) >= WAITING_LIMIT:
            return 0.0
        return asker.wait_s if isinstance(asker, PatientAsker) else 0.0

    def finish(self, ticket: _Ticket, status: int, replay: bool, body: bytes) -> None:
        """Answer a ticket, once."""
        if ticket.done:
            return
        ticket.done = True
        if ticket.waits:
            self._forget(ticket)
        self.leave(ticket)
        self.latency.record(self.clock() - ticket.since_s)
        ticket.asker.answered(status, replay, body)

    def leave(self, ticket: _Ticket) -> None:
        """It is in the stream, or will not be: there is room for another."""
        if ticket.admitted:
            ticket.admitted = False
            self.admission.answered(1, self.clock())

    def take(self, decided: Sequence[Decided | None]) -> None:
        """Decisions have come by the decision stream."""
        for one in decided:
            if one is None:
                continue
            if not one.replay:
                self.decided += 1
            tickets = self._awaited.get(one.transaction_id)
            if tickets is not None:
                self._hand_out(one, list(tickets))

    def close(self) -> None:
        """Answer what is waiting as far as it has come."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for tickets in list(self._awaited.values()):
            for ticket in list(tickets):
                self._expire(ticket)

    # --- inside ---------------------------------------------------------------------------

    def _put(self, ticket: _Ticket) -> None:
        if ticket.waits:
            self._awaited.setdefault(ticket.transaction.transaction_id, []).append(ticket)
            self._order += 1
            heapq.heappush(self._deadlines, (ticket.deadline_s, self._order, ticket))
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)
        self._putter.add(Arrival(ticket.transaction, self._wall_clock()), ticket)

    def _hand_out(self, one: Decided, tickets: Sequence[_Ticket]) -> None:
        replay = one.replay
        for ticket in tickets:
            if ticket.transaction.digest != one.digest:
                problem = Problem(
                    "id_reused", "this id was used before with another content", "transaction_id"
                )
                self.finish(ticket, 409, False, error_body([problem]))
            elif one.refusal is not None:
                self.finish(ticket, 422, False, one.refusal)
            else:
                self.finish(ticket, 200, replay, one.answer)
                replay = True  # whoever else waits for this id repeated it

    def _sweep(self) -> None:
        self._sweeper = None
        now_s = self.clock()
        while self._deadlines and (self._deadlines[0][0] <= now_s or self._deadlines[0][2].done):
            ticket = heapq.heappop(self._deadlines)[2]
            if not ticket.done and ticket.where is not None:
                self._expire(ticket)  # what the stream does not have yet is answered when it has
        if self._deadlines:
            self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def _expire(self, ticket: _Ticket) -> None:
        self.late += 1
        if ticket.where is not None:
            self.finish(ticket, 202, False, _accepted(ticket.transaction, ticket.where))
        else:
            ticket.failed("the platform is shutting down")

    def _forget(self, ticket: _Ticket) -> None:
        name = ticket.transaction.transaction_id
        tickets = self._awaited.get(name)
        if tickets is not None and ticket in tickets:
            tickets.remove(ticket)
            if not tickets:
                del self._awaited[name]

    # --- refunds --------------------------------------------------------------------------

    def _check_later(self, ticket: _Ticket) -> None:
        self._refunds.append(ticket)
        if len(self._refunds) == 1:
            task = self._loop.create_task(self._check_refunds())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _check_refunds(self) -> None:
        await asyncio.sleep(_REFUNDS_TOGETHER_S)
        tickets, self._refunds = self._refunds, []
        try:
            problems = await self._gate.problems([ticket.transaction for ticket in tickets])
        except StoreError as error:
            body = error_body([Problem("store_unavailable", str(error), "")])
            for ticket in tickets:
                self.finish(ticket, 503, False, body)
            return
        for ticket, problem in zip(tickets, problems, strict=True):
            if problem is None:
                self._put(ticket)
            else:
                self.finish(ticket, 422, False, error_body([problem]))


def _accepted(t: Transaction, where: Stored) -> bytes:
    return orjson.dumps(
        {
            "transaction_id": t.transaction_id,
            "sequence_number": where.sequence_number,
            "shard_id": where.shard_id,
        }
    )
