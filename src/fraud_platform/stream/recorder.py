"""Exactly one decision per transaction, whatever is retried.

Decisions are inserted a hundred at a time in transactions that hold only where no id has one. A
transaction that is refused names the ids that do: those have their decision, which stands, and the
rest is tried again. Whoever repeats a batch therefore finds the recorded decisions and can only
repeat them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait

from fraud_platform.stream.backoff import Backoff, Patience, Waiter
from fraud_platform.stream.decision import Decision, Outcome
from fraud_platform.stream.ports import DecisionTable, Entry, Missed

CHUNK = 100
"""Most actions in one transaction of DynamoDB."""


class Recorder:
    """Records decisions through a table; ``pool`` runs chunks at the same time."""

    def __init__(
        self,
        table: DecisionTable,
        pool: Executor,
        patience: Patience,
        chance: random.Random,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._pool = pool
        self._waiter = Waiter(patience, chance, backoff, sleep)
        self.transactions = 0
        """Transactions of the table that were tried."""
        self.cancelled = 0

    def record(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Outcomes in the order of the decisions; ids must differ. Raises ``StoreError``."""
        chunks = [decisions[at : at + CHUNK] for at in range(0, len(decisions), CHUNK)]
        under_way = [self._pool.submit(self._chunk, chunk) for chunk in chunks]
        wait(under_way)  # all of it, or its repetition would meet what is left of it
        return [outcome for part in under_way for outcome in part.result()]

    def record_claiming(self, entries: Sequence[Entry]) -> list[Outcome | None]:
        """Outcomes of entries with claims on different purchases; None where a claim is lost.

        At most ``CHUNK / 2``, because a claim is an action too. Raises ``StoreError``.
        """
        settled = self._record(list(entries))
        return [settled.get(entry.decision.transaction_id) for entry in entries]

    def _chunk(self, decisions: Sequence[Decision]) -> list[Outcome]:
        settled = self._record([Entry(decision) for decision in decisions])
        return [settled[decision.transaction_id] for decision in decisions]

    def _record(self, left: list[Entry]) -> dict[str, Outcome]:
        settled: dict[str, Outcome] = {}
        failures = 0
        while left:
            self.transactions += 1
            clashes = self._table.insert(left)
            if not clashes:
                settled.update((e.decision.transaction_id, Outcome(e.decision)) for e in left)
                break
            self.cancelled += 1
            again: list[Entry] = []
            for entry, clash in zip(left, clashes, strict=True):
                if isinstance(clash, Decision):
                    settled[clash.transaction_id] = judge_clash(entry.decision, clash)
                elif clash is not Missed.CLAIM_LOST:
                    again.append(entry)
            if len(again) == len(left):
                failures += 1
                self._waiter.wait(failures, "the decision table is contended")
            left = again
        return settled


def judge_clash(ours: Decision, recorded: Decision) -> Outcome:
    """What a decision turns into where its id has one: ours after all, a repeat or a conflict."""
    if recorded.digest != ours.digest:
        return Outcome(recorded, replay=True, conflict=ours.digest)
    return Outcome(recorded, replay=recorded.writer != ours.writer)
