"""One batch of a shard, from records to recorded and published decisions.

The order of effects makes repeats harmless: decisions are recorded first (``recorder``), then
audited and published, then profiles are stored. Wherever a batch breaks off, its repetition finds
the recorded decisions, repeats them outwards with a flag, and brings the profiles up to date.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fraud_platform.stream.audit import AuditTrail
from fraud_platform.stream.batch_sorting import Sorting
from fraud_platform.stream.customers import Customers
from fraud_platform.stream.decision import (
    REFUSED,
    Decision,
    Origin,
    Outcome,
    decision_of,
    invalid_of,
    refusal_of,
)
from fraud_platform.stream.envelope import Arrival, Invalid, RecordReader, Unreadable
from fraud_platform.stream.judge import Judge
from fraud_platform.stream.letters import ReadRecord, letter_of_conflict, letter_of_unreadable
from fraud_platform.stream.ports import (
    Claim,
    DeadLetters,
    DecisionStream,
    DecisionTable,
    Entry,
)
from fraud_platform.stream.recorder import Recorder
from fraud_platform.stream.refunds import RefundDesk
from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import Problem

_RECENT = 50_000
"""Outcomes that are remembered, so that a repetition is answered without asking the table."""


class ShardRecord(NamedTuple):
    """One record as it was read from a shard. ``stored_s``: when the stream took it."""

    data: bytes
    partition_key: str
    sequence: int
    stored_s: float


class Incoming(NamedTuple):
    """One transaction of a batch."""

    transaction: Transaction
    origin: Origin
    territory: str


class _Batch(NamedTuple):
    """A batch, read."""

    incoming: list[Incoming]
    invalid: list[tuple[ShardRecord, Invalid]]
    unreadable: list[tuple[ShardRecord, Unreadable]]


@dataclass(slots=True)
class ProcessorCounters:
    """What has been done since the start."""

    batches: int = 0
    records: int = 0
    decided: int = 0
    replays: int = 0
    conflicts: int = 0
    refused: int = 0
    unreadable: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    """Wall seconds by stage."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The ports that a processor writes to."""

    table: DecisionTable
    stream: DecisionStream
    audit: AuditTrail
    dead_letters: DeadLetters


class Processor:
    """Decides batches; one thread at a time."""

    def __init__(
        self,
        name: str,
        reader: RecordReader,
        judge: Judge,
        customers: Customers,
        recorder: Recorder,
        outside: Outside,
        pool: Executor,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.name = name
        self.judge = judge
        self.counters = ProcessorCounters()
        self._reader = reader
        self._customers = customers
        self._recorder = recorder
        self._refunds = RefundDesk(outside.table, recorder)
        self._outside = outside
        self._pool = pool
        self._wall_clock = wall_clock
        self._clock = clock
        self._sorting = Sorting(_RECENT)
        self._batch = 0

    def process(self, shard: str, records: Sequence[ShardRecord]) -> list[Outcome]:
        """Decide a batch; raises ``StoreError`` where it must be tried again."""
        self._batch += 1
        mark = self._clock()
        read = self._read(shard, records)
        self._stage("read", mark)
        outcomes = [*self._decide(read.incoming), *self._refuse(shard, read.invalid)]
        # From here on these are repeats, even if the batch breaks off before they are published:
        # an id has at most one record without the flag.
        self._sorting.settle(outcomes)
        mark = self._clock()
        letters = [
            letter_of_unreadable(
                ReadRecord(shard, record.sequence, record.partition_key, record.data), what
            )
            for record, what in read.unreadable
        ]
        letters += [letter_of_conflict(o) for o in outcomes if o.conflict is not None]
        users = dict.fromkeys(i.transaction.user for i in read.incoming)
        work: list[Callable[[], Any]] = [lambda: self._customers.store(users)]
        if outcomes:
            work.append(lambda: self._outside.stream.publish(outcomes))
            work.append(lambda: self._outside.audit.append(shard, outcomes, self._wall_clock()))
        if letters:
            work.append(lambda: self._outside.dead_letters.send(letters))
        under_way = [self._pool.submit(one) for one in work]
        wait(under_way)  # all of it, or its repetition would meet what is left of it
        for done in under_way:
            done.result()
        self._stage("outside", mark)
        self._count(records, outcomes, len(read.unreadable))
        return outcomes

    # --- in -------------------------------------------------------------------------------

    def _read(self, shard: str, records: Sequence[ShardRecord]) -> _Batch:
        batch = _Batch([], [], [])
        for record in records:
            read = self._reader.read(record.data, record.stored_s)
            if isinstance(read, Unreadable):
                batch.unreadable.append((record, read))
            elif isinstance(read, Invalid):
                batch.invalid.append((record, read))
            else:
                territory = record.partition_key if record.data[:1] == b"x" else shard
                batch.incoming.extend(
                    Incoming(a.transaction, Origin(a.arrived_s, shard, record.sequence), territory)
                    for a in read
                )
        return batch

    def _refuse(self, shard: str, invalid: Sequence[tuple[ShardRecord, Invalid]]) -> list[Outcome]:
        """Record what is no valid transaction and says which one it is, once each."""
        now_s, writer = self._wall_clock(), f"{self.name}/{self._batch}"
        outcomes: list[Outcome] = []
        for record, one in invalid:
            origin = Origin(one.arrived_s, shard, record.sequence)
            outcomes += self._recorder.record([invalid_of(one, origin, now_s, writer)])
        return outcomes

    def decide_directly(self, arrivals: Iterable[Arrival]) -> list[Outcome]:
        """Decide transactions that came by no stream (a direct invocation)."""
        arrivals = list(arrivals)
        if not arrivals:
            return []
        self._batch += 1
        sequence = time.time_ns()
        incoming = [
            Incoming(a.transaction, Origin(a.arrived_s, "direct", sequence), "direct")
            for a in arrivals
        ]
        outcomes = self._decide(incoming)
        self._sorting.settle(outcomes)
        self._outside.stream.publish(outcomes)
        self._customers.store(i.transaction.user for i in incoming)
        self._outside.audit.append("direct", outcomes, self._wall_clock())
        self._count((), outcomes, 0)
        return outcomes

    # --- decisions ------------------------------------------------------------------------

    def _decide(self, incoming: Sequence[Incoming]) -> list[Outcome]:
        """The outcomes of a batch, one for every arrival."""
        mark = self._clock()
        territories = {i.transaction.user: i.territory for i in incoming}
        self._customers.bring(territories)
        mark = self._stage("profiles", mark)
        customers = self._customers
        groups = self._sorting.sort(incoming, customers.applied, customers.remembers)
        if groups.maybe_recorded:
            ids = {i.transaction.transaction_id for i in groups.maybe_recorded}
            recorded = self._outside.table.read(ids)
            self._sorting.resolve(groups, recorded)
        claims = self._refunds.check([i.transaction for i in groups.fresh])
        judged = self._judge(groups.fresh, claims)
        mark = self._stage("judged", mark)
        outcomes = self._record(judged, claims)
        self._unlearn_repeats(groups.fresh, claims, outcomes)
        self._customers.decided(outcomes)
        late = self._sorting.answer_repeats(groups, outcomes)
        self._stage("recorded", mark)
        return [*groups.outcomes, *outcomes, *late]

    def _judge(
        self, fresh: Sequence[Incoming], claims: Mapping[str, Claim | Problem]
    ) -> list[Decision]:
        """Decisions on what is new; what was judged before and not recorded is taken as it was.

        Its customer's profile may have been loaded anew since: then it is learnt again.
        """
        decisions: dict[str, Decision] = {}
        new: list[Incoming] = []
        forgotten: list[Incoming] = []
        writer = f"{self.name}/{self._batch}"
        now_s = self._wall_clock()
        for i in fresh:
            t = i.transaction
            problem = claims.get(t.transaction_id)
            earlier = self._sorting.judged_before(t)
            if isinstance(problem, Problem):
                decisions[t.transaction_id] = refusal_of(t, problem, i.origin, now_s, writer)
            elif earlier is not None:
                decisions[t.transaction_id] = earlier
                if not self._customers.remembers(t):
                    forgotten.append(i)
            else:
                new.append(i)
        self._customers.learn(forgotten)
        try:
            records = self.judge.judge([i.transaction for i in new])
        except BaseException:
            self._customers.drop(i.transaction.user for i in new)
            raise
        now_s = self._wall_clock()
        for i, record in zip(new, records, strict=True):
            decisions[record.id] = decision_of(record, i.origin, now_s, writer)
        self._customers.observed(new)
        self._sorting.keep(decisions[i.transaction.transaction_id] for i in new)
        return [decisions[i.transaction.transaction_id] for i in fresh]

    def _unlearn_repeats(
        self,
        fresh: Sequence[Incoming],
        claims: Mapping[str, Claim | Problem],
        outcomes: Sequence[Outcome],
    ) -> None:
        """What was recorded from another record is in its customer's profile: it counts once.

        (What was recorded from this very record is not: then somebody broke off behind it.)
        """
        recorded = {o.decision.transaction_id: o.decision for o in outcomes if o.replay}
        if not recorded:
            return
        repeats = set()
        for i in fresh:
            earlier = recorded.get(i.transaction.transaction_id)
            if earlier is not None and (earlier.shard, earlier.sequence) != i.origin[1:]:
                repeats.add(i.transaction.transaction_id)
        if not repeats:
            return
        users = {
            i.transaction.user: i.territory
            for i in fresh
            if i.transaction.transaction_id in repeats
        }
        learnt = [
            i
            for i in fresh
            if i.transaction.user in users
            and i.transaction.transaction_id not in repeats
            and not isinstance(claims.get(i.transaction.transaction_id), Problem)
        ]
        self._customers.relearn(users, learnt)

    def _record(
        self, decisions: Sequence[Decision], claims: Mapping[str, Claim | Problem]
    ) -> list[Outcome]:
        plain: list[Decision] = []
        claiming: list[Entry] = []
        for decision in decisions:
            claim = claims.get(decision.transaction_id)
            if isinstance(claim, Claim):
                claiming.append(Entry(decision, claim))
            else:
                plain.append(decision)
        # Purchases first: a claim in the same step as its purchase is one too many for it.
        return [*self._recorder.record(plain), *self._refunds.record(claiming)]

    # --- counting -------------------------------------------------------------------------

    def _stage(self, name: str, since: float) -> float:
        now = self._clock()
        stages = self.counters.stages
        stages[name] = stages.get(name, 0.0) + now - since
        return now

    def _count(
        self, records: Sequence[ShardRecord], outcomes: Sequence[Outcome], unreadable: int
    ) -> None:
        counters = self.counters
        counters.batches += 1
        counters.records += len(records)
        counters.unreadable += unreadable
        for outcome in outcomes:
            if outcome.conflict is not None:
                counters.conflicts += 1
            elif outcome.replay:
                counters.replays += 1
            elif outcome.decision.decision == REFUSED:
                counters.refused += 1
            else:
                counters.decided += 1
