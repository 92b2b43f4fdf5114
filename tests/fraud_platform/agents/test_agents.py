from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.fraud_platform.documents import transaction

from fraud_platform.agents import compliance, pattern_detector, transaction_analyser
from fraud_platform.agents.compliance import BlockList, Compliance, read_block_list
from fraud_platform.agents.evidence import Evidence
from fraud_platform.agents.reasons import BIT, MANY, REASONS, reasons_in
from fraud_platform.agents.scorecard import Points, Rule, Scorecard
from fraud_platform.errors import UsageError
from fraud_platform.learning.model import AGENTS, LearnedModel
from fraud_platform.state.features import NAMES, FeatureExtractor

ALL_RULES = (*transaction_analyser.RULES, *pattern_detector.RULES, *compliance.RULES)


def evidence(model: LearnedModel, count: int = 20) -> Evidence:
    transactions = [transaction(number) for number in range(count)]
    return Evidence(transactions, FeatureExtractor(model.scales).observe(transactions))


def test_every_agent_votes_on_every_transaction(model: LearnedModel) -> None:
    seen = evidence(model)
    agents = model.agents()
    assert tuple(agent.name for agent in agents) == AGENTS
    for agent in agents:
        votes = agent.judge(seen)
        for values in (votes.risk, votes.confidence):
            assert values.shape == (20,)
            assert ((values >= 0) & (values <= 1)).all()
        assert votes.reasons.dtype == np.uint64


def test_every_rule_has_a_reason_of_its_own() -> None:
    codes = [rule.code for rule in ALL_RULES]
    assert len(codes) == len(set(codes))
    assert set(codes) <= set(REASONS)
    assert len(REASONS) <= MANY


def test_every_sentence_can_be_filled_in() -> None:
    features = dict.fromkeys(NAMES, 1.0)
    for reason in REASONS.values():
        assert reason.sentence.format_map(features)


def test_bits_and_codes_are_inverse() -> None:
    for code, bit in BIT.items():
        assert [reason.code for reason in reasons_in(bit)] == [code]


def test_a_scorecard_adds_points_and_names_the_rules_that_were_met(model: LearnedModel) -> None:
    rules = (
        Rule("R01", lambda e: e["amount_major"] > 0),
        Rule("R02", lambda e: e["amount_major"] < 0),
        Rule("R03", lambda e: e["amount_major"] > 0),
    )
    risk, reasons = Scorecard(rules, Points(-1.0, (2.0, 5.0, 0.0))).score(evidence(model, 2))
    assert risk == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert reasons.tolist() == [BIT["R01"]] * 2  # a rule without points is no reason
    with pytest.raises(ValueError, match="3 rules with 1 points"):
        Scorecard(rules, Points(0.0, (1.0,)))


@pytest.mark.parametrize(
    "blocked",
    [
        BlockList(frozenset({"u-3"})),
        BlockList(frozenset({"d-3"})),
        BlockList(frozenset({"240.101.7.3"})),
    ],
)
def test_a_blocked_party_is_vetoed(model: LearnedModel, blocked: BlockList) -> None:
    agent = Compliance(model.points[compliance.NAME], blocked)
    votes = agent.judge(evidence(model, 6))
    assert votes.veto is not None
    assert votes.veto.tolist() == [False, False, False, True, False, False]
    assert int(votes.reasons[3]) & BIT["R54"]


def test_a_blocked_country_is_vetoed(model: LearnedModel) -> None:
    agent = Compliance(model.points[compliance.NAME], BlockList(countries=frozenset({"DE"})))
    veto = agent.judge(evidence(model, 2)).veto
    assert veto is not None
    assert veto.all()


def test_block_lists_are_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "blocked.json"
    path.write_text(json.dumps({"parties": ["u-1"], "countries": ["XX"]}))
    assert read_block_list(path) == BlockList(frozenset({"u-1"}), frozenset({"XX"}))
    for wrong in ("[]", "{", '{"parties": [1]}'):
        path.write_text(wrong)
        with pytest.raises(UsageError, match=r"blocked\.json"):
            read_block_list(path)
    with pytest.raises(UsageError, match="No such file"):
        read_block_list(tmp_path / "none.json")
