"""Requests made ahead of their time, in small blocks.

A worker's transactions are numbered 0, 1, 2 …; transaction ``seq`` of worker k of N is arrival
seq · N + k of the run. Block b holds the sequence numbers from b · 2048 on. Making a block takes
milliseconds, so it is done in many steps of about a tenth of one, between sends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.engine.truth_cells import classes_of, populations_of
from squall.load_generator.rate_controller import RateController
from squall.load_generator.target_spec import RequestWriter
from squall.models import Expected, TransactionBatch, TransactionSource, transaction_id

BLOCK_ROWS = 2048
BLOCK_SHIFT = 11
_WRITE_ROWS = 512
"""Requests written in one step."""


class Block:
    """2,048 requests with their intended times and ground truth, until all are resolved."""

    __slots__ = (
        "batch",
        "classes",
        "due",
        "due_s",
        "first_seq",
        "foreign",
        "ids",
        "indices",
        "populations",
        "requests",
        "unresolved",
    )

    def __init__(
        self,
        first_seq: int,
        batch: TransactionBatch,
        requests: list[bytes | memoryview],
        ids: list[str],
        due_s: NDArray[np.float64],
    ) -> None:
        self.first_seq = first_seq
        self.batch = batch
        self.indices = batch.index
        self.requests = requests
        self.ids = ids
        """Wire ids, to check answers by."""
        self.due_s = due_s
        """Intended sends, seconds from the run's start; infinite where it never comes."""
        self.due: list[float] = due_s.tolist()
        """The same, for the send path."""
        self.unresolved = len(requests)
        self.classes = classes_of(batch)
        """What each is, as ``truth_cells`` counts it."""
        self.populations = populations_of(self.classes)
        foreign = batch.wire_index != batch.index
        self.foreign = foreign if foreign.any() else None
        """Which bear another arrival's id (repeated ids); None: none."""

    def refusal_due(self, row: int) -> bool:
        """Whether this one ought to be refused."""
        return bool(self.batch.expected[row] in (Expected.REJECTED, Expected.CONFLICT))

    def redue(self, row: int, due_s: NDArray[np.float64]) -> None:
        """Take new intended sends for the rows from ``row`` on."""
        self.due_s[row:] = due_s
        self.due[row:] = due_s.tolist()


class BlockMaker:
    """Makes one worker's blocks in order, ahead of their use."""

    def __init__(
        self,
        source: TransactionSource,
        writer: RequestWriter,
        controller: RateController,
        run_tag: str,
        worker: int,
        workers: int,
        ahead: int = 4,
    ) -> None:
        self._source = source
        self._writer = writer
        self._controller = controller
        self._run_tag = run_tag
        self._worker = worker
        self._workers = workers
        self._ahead = ahead
        self._next_seq = 0
        self._making: Generator[None, None, Block] | None = None
        self.ready: deque[Block] = deque()

    @property
    def wants_work(self) -> bool:
        """Whether a step should be taken in the next idle moment."""
        return len(self.ready) < self._ahead

    def step(self) -> None:
        """Do about a tenth of a millisecond of work towards the next block."""
        if self._making is None:
            self._making = self._make(self._next_seq)
        try:
            next(self._making)
        except StopIteration as done:
            self.ready.append(done.value)
            self._next_seq += BLOCK_ROWS
            self._making = None

    def take(self) -> Block:
        """The next block, made now if it was not made ahead."""
        while not self.ready:
            self.step()
        return self.ready.popleft()

    def skip_to(self, seq: int) -> None:
        """Make nothing before the block that holds ``seq``: those will not be sent."""
        first = seq >> BLOCK_SHIFT << BLOCK_SHIFT
        while self.ready and self.ready[0].first_seq < first:
            self.ready.popleft()
        if self._next_seq < first:
            self._next_seq = first
            self._making = None

    def redue(self) -> None:
        """Ask the controller anew when the blocks made ahead are due."""
        self._making = None
        for block in self.ready:
            block.redue(0, self.due_times(block.indices))

    def due_times(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Intended sends of these arrivals under all controls so far."""
        return self._controller.due(indices)

    def indices(self, first_seq: int, count: int = BLOCK_ROWS) -> NDArray[np.int64]:
        """Arrival indices of ``count`` sequence numbers from ``first_seq`` on."""
        first = first_seq * self._workers + self._worker
        return np.arange(first, first + count * self._workers, self._workers, dtype=np.int64)

    def _make(self, first_seq: int) -> Generator[None, None, Block]:
        indices = self.indices(first_seq)
        due = self.due_times(indices)
        yield
        batch = yield from self._source.stages(indices)
        yield
        requests: list[bytes | memoryview] = []
        for low in range(0, BLOCK_ROWS, _WRITE_ROWS):
            requests += self._writer.write(batch.rows(low, low + _WRITE_ROWS))
            yield
        return Block(first_seq, batch, requests, _wire_ids(batch, self._run_tag), due)


def _wire_ids(batch: TransactionBatch, run_tag: str) -> list[str]:
    """The ids as they are on the wire; read off their column where there is one."""
    column = batch.columns.get("transaction_id")
    if column is None or not column.embeddable:
        return [transaction_id(run_tag, index) for index in batch.wire_index.tolist()]
    letters = column.json[:, 1:-1].astype(np.uint32)
    ids: list[str] = letters.view(f"U{letters.shape[1]}")[:, 0].tolist()
    return ids
