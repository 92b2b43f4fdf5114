"""From transactions to decisions: features, agents, coordinator, and the second looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.evidence import Evidence
from fraud_platform.agents.panel import Panel
from fraud_platform.core.verdicts import VerdictWriter
from fraud_platform.store.records import Record
from fraud_platform.stream.memory import StreamMemory
from fraud_platform.stream.ports import CaseReview, ExternalEvidence
from fraud_platform.wire.transaction import Transaction

MICRO_BATCH = 1_024
"""Most transactions that the agents are given at once."""


@dataclass(slots=True)
class JudgeTimes:
    """Busy seconds since the start, by stage."""

    features: float = 0.0
    agents: float = 0.0
    external: float = 0.0
    reasoning: float = 0.0
    answers: float = 0.0
    batches: int = 0


class Judge:
    """Decides transactions of settled customers; one thread at a time."""

    def __init__(
        self,
        memory: StreamMemory,
        panel: Panel,
        coordinator: Coordinator,
        external: ExternalEvidence | None = None,
        review: CaseReview | None = None,
        second_look_s: float = 2.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.memory = memory
        self.panel = panel
        self.coordinator = coordinator
        self.external = external
        self.review = review
        self.times = JudgeTimes()
        self._second_look_s = second_look_s
        self._clock = clock
        self._writer = VerdictWriter([runner.agent.name for runner in panel.runners])

    def judge(self, transactions: Sequence[Transaction]) -> list[Record]:
        """One record per transaction, in order; the memory has seen them afterwards."""
        records: list[Record] = []
        for start in range(0, len(transactions), MICRO_BATCH):
            records += self._judge(transactions[start : start + MICRO_BATCH])
        return records

    def observe(self, transactions: Sequence[Transaction]) -> None:
        """Remember transactions that were decided before."""
        if transactions:
            self.memory.observe(transactions)

    def close(self) -> None:
        """End all threads."""
        self.panel.close()
        for part in (self.external, self.review):
            if part is not None:
                part.close()

    def _judge(self, transactions: Sequence[Transaction]) -> list[Record]:
        clock, times = self._clock, self.times
        begun = clock()
        evidence = Evidence(transactions, self.memory.observe(transactions))
        observed_at = clock()
        times.features += observed_at - begun
        answers = self.panel.vote(evidence)
        settled = self.coordinator.settle(answers, len(evidence))
        settled_at = clock()
        times.agents += settled_at - observed_at
        explanations: dict[int, str] = {}
        if self.external is not None:
            consulted = self.external.consult(evidence, answers, settled, self._second_look_s)
            settled, answers = consulted.settled, list(consulted.answers)
        consulted_at = clock()
        times.external += consulted_at - settled_at
        if self.review is not None:
            reviewed = self.review.review(evidence, answers, settled, self._second_look_s)
            settled = reviewed.settled
            explanations.update(reviewed.explanations)
        reviewed_at = clock()
        times.reasoning += reviewed_at - consulted_at
        records = self._writer.write(evidence, answers, settled)
        for row, text in explanations.items():
            records[row] = records[row]._replace(explanation=text)
        times.answers += clock() - reviewed_at
        times.batches += 1
        return records
