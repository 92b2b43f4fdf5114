"""Sends what is due on idle connections and settles every transaction exactly once.

The queue is implicit: transactions are sent in order of sequence number, and those that are due
but not yet sent are waiting. Nothing leaves it silently: past the bound the newest are not sent,
and counted.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from squall.load_generator.engine.answer import Answer
from squall.load_generator.engine.blocks import BLOCK_ROWS, BLOCK_SHIFT, Block, BlockMaker
from squall.load_generator.engine.connection import IDLE, Connection
from squall.load_generator.engine.heads import HeadMemo
from squall.load_generator.engine.retry_after import wait_s
from squall.load_generator.engine.tally import CompletionLog, Tally, Tries
from squall.load_generator.target_spec import NO_SCORE, AnswerReader, pack_end, score_bin
from squall.models import Decision, Outcome, RetryPolicy

LATE_S = 0.010
"""A send later than this although a connection was idle is the worker's own fault."""


@dataclass(slots=True)
class SendHealth:
    """How sending went since the last report."""

    own_lateness_s_max: float = 0.0
    own_late: int = 0
    pool_waits: int = 0


@dataclass(order=True, slots=True)
class _Retry:
    at_s: float
    seq: int
    block: Block = field(compare=False)
    row: int = field(compare=False)
    kind: str = field(compare=False)


class Dispatcher:
    """One worker's sending side.

    All times are those of ``clock`` (``time.monotonic``), on which ``start`` is the run's start;
    only blocks hold run seconds. ``wall_clock`` gives Unix seconds, for the dates that a target
    names. ``reconnect`` is called at a connection's end, to have another one made (True: at once).
    ``soon`` has something called when all that has arrived is read.
    """

    def __init__(
        self,
        maker: BlockMaker,
        reader: AnswerReader,
        retry: RetryPolicy,
        queue_limit: int,
        timeout_s: float,
        jitter: random.Random,
        clock: Callable[[], float],
        reconnect: Callable[[bool], None],
        soon: Callable[[Callable[[], None]], object],
        *,
        decides_later: bool = False,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.start = math.inf
        self.heads = HeadMemo()
        self.reader = reader
        self.log = CompletionLog()
        self.idle: deque[Connection] = deque()
        self.connections: set[Connection] = set()
        self.health = SendHealth()
        self.next_due = math.inf
        """When the next transaction in order is due."""
        self.tally = Tally(release=_forget, decides_later=decides_later)
        self._maker = maker
        self._retry = retry
        self._queue_limit = queue_limit
        self._timeout_s = timeout_s
        self._jitter = jitter
        self._wall_clock = wall_clock
        self._reconnect = reconnect
        self._soon = soon
        self._sending_soon = False
        self.starved = False
        """Whether something due waits because no connection is free."""
        self._refused_ranges: deque[tuple[int, int]] = deque()
        self._retries: list[_Retry] = []
        self._retried: Counter[str] = Counter()
        self._sweep: deque[Connection] = deque()
        self.head = 0
        """Sequence number of the next transaction in order."""
        self._row = 0
        self._skipped = 0
        self._repeats = 0
        self._enter_block()
        self.next_due = math.inf

    # Sending

    def begin(self, start: float) -> None:
        """Load starts at ``start`` on the clock."""
        self.start = start
        self.tally.start = start
        self.next_due = start + self._block.due[self._row]

    def send_next(self, connection: Connection, now: float) -> None:
        """Write the next transaction in order, or one due again, on a free connection."""
        if self._retries and self._retries[0].at_s <= now:
            self._send_again(connection, now)
            return
        row = self._row
        block = self._block
        connection.seq = self.head
        connection.block = block
        connection.row = row
        connection.sent = now
        connection.write(block.requests[row])
        if self.starved:
            self.health.pool_waits += 1
        self.head += 1
        row += 1
        self._row = row
        if row == BLOCK_ROWS:
            self._enter_block()
        else:
            self.next_due = self.start + block.due[row]
        if self._refused_ranges:
            self._pass_refused()

    def freed(self, connection: Connection, now: float) -> None:
        """A connection is free for another request.

        Where many wait for a connection, they are sent when all answers that have come are read.
        Requests written in a row find the target awake; written each after its answer, nearly
        every one has to wake it, which costs the writer a tenth of its time.
        """
        if self.next_due <= now and not self.starved:
            self.send_next(connection, now)
            return
        connection.seq = IDLE
        self.idle.append(connection)
        if self.starved and not self._sending_soon:
            self._sending_soon = True
            self._soon(self._send_waiting)

    def _send_waiting(self) -> None:
        self._sending_soon = False
        idle = self.idle
        now = self.clock()
        while idle and self.next_due <= now:
            self.send_next(idle.popleft(), now)
            now = self.clock()

    def tick(self) -> float:
        """Send all that is due and can be sent; returns when the next is due."""
        now = self.clock()
        idle = self.idle
        while idle and self._retries and self._retries[0].at_s <= now:
            self._send_again(idle.popleft(), now)
        if self.next_due <= now:
            while idle and self.next_due <= now:
                if not self.starved:
                    self._note_own_lateness(now - self.next_due)
                self.send_next(idle.popleft(), now)
                now = self.clock()
            self.starved = self.next_due <= now
        else:
            self.starved = False
        return self.next_due

    def _note_own_lateness(self, late_s: float) -> None:
        health = self.health
        health.own_lateness_s_max = max(health.own_lateness_s_max, late_s)
        if late_s > LATE_S:
            health.own_late += 1

    def _enter_block(self) -> None:
        self._block = block = self._maker.take()
        self.tally.blocks[block.first_seq >> BLOCK_SHIFT] = block
        self._row = 0
        self.next_due = self.start + block.due[0]

    def _send_again(self, connection: Connection, now: float) -> None:
        retry = heapq.heappop(self._retries)
        connection.seq = retry.seq
        connection.block = retry.block
        connection.row = retry.row
        connection.sent = now
        connection.write(retry.block.requests[retry.row])
        self._repeats += 1

    # The queue's bound

    def bound_queue(self, due: int) -> None:
        """Refuse the newest of those waiting when more than the limit wait.

        ``due``: sequence numbers below it are due by now.
        """
        waiting = self.queue_depth(due)
        if waiting <= self._queue_limit:
            return
        last = due
        first = last - (waiting - self._queue_limit)
        if self._refused_ranges and self._refused_ranges[-1][1] >= first:
            first = self._refused_ranges.pop()[0]
        self._refused_ranges.append((max(first, self.head), last))
        self._pass_refused()

    def queue_depth(self, due: int) -> int:
        """Transactions that are due and wait for a connection."""
        refused = sum(last - max(first, self.head) for first, last in self._refused_ranges)
        return max(0, due - self.head - refused)

    def _pass_refused(self) -> None:
        """Move past the refused ranges that the head has reached."""
        while self._refused_ranges and self._refused_ranges[0][0] <= self.head:
            _, last = self._refused_ranges.popleft()
            if last > self.head:
                self._skip_to(last, "queue_full")

    def _skip_to(self, last: int, kind: str) -> None:
        self.tally.not_sent(self.head, last, kind)
        self._skipped += last - self.head
        self.head = last
        if last >= self._block.first_seq + BLOCK_ROWS:
            self._maker.skip_to(last)
            self._enter_block()
            skipped_in_block = last - self._block.first_seq
            if skipped_in_block:
                self._block.unresolved -= skipped_in_block
        self._row = last - self._block.first_seq
        self.next_due = self.start + self._block.due[self._row]

    def redue(self) -> None:
        """The controller has changed its mind: ask anew when what is not sent is due."""
        fresh = self._maker.due_times(self._block.indices[self._row :])
        self._block.redue(self._row, fresh)
        self._maker.redue()
        self.next_due = self.start + self._block.due[self._row]

    # Answers and ends

    def answered(self, connection: Connection, answer: Answer) -> None:
        """A complete answer that the shortcut did not take."""
        now = self.clock()
        reading = self.reader.read(answer.status, answer.body)
        seq, block, row = connection.seq, connection.block, connection.row
        outcome, kind = reading.outcome, reading.kind
        if reading.wire_id is not None and reading.wire_id != block.ids[row]:
            outcome, kind = Outcome.INDETERMINATE, "wrong_id"
        again = answer.status in self._retry.statuses and outcome != Outcome.ACCEPTED
        if again and self._may_retry(seq):
            doubtful = outcome == Outcome.INDETERMINATE
            asked_s = wait_s(answer.retry_after, self._wall_clock())
            self._plan_retry(connection, now, kind, asked_s, doubtful)
        else:
            score = NO_SCORE if reading.score is None else score_bin(reading.score)
            self._settle(seq, block, row, connection.sent, outcome, kind, reading.decision, score)
        connection.seq = IDLE
        if answer.keep_alive:
            self.freed(connection, now)
        else:
            connection.close("closed_by_answer")

    def _may_retry(self, seq: int) -> bool:
        tries = self.tally.retried.get(seq)
        return (1 if tries is None else tries.attempts) < self._retry.max_attempts

    def _plan_retry(
        self, connection: Connection, now: float, kind: str, retry_after_s: float, doubtful: bool
    ) -> None:
        policy = self._retry
        tries = self.tally.retried.setdefault(connection.seq, Tries(connection.sent))
        tries.attempts += 1
        tries.doubtful |= doubtful
        self._retried[kind] += 1
        ceiling = min(policy.base_ms * 2 ** (tries.attempts - 2), policy.max_ms) / 1000
        wait = max(self._jitter.uniform(0, ceiling), min(retry_after_s, policy.max_ms / 1000))
        heapq.heappush(
            self._retries,
            _Retry(
                now + wait,
                connection.seq,
                connection.block,
                connection.row,
                kind,
            ),
        )

    def _settle(
        self,
        seq: int,
        block: Block,
        row: int,
        sent: float,
        outcome: Outcome,
        kind: str,
        decision: Decision = Decision.NONE,
        score: int = NO_SCORE,
    ) -> None:
        tries = self.tally.retried.get(seq)
        if outcome == Outcome.REJECTED and tries is not None and tries.doubtful:
            outcome = Outcome.INDETERMINATE  # a refusal says nothing of the attempts before it
        log = self.log
        at = log.rows
        log.seq[at] = seq
        log.sent_s[at] = sent
        log.done_s[at] = self.clock()
        log.end[at] = pack_end(outcome, decision, score)
        log.rows = at + 1
        as_due = outcome == Outcome.REJECTED and block.refusal_due(row)
        if outcome != Outcome.ACCEPTED and not as_due:
            self.tally.errors[kind] += 1
        if log.rows == len(log.seq):
            self.absorb()

    def absorb(self) -> None:
        """Count the completions logged so far."""
        self.tally.absorb(self.log)

    # Connections

    def connected(self, connection: Connection) -> None:
        """A connection is up and free."""
        self.connections.add(connection)
        self.freed(connection, self.clock())

    def disconnected(self, connection: Connection, kind: str) -> None:
        """A connection has ended; its request, if any, is settled or tried again."""
        self.connections.discard(connection)
        if connection.seq != IDLE:
            now = self.clock()
            if (
                self._retry.on_broken_connection
                and self._may_retry(connection.seq)
                and kind != "run_aborted"
            ):
                self._plan_retry(connection, now, kind, 0.0, doubtful=True)
            else:
                self._settle(
                    connection.seq,
                    connection.block,
                    connection.row,
                    connection.sent,
                    Outcome.INDETERMINATE,
                    kind,
                )
            connection.seq = IDLE
        elif connection in self.idle:
            self.idle.remove(connection)
        self._reconnect(kind == "closed_by_answer")

    def sweep_timeouts(self, share: float) -> None:
        """Break connections whose answer is overdue, looking at ``share`` of them this time."""
        if not self._sweep:
            self._sweep.extend(self.connections)
        overdue = self.clock() - self._timeout_s
        for _ in range(math.ceil(len(self.connections) * share)):
            if not self._sweep:
                return
            connection = self._sweep.pop()
            if connection.seq != IDLE and connection.sent < overdue:
                connection.close("timeout")

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        return sum(connection.seq != IDLE for connection in self.connections)

    @property
    def writes(self) -> int:
        """Requests written since the start."""
        return self.head - self._skipped + self._repeats

    @property
    def retries_waiting(self) -> int:
        """Transactions between two attempts."""
        return len(self._retries)

    def take_retried(self) -> Mapping[str, int]:
        """Attempts that were refused or failed and made again since the last call, by kind."""
        retried, self._retried = self._retried, Counter()
        return dict(retried)

    def give_up(self, planned: int, kind: str) -> None:
        """Settle everything that is left of the first ``planned`` transactions.

        Waiting ones are not sent; those between two attempts end as they were last refused; those
        in flight are indeterminate (their connections are broken).
        """
        self._refused_ranges.clear()
        if self.head < planned:
            self._skip_to(planned, "not_sent_" + kind)
        self.next_due = math.inf
        while self._retries:
            retry = self._retries.pop()
            sent = self.tally.retried[retry.seq].first_sent
            self._settle(retry.seq, retry.block, retry.row, sent, Outcome.REJECTED, retry.kind)
        for connection in list(self.connections):
            if connection.seq != IDLE:
                seq, sent = connection.seq, connection.sent
                self._settle(
                    seq, connection.block, connection.row, sent, Outcome.INDETERMINATE, kind
                )
                connection.seq = IDLE
            connection.close(kind)


def _forget(block: Block) -> None:
    """A block is resolved: let go of its requests and columns."""
    block.requests = []
