"""Second looks at a whole batch at once, however many micro-batches it is judged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.fraud_platform.documents import transaction
from tests.fraud_platform.reasoning.made_cases import ScriptedModel, answer_text, model_text

from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.panel import Panel
from fraud_platform.agents.runner import AgentRunner
from fraud_platform.learning.history import History
from fraud_platform.learning.model import LearnedModel
from fraud_platform.reasoning import CaseReviewer
from fraud_platform.store.records import Record
from fraud_platform.stream.judge import MICRO_BATCH, Judge
from fraud_platform.stream.memory import StreamMemory
from fraud_platform.stream.ports import CaseReview, ExternalEvidence, Panelled, Reviewed
from fraud_platform.stream.second_looks import ModelReview
from fraud_platform.wire.transaction import Transaction

SECOND_LOOK_S = 3.25
MakeJudge = Callable[[ExternalEvidence | None, CaseReview | None], Judge]


class Watched:
    """Both ports: notes what it is given, raises every score, and explains the first row."""

    def __init__(self) -> None:
        self.sizes: list[list[int]] = []
        self.deadlines_s: list[float] = []

    def consult(self, batches: Sequence[Panelled], deadline_s: float) -> list[Panelled]:
        self._note(batches, deadline_s)
        return [
            replace(one, settled=replace(one.settled, score=one.settled.score * 0 + 0.25))
            for one in batches
        ]

    def review(self, batches: Sequence[Panelled], deadline_s: float) -> list[Reviewed]:
        self._note(batches, deadline_s)
        return [Reviewed(one.settled, {0: "The first."}) for one in batches]

    def figures(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        pass

    def _note(self, batches: Sequence[Panelled], deadline_s: float) -> None:
        self.sizes.append([len(one.evidence) for one in batches])
        self.deadlines_s.append(deadline_s)


@pytest.fixture
def make_judge(model: LearnedModel) -> Iterator[MakeJudge]:
    made: list[Judge] = []

    def judge(external: ExternalEvidence | None, review: CaseReview | None) -> Judge:
        panel = Panel([AgentRunner(agent) for agent in model.agents()], deadline_s=20.0)
        memory, coordinator = StreamMemory(model.scales), Coordinator(model.weights)
        made.append(Judge(memory, panel, coordinator, external, review, SECOND_LOOK_S))
        return made[-1]

    yield judge
    for one in made:
        one.close()


def judged(judge: Judge, transactions: Sequence[Transaction]) -> list[Record]:
    """After all customers have been settled as new ones."""
    users = dict.fromkeys(t.user for t in transactions)
    judge.memory.settle(users, dict.fromkeys(users, "lane"))
    return judge.judge(transactions)


def many(count: int) -> list[Transaction]:
    return [transaction(number) for number in range(count)]


def test_a_large_batch_waits_for_each_second_look_once(make_judge: MakeJudge) -> None:
    external, review = Watched(), Watched()
    records = judged(make_judge(external, review), many(2 * MICRO_BATCH + 5))
    assert external.sizes == review.sizes == [[MICRO_BATCH, MICRO_BATCH, 5]]
    assert external.deadlines_s == review.deadlines_s == [SECOND_LOOK_S]
    assert [record.id for record in records] == [t.transaction_id for t in many(len(records))]
    assert all(b'"risk_score":0.2500' in record.answer for record in records)
    told = [place for place, record in enumerate(records) if record.explanation == "The first."]
    assert told == [0, MICRO_BATCH, 2 * MICRO_BATCH]


def test_nobody_is_asked_about_nothing(make_judge: MakeJudge) -> None:
    external, review = Watched(), Watched()
    assert make_judge(external, review).judge([]) == []
    assert external.sizes == review.sizes == []


def test_cases_of_all_micro_batches_are_with_the_model_together(
    make_judge: MakeJudge, history: History
) -> None:
    """As many at once as there are cases, and each review in its own row."""
    asked = ScriptedModel(lambda _, __: model_text(answer_text("REVIEW", 0.5)))
    reviewer = CaseReviewer(asked, seed=1)
    judge = make_judge(None, ModelReview(reviewer))
    part = history.transactions[-2 * MICRO_BATCH :]
    records = judged(judge, part)
    figures = reviewer.figures()
    assert figures["cases_at_once_max"] == figures["cases"] > 10
    explained = [r for r in records if r.explanation and "Second opinion" in r.explanation]
    assert len(explained) == figures["by_source"]["model"] > 0
    for record in explained:
        assert record.explanation is not None
        verb = {"APPROVE": "Approved", "REVIEW": "Held for review", "DECLINE": "Declined"}
        assert record.explanation.startswith(verb[record.decision])
