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
from fraud_platform.stream.ports import (
    CaseReview,
    ExternalEvidence,
    Panelled,
    Reviewed,
)
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
        """One record per transaction, in order; the memory has seen them afterwards.

        The agents work on micro-batches; a second look is taken at all of them together, so that
        a large batch waits for it once and not once per micro-batch.
        """
        if not transactions:
            return []
        batches = [
            self._panel(transactions[start : start + MICRO_BATCH])
            for start in range(0, len(transactions), MICRO_BATCH)
        ]
        mark = self._clock()
        if self.external is not None:
            batches = list(self.external.consult(batches, self._second_look_s))
            mark = self._passed("external", mark)
        reviews = [Reviewed(one.settled, {}) for one in batches]
        if self.review is not None:
            reviews = list(self.review.review(batches, self._second_look_s))
            mark = self._passed("reasoning", mark)
        records: list[Record] = []
        for one, reviewed in zip(batches, reviews, strict=True):
            written = self._writer.write(one.evidence, one.answers, reviewed.settled)
            for row, text in reviewed.explanations.items():
                written[row] = written[row]._replace(explanation=text)
            records += written
        self._passed("answers", mark)
        self.times.batches += len(batches)
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

    def _panel(self, transactions: Sequence[Transaction]) -> Panelled:
        """What the agents make of one micro-batch."""
        mark = self._clock()
        evidence = Evidence(transactions, self.memory.observe(transactions))
        mark = self._passed("features", mark)
        answers = self.panel.vote(evidence)
        settled = self.coordinator.settle(answers, len(evidence))
        self._passed("agents", mark)
        return Panelled(evidence, answers, settled)

    def _passed(self, stage: str, since: float) -> float:
        now = self._clock()
        setattr(self.times, stage, getattr(self.times, stage) + now - since)
        return now
