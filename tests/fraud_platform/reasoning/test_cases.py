from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from tests.fraud_platform.documents import transaction
from tests.fraud_platform.reasoning.made_cases import a_case

from fraud_platform.agents.coordinator import WORDS, Coordinator, Settlement
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.fusion import Weights
from fraud_platform.agents.reasons import BIT
from fraud_platform.agents.runner import Absence
from fraud_platform.core.verdicts import VerdictWriter
from fraud_platform.learning.history import History
from fraud_platform.learning.model import AGENTS, LearnedModel
from fraud_platform.reasoning.answer import Opinion, readable
from fraud_platform.reasoning.cases import Band, borderline, case_of
from fraud_platform.reasoning.explaining import explanation_of, told
from fraud_platform.reasoning.outcome import explanations, reviewed
from fraud_platform.reasoning.prompt import case_text
from fraud_platform.reasoning.reviewer import Review
from fraud_platform.state.features import FeatureExtractor
from fraud_platform.state.scales import AmountScales

EVEN = Weights(0.0, (0.5, 0.5, 0.5, 0.5), review_from=0.4, decline_from=0.9)
Answers = list[Votes | Absence]


def votes(risks: list[float], bits: int = 0, veto: list[bool] | None = None) -> Votes:
    return Votes(
        np.array(risks),
        np.ones(len(risks)),
        np.full(len(risks), bits, dtype=np.uint64),
        None if veto is None else np.array(veto),
    )


def evidence(count: int, **changes: Any) -> Evidence:
    made = [transaction(number, **changes) for number in range(count)]
    return Evidence(made, FeatureExtractor(AmountScales({}, {}, 10.0, {})).observe(made))


def settled(answers: Answers, size: int) -> Settlement:
    present = sum(1 << k for k, answer in enumerate(answers) if isinstance(answer, Votes))
    return Coordinator({present: EVEN}).settle(answers, size)


def test_only_scores_near_a_threshold_are_borderline() -> None:
    answers: Answers = [votes([0.01, 0.44, 0.6, 0.74, 0.99])] * 4
    settlement = settled(answers, 5)
    assert [round(float(s), 2) for s in settlement.score] == [0.0, 0.38, 0.69, 0.89, 1.0]
    assert borderline(settlement, answers) == [1, 3]
    assert borderline(settlement, answers, Band(2.0)) == [1, 2, 3]


def test_a_veto_is_never_borderline() -> None:
    answers: Answers = [*[votes([0.45, 0.45])] * 3, votes([0.45, 0.45], veto=[True, False])]
    settlement = settled(answers, 2)
    settlement.score[:] = 0.4
    assert borderline(settlement, answers) == [1]


def test_without_a_quorum_nothing_is_borderline() -> None:
    answers: Answers = [votes([0.45]), *[Absence.LATE] * 3]
    settlement = settled(answers, 1)
    assert borderline(settlement, answers) == []
    with pytest.raises(ValueError, match="quorum"):
        case_of(0, evidence(1), AGENTS, answers, settlement)


def test_a_case_says_nothing_personal() -> None:
    shown = evidence(1)
    answers: Answers = [votes([0.45], BIT["R05"])] * 4
    text = case_text(case_of(0, shown, AGENTS, answers, settled(answers, 1)))
    t = shown.transactions[0]
    for secret in (t.transaction_id, t.user, t.card, t.device, t.merchant, t.ip, "52.52"):
        assert secret is not None
        assert f'"{secret}"' not in text
        assert secret not in text


def test_a_case_holds_facts_votes_and_decisive_features() -> None:
    shown = evidence(1, device_age_days=0, card_age_days=None, cvv="mismatch")
    answers: Answers = [
        votes([0.7], BIT["R05"] | BIT["R01"]), votes([0.1]), Absence.FAILED, votes([0.45]),
    ]  # fmt: skip
    case = case_of(0, shown, AGENTS, answers, settled(answers, 1))
    assert (case.facts.type, case.facts.channel, case.facts.card_code) == (
        "purchase", "online", "mismatch",
    )  # fmt: skip
    assert (case.facts.device_age_days, case.facts.card_age_days) == (0, None)
    assert [vote.agent for vote in case.votes] == list(AGENTS)
    assert [vote.state for vote in case.votes] == ["voted", "voted", "failed", "voted"]
    assert case.votes[0].reason_codes == ("R01", "R05")
    assert case.reasons["R05"] == "The device is new: known for 0 days"
    assert case.features["device_age"] == 0.0
    assert "speed_kmh" not in case.features, "it does not apply to an online payment"
    assert case.disagreement
    orjson.loads(case_text(case)[6:-7])


def test_equal_payments_of_different_people_are_equal_cases() -> None:
    answers: Answers = [votes([0.45])] * 4
    settlement = settled(answers, 1)
    digests = {
        case_of(0, evidence(1, user_id=user, card_id=user), AGENTS, answers, settlement).digest
        for user in ("u-1", "u-2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("risk", [0.44, 0.46, 0.76])
def test_without_the_model_the_explanation_is_that_of_inline_mode(risk: float) -> None:
    shown = evidence(1)
    answers: Answers = [
        votes([risk], BIT["R05"] | BIT["R40"]), votes([0.99], BIT["R21"]), votes([0.02]),
        votes([risk]),
    ]  # fmt: skip
    settlement = settled(answers, 1)
    case = case_of(0, shown, AGENTS, answers, settlement)
    (record,) = VerdictWriter(AGENTS).write(shown, answers, settlement)
    assert explanation_of(case) == record.explanation
    assert readable(explanation_of(case))


def review(decision: str, moved: bool) -> Review:
    return Review(
        "c", "model", None, decision, 0.61, moved, "It looks fine to me.", ("x",), decision, 1, 0.1
    )


def test_reviews_are_put_back_into_their_rows_only() -> None:
    answers: Answers = [votes([0.01, 0.46, 0.46, 0.99])] * 4
    before = settled(answers, 4)
    after = reviewed(before, [1, 2], [review("APPROVE", True), review("REVIEW", False)])
    assert [WORDS[d] for d in after.decision] == ["APPROVE", "APPROVE", "REVIEW", "DECLINE"]
    assert [WORDS[d] for d in before.decision] == ["APPROVE", "REVIEW", "REVIEW", "DECLINE"]
    assert after.confidence[1] == 0.61
    assert after.confidence[3] == before.confidence[3]
    assert (after.score == before.score).all()


def test_explanations_are_those_of_the_reviews() -> None:
    texts = explanations([3, 5], [review("APPROVE", True), review("REVIEW", False)])
    assert texts == {3: "It looks fine to me.", 5: "It looks fine to me."}


@pytest.mark.parametrize(
    ("decision", "moved", "advice", "begins", "ends"),
    [
        ("REVIEW", False, "REVIEW", "Held for review at a risk of 0.45", "to me."),
        ("APPROVE", True, "APPROVE", "Approved at a risk of 0.45", "moved it by one step."),
        ("REVIEW", False, "DECLINE", "Held for review", "the agents' vote stands."),
    ],
)
def test_an_explanation_begins_with_what_was_decided_and_says_whose_word_it_is(
    decision: str, moved: bool, advice: str, begins: str, ends: str
) -> None:
    opinion = Opinion(advice, 0.9, "It looks fine to me.", ("x",))
    text = told(a_case(), decision, moved, opinion)
    assert text.startswith(begins)
    assert "Second opinion: It looks fine to me." in text
    assert text.endswith(ends)
    assert readable(text)


def test_every_explanation_on_squalls_own_transactions_is_complete(
    history: History, model: LearnedModel
) -> None:
    """R5.3: of everything that is far from certain."""
    part = history.transactions[:4_000]
    shown = Evidence(part, FeatureExtractor(model.scales).observe(part))
    answers: Answers = [agent.judge(shown) for agent in model.agents()]
    settlement = Coordinator(model.weights).settle(answers, len(part))
    rows = borderline(settlement, answers, Band(6.0))
    assert len(rows) > 400
    for row in rows:
        assert readable(explanation_of(case_of(row, shown, AGENTS, answers, settlement)))
