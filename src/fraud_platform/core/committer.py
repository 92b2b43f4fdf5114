"""Group commit: everything decided meanwhile is stored in one transaction, then answered."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from fraud_platform.core.engine import Answer
from fraud_platform.core.inflight import InFlight
from fraud_platform.errors import StoreError
from fraud_platform.store.records import Record
from fraud_platform.store.writer import DecisionWriter
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.validation import Problem

log = logging.getLogger(__name__)

_BATCHES_WAITING = 8
"""Micro-batches that may wait; with more, deciding pauses until storing has caught up."""
_PROBE_S = 1.0
"""How often a store that failed is tried while nothing is to be stored: whoever looks at the
health first sends nothing until it is good."""


class Committer:
    """Stores records on a thread of its own and sends their answers."""

    def __init__(
        self,
        writer: DecisionWriter,
        in_flight: InFlight,
        send: Callable[[Sequence[Answer]], None],
        probe_s: float = _PROBE_S,
    ) -> None:
        self._writer = writer
        self._in_flight = in_flight
        self._send = send
        self._probe_s = probe_s
        self._queue: SimpleQueue[Sequence[Record] | None] = SimpleQueue()
        self._room = threading.Semaphore(_BATCHES_WAITING)
        self._thread = threading.Thread(target=self._work, name="storage", daemon=True)
        self.busy_s = 0.0
        """CPU seconds of the storage thread."""
        self.commits = 0
        self.failing = ""
        """Why the last commit failed; empty when it did not, or when the store works again."""
        self._thread.start()

    def commit(self, records: Sequence[Record]) -> None:
        """Hand over decided records; blocks while too much is waiting."""
        self._room.acquire()
        self._queue.put(records)

    def answer(self, answers: Sequence[Answer]) -> None:
        """Send answers that need no commit."""
        self._send(answers)

    def close(self) -> None:
        """Store what is waiting, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            self._keep_storing()
        except BaseException:
            # Nothing can be answered without storing: end the process, it will be started again.
            log.exception("the storage thread has failed")
            os._exit(4)

    def _keep_storing(self) -> None:
        while True:
            group, batches, last = self._next_group()
            if group:
                self._store(group)
            for _ in range(batches):
                self._room.release()
            self.busy_s = time.thread_time()
            if last:
                return

    def _next_group(self) -> tuple[list[Record], int, bool]:
        """Everything that is waiting, at least one micro-batch; whether it is the last."""
        group: list[Record] = []
        batches = 0
        records = self._first()
        while records is not None:
            group += records
            batches += 1
            try:
                records = self._queue.get_nowait()
            except Empty:
                return group, batches, False
        return group, batches, True

    def _first(self) -> Sequence[Record] | None:
        """The next micro-batch; tries a store that failed while there is none."""
        while self.failing:
            try:
                return self._queue.get(timeout=self._probe_s)
            except Empty:
                self._probe()
        return self._queue.get()

    def _probe(self) -> None:
        try:
            self._writer.probe()
        except StoreError as error:
            self.failing = str(error)
        else:
            self._recovered()

    def _recovered(self) -> None:
        if self.failing:
            log.warning("the decision store works again")
        self.failing = ""

    def _store(self, group: list[Record]) -> None:
        try:
            self._writer.append(group)
        except StoreError as error:
            self._give_up(group, str(error))
            return
        self._recovered()
        self.commits += 1
        answers: list[Answer] = []
        done = self._in_flight.committed(record.id for record in group)
        for record, pending in zip(group, done, strict=True):
            answers.append(Answer(pending.origin, 200, False, record.answer))
            for waiter in pending.waiters:
                answers.append(Answer(waiter, 200, True, record.answer))
        self._send(answers)

    def _give_up(self, group: list[Record], why: str) -> None:
        if not self.failing:
            log.error("%s; transactions are answered with 503 until it works again", why)
        self.failing = why
        body = error_body([Problem("store_unavailable", why, "")])
        answers = [
            Answer(origin, 503, False, body)
            for pending in self._in_flight.dropped(record.id for record in group)
            for origin in (pending.origin, *pending.waiters)
        ]
        self._send(answers)
