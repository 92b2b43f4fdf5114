"""Which transactions are borderline, and what the model is shown of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from fraud_platform.agents.coordinator import WORDS, Settlement
from fraud_platform.agents.evidence import Evidence, Floats, Votes
from fraud_platform.agents.reasons import Reason, reasons_in
from fraud_platform.agents.runner import Absence
from fraud_platform.reasoning.prompt import Case, CaseFacts, Vote
from fraud_platform.state.features import NAMES
from fraud_platform.wire.transaction import (
    AUTHENTICATIONS,
    CHANNELS,
    CHECKS,
    TYPES,
    Transaction,
)

_TYPE_WORDS = tuple(TYPES)
_CHANNEL_WORDS = tuple(CHANNELS)
_CHECK_WORDS = tuple(CHECKS)
_AUTHENTICATION_WORDS = tuple(AUTHENTICATIONS)
_ALWAYS = (
    "amount_scaled", "user_n", "user_deviation", "speed_kmh", "home_km", "device_users",
    "ip_cards_fast", "payee_payers", "merchant_n",
)  # fmt: skip
_SENTENCE_FEATURE = re.compile(r"\{(\w+)")
_EDGE = 1e-9
_MOST_REASONS = 8


@dataclass(frozen=True, slots=True)
class Band:
    """What counts as borderline: scores within so many log-odds of a threshold.

    0.7 log-odds is a factor of two in the odds of fraud.
    """

    log_odds: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.log_odds <= 10:
            raise ValueError("a band is above 0 and at most 10 log-odds wide")


def odds_of(probability: float) -> float:
    """Its log-odds, ln(p / (1 − p)), kept finite."""
    p = min(max(probability, _EDGE), 1.0 - _EDGE)
    return log(p / (1.0 - p))


def borderline(
    settled: Settlement, answers: Sequence[Votes | Absence], band: Band | None = None
) -> list[int]:
    """Rows whose decision a second opinion may change.

    Never one with a veto, nor any of a micro-batch without a quorum: those outcomes are definite.
    """
    if settled.weights is None:
        return []
    width = (band or Band()).log_odds
    odds = _log_odds(settled.score)
    edges = (settled.weights.review_from, settled.weights.decline_from)
    near = np.zeros(len(odds), dtype=np.bool_)
    for edge in edges:
        near |= np.abs(odds - odds_of(edge)) <= width
    for votes in answers:
        if isinstance(votes, Votes) and votes.veto is not None:
            near &= ~votes.veto
    rows: list[int] = near.nonzero()[0].tolist()
    return rows


def case_of(
    row: int,
    evidence: Evidence,
    agents: Sequence[str],
    answers: Sequence[Votes | Absence],
    settled: Settlement,
) -> Case:
    """The case of one row; ``agents`` are their names in voting order.

    Raises ``ValueError`` without a quorum, which leaves no thresholds to be close to.
    """
    if settled.weights is None:
        raise ValueError("without a quorum there is no borderline case")
    features = dict(zip(NAMES, evidence.matrix[row].tolist(), strict=True))
    found = list(reasons_in(int(settled.reasons[row])))[:_MOST_REASONS]
    return Case(
        facts=_facts(evidence.transactions[row], features),
        review_from=round(settled.weights.review_from, 6),
        decline_from=round(settled.weights.decline_from, 6),
        decision=WORDS[int(settled.decision[row])],
        risk_score=round(float(settled.score[row]), 6),
        confidence=round(float(settled.confidence[row]), 4),
        disagreement=bool(settled.disagreement[row]),
        votes=tuple(
            _vote(agent, answer, row) for agent, answer in zip(agents, answers, strict=True)
        ),
        reasons={reason.code: reason.sentence.format_map(features) for reason in found},
        features=_decisive(found, features),
    )


def _facts(t: Transaction, features: Mapping[str, float]) -> CaseFacts:
    return CaseFacts(
        type=_TYPE_WORDS[t.type],
        channel=_CHANNEL_WORDS[t.channel],
        amount_scaled=_three_digits(features["amount_scaled"]),
        currency=t.currency,
        category=t.category,
        country=t.country,
        billing_country=t.billing_country,
        local_hour=int(features["hour"]),
        card_code=_CHECK_WORDS[t.cvv],
        address_check=_CHECK_WORDS[t.avs],
        authentication=_AUTHENTICATION_WORDS[t.authentication],
        account_age_days=_known(t.account_age_days),
        card_age_days=_known(t.card_age_days),
        device_age_days=_known(t.device_age_days),
    )


def _vote(agent: str, answer: Votes | Absence, row: int) -> Vote:
    if isinstance(answer, Absence):
        return Vote(agent, answer.value, None, None, ())
    codes = tuple(reason.code for reason in reasons_in(int(answer.reasons[row])))
    risk, confidence = float(answer.risk[row]), float(answer.confidence[row])
    return Vote(agent, "voted", round(risk, 4), round(confidence, 3), codes)


def _decisive(found: Sequence[Reason], features: Mapping[str, float]) -> dict[str, float]:
    """The features that the reasons speak of, and a few that always matter, where they apply."""
    named = [name for reason in found for name in _SENTENCE_FEATURE.findall(reason.sentence)]
    names = dict.fromkeys([*named, *_ALWAYS])
    return {name: _three_digits(features[name]) for name in names if features[name] != -1.0}


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _known(days: int) -> int | None:
    return None if days < 0 else days


def _log_odds(score: Floats) -> Floats:
    p = np.clip(score, _EDGE, 1.0 - _EDGE)
    odds: Floats = np.log(p / (1.0 - p))
    return odds
