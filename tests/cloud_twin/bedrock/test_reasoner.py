"""The local reasoner: readable, deterministic, and true to its stated rules."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.bedrock.case import UnreadableCase, find_case, read_case
from cloud_twin.services.bedrock.reasoner import NAME, Opinion, answer, weigh

AGENTS = ("transaction_analyser", "pattern_detector", "risk_assessor", "compliance")
ASKED = "Answer with one JSON object and nothing else."


def case(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "case_id": "0" * 32,
        "transaction": {
            "type": "purchase",
            "channel": "online",
            "amount_scaled": 6.2,
            "country": "DE",
            "billing_country": "DE",
            "local_hour": 14,
            "card_code": "match",
            "address_check": "absent",
            "authentication": "none",
            "account_age_days": 131,
            "device_age_days": 40,
        },
        "thresholds": {"review_from": 0.31, "decline_from": 0.72},
        "provisional": {"decision": "REVIEW", "risk_score": 0.44, "confidence": 0.6},
        "votes": [
            {"agent": agent, "state": "voted", "risk": 0.45, "confidence": 0.7, "reason_codes": []}
            for agent in AGENTS
        ],
        "reasons": {},
        "features": {"user_deviation": 1.0, "device_users": 1.0, "speed_kmh": -1},
    }
    return base | changes


def weighed(document: dict[str, Any]) -> Opinion:
    return weigh(read_case(json.dumps(document)))


def with_facts(**facts: Any) -> dict[str, Any]:
    base = case()
    return base | {"transaction": base["transaction"] | facts}


def votes(*risks: float | None) -> list[dict[str, Any]]:
    return [
        {"agent": agent, "risk": risk, "confidence": None if risk is None else 0.8}
        for agent, risk in zip(AGENTS, risks, strict=True)
    ]


def test_decisive_facts_move_the_decision_and_are_named() -> None:
    guilty = weighed(with_facts(speed_kmh=2300, card_code="mismatch"))
    innocent = weighed(with_facts(authentication="three_ds", account_age_days=2000))

    assert guilty.decision == "DECLINE"
    assert "travel at 2,300 km/h" in guilty.explanation
    assert "security code does not match" in guilty.explanation
    assert guilty.factors[0] == "travel at 2,300 km/h"
    assert innocent.decision == "APPROVE"
    assert "3-D Secure" in innocent.explanation


def test_without_facts_the_agents_vote_stands() -> None:
    assert weighed(case()).decision == "REVIEW"
    assert weighed(case()).risk == pytest.approx(0.44)


def test_confidence_is_a_half_on_a_threshold_and_grows_with_the_distance() -> None:
    on, near, far = (
        weighed(case(provisional={"risk_score": risk})).confidence for risk in (0.72, 0.8, 0.97)
    )
    assert on == pytest.approx(0.5, abs=0.01)
    assert on < near < far


def test_agents_that_disagree_do_not_decline_a_customer_one_of_them_trusts() -> None:
    opinion = weighed(case(votes=votes(0.95, 0.9, 0.1, 0.6), provisional={"risk_score": 0.9}))
    assert opinion.decision == "REVIEW"
    assert "disagree" in opinion.explanation
    assert opinion.confidence <= 0.6


def test_one_vote_alone_decides_nothing() -> None:
    opinion = weighed(case(votes=votes(0.01, None, None, None)))
    assert (opinion.decision, opinion.confidence) == ("REVIEW", 0.5)


def test_a_blocked_party_is_declined() -> None:
    blocked = votes(0.1, 0.1, 0.1, 0.1)
    blocked[3]["reason_codes"] = ["R54"]
    opinion = weighed(case(votes=blocked, provisional={"risk_score": 0.1}))

    assert opinion.decision == "DECLINE"
    assert opinion.factors[0] == "blocked party"


def test_without_a_provisional_score_votes_count_by_their_confidence() -> None:
    loud = [
        {"agent": "a", "risk": 0.9, "confidence": 1.0},
        {"agent": "b", "risk": 0.5, "confidence": 0.0},
    ]
    assert weighed({"votes": loud}).risk == pytest.approx(0.9, abs=1e-3)


def test_the_cases_own_words_are_used_when_no_fact_speaks() -> None:
    told = votes(0.5, 0.4, 0.4, 0.4)
    told[0]["reason_codes"] = ["R28"]
    opinion = weighed(case(votes=told, reasons={"R28": "The same few cards pay again"}))

    assert "transaction analyser found this: the same few cards pay again." in opinion.explanation
    assert "The same few cards pay again" in opinion.factors


SHARES = st.floats(0.0, 1.0)
CASES = st.builds(
    lambda facts, risks, review, decline, reasons: case(
        transaction=facts,
        votes=votes(*risks),
        thresholds={"review_from": review, "decline_from": decline},
        reasons=reasons,
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "speed_kmh": st.floats(-1, 20_000),
            "user_deviation": st.floats(-1, 50),
            "amount_scaled": st.floats(0, 500),
            "authentication": st.sampled_from(["none", "pin", "three_ds"]),
            "card_code": st.sampled_from(["match", "mismatch", "absent", None]),
            "account_age_days": st.one_of(st.none(), st.integers(0, 9000)),
            "country": st.text(max_size=5),
            "billing_country": st.sampled_from(["DE", "FR"]),
            "local_hour": st.integers(0, 23),
        },
    ),
    st.tuples(*[st.one_of(st.none(), SHARES)] * 4),
    SHARES,
    SHARES,
    st.dictionaries(st.sampled_from(["R01", "R54"]), st.text(max_size=200), max_size=2),
)


@settings(deadline=None)
@given(CASES)
def test_every_answer_is_what_the_prompt_asks_for(document: dict[str, Any]) -> None:
    prompt = f"<case>{json.dumps(document)}</case>"
    text = answer(prompt, ASKED)
    read = json.loads(text)

    assert set(read) == {"decision", "confidence", "explanation", "factors"}
    assert read["decision"] in ("APPROVE", "REVIEW", "DECLINE")
    assert 0.0 <= read["confidence"] <= 1.0
    assert read["explanation"].isprintable()
    assert read["explanation"].endswith(".")
    assert 20 <= len(read["explanation"]) <= 1500
    assert 1 <= len(read["factors"]) <= 6
    assert all(2 <= len(factor) <= 120 and factor.isprintable() for factor in read["factors"])
    assert answer(prompt, ASKED) == text


@settings(deadline=None)
@given(CASES)
def test_the_order_of_keys_and_the_case_id_change_nothing(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items())) | {"case_id": "another"}
    turned["transaction"] = dict(reversed(document["transaction"].items()))

    assert weighed(turned) == weighed(document)


@settings(deadline=None)
@given(SHARES, SHARES)
def test_a_higher_vote_never_makes_a_milder_decision(low: float, high: float) -> None:
    order = ("APPROVE", "REVIEW", "DECLINE")
    mild, strict = (
        weighed(case(provisional={"risk_score": risk})).decision for risk in sorted((low, high))
    )
    assert order.index(mild) <= order.index(strict)


def test_two_to_four_sentences() -> None:
    for document in (case(), with_facts(speed_kmh=999, authentication="pin"), case(votes=[])):
        sentences = re.findall(r"[.](?= |$)", weighed(document).explanation)
        assert 2 <= len(sentences) <= 4


def test_a_prompt_that_asks_for_no_json_is_answered_in_words() -> None:
    lines = answer(f"What about this? <case>{json.dumps(case())}</case>", "").splitlines()

    assert lines[0] == NAME == "local deterministic reasoner"
    assert lines[1].startswith("REVIEW, confidence 0.")


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        ("What is the capital of France?", "I reason about fraud cases only"),
        ("<case>{}</case>", "neither votes nor"),
        ("<case>not json</case>", "not JSON"),
        ("<case>[1]</case>", "not a JSON object"),
        ('<case>{"votes": [1]}</case>', "not an object"),
        ("<case>never closed", "I reason about fraud cases only"),
    ],
)
def test_what_is_no_case_gets_a_plain_answer(prompt: str, part: str) -> None:
    text = answer(prompt, ASKED)

    assert text.startswith(f"{NAME}\n")
    assert part in text


def test_the_last_case_counts() -> None:
    found = find_case("<case>1</case> and <case>2</case> please")
    assert found == ("2", "<case>1</case> and  please")


def test_odd_members_are_not_taken_for_figures() -> None:
    thresholds = {"review_from": "x", "decline_from": 7}
    read = read_case(json.dumps(case(thresholds=thresholds, features={"speed_kmh": True})))
    assert (read.review_from, read.decline_from) == (0.35, 0.75)
    assert read.figure("speed_kmh") is None
    with pytest.raises(UnreadableCase):
        read_case('{"votes": "many"}')
