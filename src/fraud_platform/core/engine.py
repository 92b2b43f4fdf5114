"""Deciding: from arrivals to records, one micro-batch after the other, on one thread.

Idempotency and refund checks, then features, the agents' votes, the coordinator, and the answers.
What is decided goes to the committer; nothing is answered with a decision before it is stored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.evidence import Evidence
from fraud_platform.agents.panel import Panel
from fraud_platform.core.inflight import InFlight, Origin, Pending
from fraud_platform.core.refunds import refund_problem
from fraud_platform.core.verdicts import VerdictWriter
from fraud_platform.errors import StoreError
from fraud_platform.state.features import FeatureExtractor
from fraud_platform.store.reader import DecisionReader
from fraud_platform.store.records import Record
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.transaction import REFUND, Transaction
from fraud_platform.wire.validation import Problem

log = logging.getLogger(__name__)

Arrival = tuple[Origin, Transaction]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer on its way to a gateway."""

    origin: Origin
    status: int
    replay: bool
    body: bytes


class Sink(Protocol):
    """Where decided records and immediate answers go."""

    def commit(self, records: Sequence[Record]) -> None:
        """Store these, then answer. May block while storing is behind."""
        ...

    def answer(self, answers: Sequence[Answer]) -> None:
        """Answer now."""
        ...


@dataclass(slots=True)
class StageTimes:
    """Busy seconds of the deciding thread, by stage, since the start."""

    intake: float = 0.0
    features: float = 0.0
    agents: float = 0.0
    answers: float = 0.0
    batches: int = 0
    replays: int = field(default=0)
    conflicts: int = field(default=0)


class DecisionEngine:
    """Decides arrivals; owned by one thread."""

    def __init__(
        self,
        extractor: FeatureExtractor,
        panel: Panel,
        coordinator: Coordinator,
        in_flight: InFlight,
        store: DecisionReader,
        sink: Sink,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.extractor = extractor
        self.panel = panel
        self.coordinator = coordinator
        self.in_flight = in_flight
        self.times = StageTimes()
        self._store = store
        self._sink = sink
        self._clock = clock
        self._writer = VerdictWriter([runner.agent.name for runner in panel.runners])

    def decide(self, arrivals: Sequence[Arrival]) -> None:
        """Decide a micro-batch of arrivals, in their order."""
        clock, times = self._clock, self.times
        begun = clock()
        fresh = self._intake(arrivals)
        times.intake += clock() - begun
        if not fresh:
            return
        try:
            records = self._judge([pending.transaction for pending in fresh])
        except Exception:  # whatever is wrong with this batch, the next one is decided
            log.exception("%d transactions could not be decided", len(fresh))
            self._give_up(fresh)
            return
        self._sink.commit(records)

    def _judge(self, transactions: list[Transaction]) -> list[Record]:
        """Features, votes, decisions and answers."""
        clock, times = self._clock, self.times
        begun = clock()
        evidence = Evidence(transactions, self.extractor.observe(transactions))
        observed_at = clock()
        times.features += observed_at - begun
        votes = self.panel.vote(evidence)
        settled = self.coordinator.settle(votes, len(evidence))
        settled_at = clock()
        times.agents += settled_at - observed_at
        records = self._writer.write(evidence, votes, settled)
        times.answers += clock() - settled_at
        times.batches += 1
        return records

    def _give_up(self, fresh: Sequence[Pending]) -> None:
        body = error_body([Problem("decision_failed", "it could not be decided; see the log", "")])
        dropped = self.in_flight.dropped(pending.transaction.transaction_id for pending in fresh)
        self._sink.answer(
            [
                Answer(origin, 503, False, body)
                for pending in dropped
                for origin in (pending.origin, *pending.waiters)
            ]
        )

    def _intake(self, arrivals: Sequence[Arrival]) -> list[Pending]:
        """What is to be decided; everything else is answered, or waits for its first one."""
        groups = self.in_flight.sort(arrivals)
        fresh, conflicts = groups.fresh, groups.conflicts
        answers: list[Answer] = []
        if groups.decided_before:
            unknown = [
                arrival for arrival in groups.decided_before if not self._repeated(arrival, answers)
            ]
            new = self.in_flight.sort(unknown, looked_up=True)
            fresh += new.fresh
            conflicts += new.conflicts
        self.times.conflicts += len(conflicts)
        answers += [_conflict(origin) for origin in conflicts]
        kept = [pending for pending in fresh if self._acceptable(pending, answers)]
        if answers:
            self._sink.answer(answers)
        return kept

    def _repeated(self, arrival: Arrival, answers: list[Answer]) -> bool:
        """Answer a repeated id from the store; False if it was never decided."""
        origin, transaction = arrival
        try:
            stored = self._store.stored(transaction.transaction_id)
        except StoreError as error:
            answers.append(_unavailable(origin, error))
            return True
        if stored is None:
            return False
        if stored.digest == transaction.digest:
            self.times.replays += 1
            answers.append(Answer(origin, 200, True, stored.answer))
        else:
            self.times.conflicts += 1
            answers.append(_conflict(origin))
        return True

    def _acceptable(self, pending: Pending, answers: list[Answer]) -> bool:
        """Whether it can be decided; a refund needs its purchase."""
        transaction = pending.transaction
        if transaction.type != REFUND:
            return True
        try:
            problem = refund_problem(transaction, self.in_flight, self._store)
        except StoreError as error:
            refusal = _unavailable(pending.origin, error)
        else:
            if problem is None:
                self.in_flight.accept_refund(transaction)
                return True
            refusal = Answer(pending.origin, 422, False, error_body([problem]))
        for dropped in self.in_flight.dropped([transaction.transaction_id]):
            for origin in (dropped.origin, *dropped.waiters):
                answers.append(Answer(origin, refusal.status, False, refusal.body))
        return False


def _conflict(origin: Origin) -> Answer:
    problem = Problem("id_reused", "this id was used before with another content", "transaction_id")
    return Answer(origin, 409, False, error_body([problem]))


def _unavailable(origin: Origin, error: StoreError) -> Answer:
    return Answer(origin, 503, False, error_body([Problem("store_unavailable", str(error), "")]))
