"""What is due and not yet sent, taken many at a time, in order of sequence number.

The queue is implicit, as the dispatcher's of single requests: past its bound the newest are not
sent, and counted.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque

from squall.load_generator.engine.blocks import BLOCK_ROWS, BLOCK_SHIFT, BlockMaker
from squall.load_generator.engine.tally import Tally
from squall.load_generator.target_spec import CallLimits

Records = list[bytes | memoryview]


class SendQueue:
    """One worker's transactions that are not sent yet. Times are those of the clock."""

    def __init__(self, maker: BlockMaker, tally: Tally, limits: CallLimits, bound: int) -> None:
        self._maker = maker
        self._tally = tally
        self._limits = limits
        self._bound = bound
        self._start = math.inf
        self._refused: deque[tuple[int, int]] = deque()
        self.head = 0
        """Sequence number of the next transaction in order."""
        self.skipped = 0
        self._row = 0
        self._enter_block()

    def begin(self, start: float) -> None:
        """Load starts at ``start`` on the clock."""
        self._start = start

    @property
    def next_due(self) -> float:
        """When the next transaction in order is due."""
        return self._start + self._block.due[self._row]

    @property
    def ripe_at(self) -> float:
        """When a call should go: the first has waited long enough, or it is full."""
        first = self.next_due + self._limits.linger_s
        last = self._row + self._limits.records - 1
        if last < BLOCK_ROWS:
            return min(first, self._start + self._block.due[last])
        return first

    def take(self, now: float) -> Records:
        """The records of one call: all that is due and fits; none where none is."""
        records: Records = []
        room = self._limits.bytes
        while len(records) < self._limits.records:
            most = self._limits.records - len(records)
            if self._refused:
                most = min(most, self._refused[0][0] - self.head)
            rows = bisect_right(self._block.due, now - self._start, self._row) - self._row
            rows = self._fitting(min(rows, most), room, bool(records))
            if rows == 0:
                break
            taken = self._block.requests[self._row : self._row + rows]
            room -= sum(map(len, taken)) + rows
            records += taken
            self._advance(rows)
            if room < 0 or self.travels_alone(taken):
                break
        if self._refused:
            self._pass_refused()
        return records

    def _fitting(self, rows: int, room: int, company: bool) -> int:
        """How many of the next ``rows`` may join a call with ``room`` bytes left."""
        limits = self._limits
        if self._largest <= limits.record_bytes:
            fits = min(rows, room // (self._largest + 1))
            return fits or (0 if company else min(rows, 1))
        row = self._row
        for number, record in enumerate(self._block.requests[row : row + rows]):
            room -= len(record) + 1
            if len(record) > limits.record_bytes or room < 0:
                return number if number or company else 1
        return rows

    def _advance(self, rows: int) -> None:
        self.head += rows
        self._row += rows
        if self._row == BLOCK_ROWS:
            self._enter_block()

    def _enter_block(self) -> None:
        self._block = block = self._maker.take()
        self._tally.blocks[block.first_seq >> BLOCK_SHIFT] = block
        self._row = 0
        self._largest = max(map(len, block.requests))

    def travels_alone(self, records: Records) -> bool:
        """Whether these are one record that is too large for company."""
        return len(records) == 1 and len(records[0]) > self._limits.record_bytes

    def record(self, seq: int) -> bytes | memoryview:
        """The record of a transaction that was taken and is not settled."""
        block = self._tally.blocks[seq >> BLOCK_SHIFT]
        return block.requests[seq - block.first_seq]

    # The bound

    def depth(self, due: int) -> int:
        """Transactions that wait, where sequence numbers below ``due`` are due."""
        refused = sum(last - max(first, self.head) for first, last in self._refused)
        return max(0, due - self.head - refused)

    def bound(self, due: int) -> None:
        """Refuse the newest of those waiting when more than the bound wait."""
        waiting = self.depth(due)
        if waiting <= self._bound:
            return
        last = due
        first = last - (waiting - self._bound)
        if self._refused and self._refused[-1][1] >= first:
            first = self._refused.pop()[0]
        self._refused.append((max(first, self.head), last))
        self._pass_refused()

    def give_up(self, planned: int, kind: str) -> None:
        """All that is left of the first ``planned`` is not sent."""
        self._refused.clear()
        if self.head < planned:
            self._skip_to(planned, kind)

    def redue(self) -> None:
        """The controller has changed its mind: ask anew when what is not sent is due."""
        fresh = self._maker.due_times(self._block.indices[self._row :])
        self._block.redue(self._row, fresh)
        self._maker.redue()

    def _pass_refused(self) -> None:
        while self._refused and self._refused[0][0] <= self.head:
            _, last = self._refused.popleft()
            if last > self.head:
                self._skip_to(last, "queue_full")

    def _skip_to(self, last: int, kind: str) -> None:
        self._tally.not_sent(self.head, last, kind)
        self.skipped += last - self.head
        self.head = last
        if last >= self._block.first_seq + BLOCK_ROWS:
            self._maker.skip_to(last)
            self._enter_block()
            self._block.unresolved -= last - self._block.first_seq
        self._row = last - self._block.first_seq
