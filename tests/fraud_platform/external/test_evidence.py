from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.agents.coordinator import APPROVE, DECLINE, REVIEW, Coordinator, Settlement
from fraud_platform.agents.evidence import Votes
from fraud_platform.agents.fusion import Weights
from fraud_platform.agents.reasons import BIT
from fraud_platform.agents.runner import Absence
from fraud_platform.external.answers import Identity, IdentityLevel, Location
from fraud_platform.external.evidence import (
    CheckPoints,
    weigh,
    with_findings,
    worth_checking,
)
from fraud_platform.external.findings import CheckRequest, Findings, Listing
from fraud_platform.external.lookup import Answered, Source
from fraud_platform.learning.model import AGENTS

WEIGHTS = Weights(0.0, (0.2, 0.2, 1.0, 0.2), review_from=0.4, decline_from=0.9)
POINTS = CheckPoints()
REMOTE = CheckRequest("u-1", "d-1", None, "240.100.101.7", "US")
BARE = CheckRequest("u-1", None, None, None, "US")
Answers = list[Votes | Absence]


def votes(*risks: float, veto: list[bool] | None = None) -> Votes:
    size = len(risks)
    return Votes(
        np.array(risks),
        np.ones(size),
        np.zeros(size, dtype=np.uint64),
        None if veto is None else np.array(veto),
    )


def settled(answers: Answers, size: int) -> Settlement:
    present = sum(1 << k for k, answer in enumerate(answers) if isinstance(answer, Votes))
    return Coordinator({present: WEIGHTS}).settle(answers, size)


def identity(level: str, source: Source = Source.SERVICE) -> Answered[Identity]:
    return Answered(Identity(IdentityLevel(level), 1.0), source)


def location(country: str | None, proxy: bool = False) -> Answered[Location]:
    return Answered(Location(country, 1.0, 1.0, proxy, 1.0), Source.CACHE)


NOTHING_KNOWN = Findings(
    Answered(None, Source.DEFAULT, "failed"),
    Listing(None, Source.DEFAULT),
    None,
    Listing(None, Source.DEFAULT),
    Answered(None, Source.DEFAULT, "failed"),
)


@pytest.mark.parametrize(
    ("findings", "points", "codes"),
    [
        (Findings(identity("full"), location=location("US")), 0.0, []),
        (Findings(identity("none")), 1.5, ["R60"]),
        (Findings(identity("partial")), 0.5, ["R61"]),
        (Findings(identity("none", Source.STALE)), 0.75, ["R60"]),
        (Findings(device=Listing(True, Source.CACHE)), 2.0, ["R62"]),
        (Findings(payee=Listing(True, Source.SERVICE)), 2.0, ["R63"]),
        (Findings(address=Listing(True, Source.NEIGHBOUR)), 0.6, ["R64"]),
        (Findings(device=Listing(False, Source.CACHE)), 0.0, []),
        (Findings(location=location(None, proxy=True)), 1.2, ["R65"]),
        (Findings(location=location("BR")), 1.0, ["R67"]),
        (Findings(location=location("BR", proxy=True)), 1.2, ["R65"]),
        (NOTHING_KNOWN, 0.0, ["R66"]),
        (
            Findings(identity("none"), Listing(True, Source.CACHE), None, None, location("BR")),
            3.0,
            ["R60", "R62", "R67"],
        ),
    ],
)
def test_findings_have_points_and_codes(
    findings: Findings, points: float, codes: list[str]
) -> None:
    total, bits = weigh(REMOTE, findings, POINTS)
    assert total == pytest.approx(points)
    assert bits == sum(BIT[code] for code in codes)


def test_only_what_a_check_can_change_is_worth_one() -> None:
    answers: Answers = [votes(0.001, 0.2, 0.35, 0.75, 0.999)] * 4
    settlement = settled(answers, 5)
    before = [APPROVE, APPROVE, APPROVE, REVIEW, DECLINE]
    assert settlement.decision.tolist() == before
    assert worth_checking(settlement, answers, [REMOTE] * 5, AGENTS) == [1, 2, 3]
    assert worth_checking(settlement, answers, [BARE] * 5, AGENTS) == [2, 3]


def test_nothing_is_checked_where_a_check_has_no_say() -> None:
    missing: Answers = [votes(0.3), votes(0.3), Absence.LATE, votes(0.3)]
    assert worth_checking(settled(missing, 1), missing, [REMOTE], AGENTS) == []
    alone: Answers = [Absence.LATE, Absence.LATE, votes(0.3), Absence.LATE]
    assert worth_checking(settled(alone, 1), alone, [REMOTE], AGENTS) == []
    vetoed: Answers = [*[votes(0.3)] * 3, votes(0.3, veto=[True])]
    assert worth_checking(settled(vetoed, 1), vetoed, [REMOTE], AGENTS) == []


def test_findings_move_their_rows_and_no_others() -> None:
    answers: Answers = [votes(0.3, 0.3, 0.3)] * 4
    before = settled(answers, 3)
    after, changed = with_findings(
        before, answers, [1], [REMOTE], [Findings(identity("none"))], AGENTS
    )
    assert before.decision.tolist() == [APPROVE] * 3
    assert after.decision.tolist() == [APPROVE, REVIEW, APPROVE]
    assert [int(bits) for bits in after.reasons] == [0, BIT["R60"], 0]
    assert after.score[0] == before.score[0]
    assessor = changed[2]
    assert isinstance(assessor, Votes)
    assert assessor.risk[1] > assessor.risk[0] == 0.3
    assert int(assessor.reasons[1]) == BIT["R60"]
    assert changed[0] is answers[0]


def test_what_was_found_is_settled_as_if_the_assessor_had_said_so() -> None:
    answers: Answers = [votes(0.3)] * 4
    after, changed = with_findings(
        settled(answers, 1), answers, [0], [REMOTE], [Findings(identity("partial"))], AGENTS
    )
    again = settled(changed, 1)
    assert after.score[0] == pytest.approx(again.score[0])
    assert after.confidence[0] == pytest.approx(again.confidence[0])


def test_with_everything_down_the_decisions_are_those_of_the_agents() -> None:
    risks = np.linspace(0.01, 0.99, 50)
    answers: Answers = [votes(*risks)] * 4
    before = settled(answers, 50)
    rows = worth_checking(before, answers, [REMOTE] * 50, AGENTS)
    after, _ = with_findings(
        before, answers, rows, [REMOTE] * len(rows), [NOTHING_KNOWN] * len(rows), AGENTS
    )
    assert rows
    assert (after.decision == before.decision).all()
    assert np.allclose(after.score, before.score)
    assert all(int(after.reasons[row]) & BIT["R66"] for row in rows)


def test_a_veto_stands_whatever_is_found() -> None:
    answers: Answers = [*[votes(0.3)] * 3, votes(0.3, veto=[True])]
    after, _ = with_findings(
        settled(answers, 1), answers, [0], [REMOTE], [Findings(identity("none"))], AGENTS
    )
    assert after.decision.tolist() == [DECLINE]
    assert after.score[0] > 0.99


LEVELS = st.sampled_from(["full", "partial", "none"])
SOURCES = st.sampled_from([Source.SERVICE, Source.CACHE, Source.STALE, Source.NEIGHBOUR])


@settings(deadline=None)
@given(st.floats(0.0, 1.0), LEVELS, SOURCES, st.booleans(), st.booleans())
def test_findings_only_ever_speak_for_fraud_and_worth_checking_misses_none(
    risk: float, level: str, source: Source, listed: bool, proxy: bool
) -> None:
    answers: Answers = [votes(risk)] * 4
    before = settled(answers, 1)
    findings = Findings(
        identity(level, source), Listing(listed, source), None, None, location("BR", proxy)
    )
    after, _ = with_findings(before, answers, [0], [REMOTE], [findings], AGENTS)
    assert after.score[0] >= before.score[0] - 1e-12
    if after.decision[0] != before.decision[0]:
        assert worth_checking(before, answers, [REMOTE], AGENTS) == [0]
