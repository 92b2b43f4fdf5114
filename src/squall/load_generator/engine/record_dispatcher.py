"""Sends what is due in calls of many records and settles every transaction exactly once.

A call goes when it is full or when its first transaction has waited for the linger. Lateness is
measured for every record from its own intended send, so the wait for company is in it; only what
comes on top of it is the worker's own lateness.
"""

from __future__ import annotations

import heapq
import math
import random
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from squall.load_generator.engine.answer import Answer
from squall.load_generator.engine.blocks import BLOCK_SHIFT, BlockMaker
from squall.load_generator.engine.dispatcher import LATE_S, SendHealth
from squall.load_generator.engine.record_connection import RecordCall, RecordConnection
from squall.load_generator.engine.send_queue import Records, SendQueue
from squall.load_generator.engine.tally import LOG_ROWS, CompletionLog, Tally, Tries
from squall.load_generator.target_spec import CallReading, RecordCalls, pack_end
from squall.models import Outcome, Receipt, RetryPolicy


@dataclass(order=True, slots=True)
class _Again:
    """Refused together, sent again together: one wait is drawn for all of them."""

    at_s: float
    first: int
    seqs: Sequence[int] = field(compare=False)
    kind: str = field(compare=False)


class RecordDispatcher:
    """One worker's sending side. All times are those of ``clock`` (``time.monotonic``).

    ``reconnect`` is called at a connection's end, to have another one made (True: at once).
    """

    def __init__(
        self,
        maker: BlockMaker,
        calls: RecordCalls,
        retry: RetryPolicy,
        queue_limit: int,
        timeout_s: float,
        jitter: random.Random,
        clock: Callable[[], float],
        reconnect: Callable[[bool], None],
    ) -> None:
        self.clock = clock
        self.start = math.inf
        self.log = CompletionLog()
        self.idle: deque[RecordConnection] = deque()
        """The last used is used first: services close connections that rest for seconds."""
        self.connections: set[RecordConnection] = set()
        self.health = SendHealth()
        self.tally = Tally(release=lambda block: block.requests.clear(), decides_later=True)
        self.starved = False
        """Whether a call that should go waits because no connection is free."""
        self._calls = calls
        self._limits = calls.limits
        self._queue = SendQueue(maker, self.tally, self._limits, queue_limit)
        self._retry = retry
        self._timeout_s = timeout_s
        self._jitter = jitter
        self._reconnect = reconnect
        self._again: list[_Again] = []
        self._repeats = 0
        self._retried: Counter[str] = Counter()
        self._receipts: dict[str, Receipt] = {}

    # Sending

    def begin(self, start: float) -> None:
        """Load starts at ``start`` on the clock."""
        self.start = start
        self.tally.start = start
        self._queue.begin(start)

    def tick(self) -> float:
        """Send the calls that should go and can; returns when the next should."""
        self._send(self.clock())
        ripe = self._queue.ripe_at
        return min(ripe, self._again[0].at_s) if self._again else ripe

    def _send(self, now: float) -> None:
        idle, queue = self.idle, self._queue
        while idle and self._again and self._again[0].at_s <= now:
            self._send_again(idle.pop(), now)
        while idle and (ripe := queue.ripe_at) <= now:
            first = queue.head
            records = queue.take(now)
            if not records:
                break
            if self.starved:
                self.health.pool_waits += len(records)
            else:
                self._note_own_lateness(now - ripe, len(records))
            self._write(idle.pop(), range(first, first + len(records)), records, now)
            now = self.clock()
        self.starved = not idle and queue.ripe_at <= now

    def _note_own_lateness(self, late_s: float, records: int) -> None:
        """A call went so long after it should have; for most of its records that is too much."""
        health = self.health
        health.own_lateness_s_max = max(health.own_lateness_s_max, late_s)
        if late_s > LATE_S:
            health.own_late += records

    def _send_again(self, connection: RecordConnection, now: float) -> None:
        seqs: list[int] = []
        records: Records = []
        room = self._limits.bytes
        while self._again and self._again[0].at_s <= now:
            more = [self._queue.record(seq) for seq in self._again[0].seqs]
            room -= sum(map(len, more)) + len(more)
            alone = self._queue.travels_alone(more)
            full = room < 0 or len(records) + len(more) > self._limits.records
            if records and (full or alone):
                break
            seqs += heapq.heappop(self._again).seqs
            records += more
            if alone:
                break
        self._repeats += len(seqs)
        self._write(connection, seqs, records, now)

    def _write(
        self, connection: RecordConnection, seqs: Sequence[int], records: Records, now: float
    ) -> None:
        connection.start(RecordCall(seqs, now), self._calls.request(records))

    # Answers and ends

    def answered(self, connection: RecordConnection, answer: Answer) -> None:
        """A complete answer to a call."""
        call, connection.call = connection.call, None
        assert call is not None
        now = self.clock()
        reading = self._calls.read(answer.status, answer.body, len(call.seqs))
        for receipt in reading.receipts:
            known = self._receipts.get(receipt.place)
            self._receipts[receipt.place] = receipt if known is None else known + receipt
        self._take_in(call, reading, now)
        if not answer.keep_alive:
            connection.close("closed_by_answer")
            return
        self.idle.append(connection)
        self._send(now)

    def _take_in(self, call: RecordCall, reading: CallReading, now: float) -> None:
        refused: defaultdict[str, list[int]] = defaultdict(list)
        seqs = call.seqs
        if reading.refused:
            for position, kind in reading.refused.items():
                refused[kind].append(seqs[position])
            seqs = [seq for at, seq in enumerate(seqs) if at not in reading.refused]
        if reading.outcome == Outcome.ACCEPTED:
            self._enter(seqs, call.sent, now, Outcome.ACCEPTED)
        else:
            self._try_again(seqs, call.sent, reading.outcome, reading.kind, reading.again)
        for kind, those in refused.items():
            self._try_again(those, call.sent, Outcome.REJECTED, kind, reading.again)

    def _try_again(
        self, seqs: Iterable[int], sent: float, outcome: Outcome, kind: str, again: bool
    ) -> None:
        """Plan another attempt for those that may have one; settle the others.

        What is in doubt is sent again only where the policy allows it.
        """
        doubtful = outcome == Outcome.INDETERMINATE
        again = again and (not doubtful or self._retry.on_broken_connection)
        waiting: defaultdict[int, list[int]] = defaultdict(list)
        for seq in seqs:
            tries = self.tally.retried.get(seq)
            attempts = 1 if tries is None else tries.attempts
            if not again or attempts >= self._retry.max_attempts:
                self._settle(seq, sent, outcome, kind)
                continue
            tries = self.tally.retried.setdefault(seq, Tries(sent))
            tries.attempts += 1
            tries.doubtful |= doubtful
            waiting[attempts].append(seq)
        now = self.clock()
        for attempts, those in waiting.items():
            ceiling = min(self._retry.base_ms * 2 ** (attempts - 1), self._retry.max_ms) / 1000
            at_s = now + self._jitter.uniform(0, ceiling)
            heapq.heappush(self._again, _Again(at_s, those[0], those, kind))
            self._retried[kind] += len(those)

    def _settle(self, seq: int, sent: float, outcome: Outcome, kind: str) -> None:
        tries = self.tally.retried.get(seq)
        if outcome == Outcome.REJECTED and tries is not None and tries.doubtful:
            outcome = Outcome.INDETERMINATE  # a refusal says nothing of the attempts before it
        block = self.tally.blocks[seq >> BLOCK_SHIFT]
        as_due = outcome == Outcome.REJECTED and block.refusal_due(seq - block.first_seq)
        if not as_due:
            self.tally.errors[kind] += 1
        self._enter((seq,), sent, self.clock(), outcome)

    def _enter(self, seqs: Sequence[int], sent: float, done: float, outcome: Outcome) -> None:
        """Log ends; all of one call, so of one time."""
        log, count = self.log, len(seqs)
        if log.rows + count > LOG_ROWS:
            self.absorb()
        at = slice(log.rows, log.rows + count)
        log.seq[at] = _packed(seqs)
        log.sent_s[at] = array("d", (sent,)) * count
        log.done_s[at] = array("d", (done,)) * count
        log.end[at] = array("q", (pack_end(outcome),)) * count
        log.rows += count

    def absorb(self) -> None:
        """Count the completions logged so far."""
        self.tally.absorb(self.log)

    # Connections

    def connected(self, connection: RecordConnection) -> None:
        """A connection is up and free."""
        self.connections.add(connection)
        self.idle.append(connection)
        self._send(self.clock())

    def disconnected(self, connection: RecordConnection, kind: str) -> None:
        """A connection has ended; the records of its call are settled or tried again."""
        self.connections.discard(connection)
        call, connection.call = connection.call, None
        if call is not None:
            again = kind != "run_aborted"
            self._try_again(call.seqs, call.sent, Outcome.INDETERMINATE, kind, again)
        elif connection in self.idle:
            self.idle.remove(connection)
        self._reconnect(kind == "closed_by_answer")

    def sweep_timeouts(self, share: float) -> None:
        """Break connections whose answer is overdue. All are looked at: they are few."""
        overdue = self.clock() - self._timeout_s
        for connection in list(self.connections):
            if connection.call is not None and connection.call.sent < overdue:
                connection.close("timeout")

    # What the session asks

    @property
    def head(self) -> int:
        """Sequence number of the next transaction in order."""
        return self._queue.head

    @property
    def in_flight(self) -> int:
        """Records that wait for an answer."""
        return sum(len(c.call.seqs) for c in self.connections if c.call is not None)

    @property
    def writes(self) -> int:
        """Records written since the start."""
        return self._queue.head - self._queue.skipped + self._repeats

    @property
    def retries_waiting(self) -> int:
        """Groups of records between two attempts."""
        return len(self._again)

    def redue(self) -> None:
        """The controller has changed its mind: ask anew when what is not sent is due."""
        self._queue.redue()

    def bound_queue(self, due: int) -> None:
        """Refuse the newest of those waiting when more than the limit wait."""
        self._queue.bound(due)

    def queue_depth(self, due: int) -> int:
        """Transactions that are due and wait for a connection or for company."""
        return self._queue.depth(due)

    def take_retried(self) -> Mapping[str, int]:
        """Attempts that were refused and made again since the last call, by kind."""
        retried, self._retried = self._retried, Counter()
        return dict(retried)

    def take_receipts(self) -> tuple[Receipt, ...]:
        """What was acknowledged since the last call, by place."""
        receipts, self._receipts = self._receipts, {}
        return tuple(receipts.values())

    def give_up(self, planned: int, kind: str) -> None:
        """Settle everything that is left of the first ``planned`` transactions.

        Waiting ones are not sent; those between two attempts end as they were last refused; those
        in flight are indeterminate (their connections are broken).
        """
        self._queue.give_up(planned, "not_sent_" + kind)
        for group in self._again:
            for seq in group.seqs:
                first_sent = self.tally.retried[seq].first_sent
                self._settle(seq, first_sent, Outcome.REJECTED, group.kind)
        self._again.clear()
        for connection in list(self.connections):
            call, connection.call = connection.call, None
            if call is not None:
                self._try_again(call.seqs, call.sent, Outcome.INDETERMINATE, kind, again=False)
            connection.close(kind)


def _packed(seqs: Sequence[int]) -> array[int]:
    """As the log takes them; runs of numbers by way of NumPy, which is ten times faster."""
    if not isinstance(seqs, range):
        return array("q", seqs)
    packed = array("q")
    packed.frombytes(np.arange(seqs.start, seqs.stop, dtype=np.int64).tobytes())
    return packed
