"""The local deterministic reasoner: weighs a fraud case by stated rules; the same case, the same
answer. It is not a language model, and says so wherever an answer has room for it.

1. It begins with the agents' weighted vote (the case's ``risk_score``; without one the mean of the
   votes' log-odds, weighted by confidence), in log-odds.
2. It adds the weights of the facts that hold (``facts.py``), together at most ±1.5, and half of
   that where the agents disagree by 0.5 or more.
3. Below ``review_from`` it approves, from ``decline_from`` on it declines, between it reviews.
4. Agents that disagree never decline against a vote below 0.2: that goes to review. So does a case
   with fewer than two votes out of several agents.
5. A party on the block list (R54) is declined.

Confidence is 1/(1 + exp(−d)), d the distance in log-odds to the nearest threshold: 0.5 on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import orjson

from cloud_twin.services.bedrock.case import Case, UnreadableCase, Vote, find_case, read_case
from cloud_twin.services.bedrock.facts import Fact, facts_of

NAME = "local deterministic reasoner"
FACTS_LIMIT = 1.5
AT_ODDS = 0.5
LOW_VOTE = 0.2
QUORUM = 2
_BLOCKED = "R54"
_EDGE = 1e-4
_FACTORS = 6
_PHRASE_LETTERS = 120
_WORDS = {"APPROVE": "Approved", "REVIEW": "Sent to a person", "DECLINE": "Declined"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What comes of a case."""

    decision: str
    risk: float
    confidence: float
    explanation: str
    factors: tuple[str, ...]


def answer(prompt: str, instructions: str) -> str:
    """The answer to the last user message; ``instructions`` are the system texts."""
    found = find_case(prompt)
    if found is None:
        return (
            f"{NAME}\nI reason about fraud cases only: send one as JSON between <case> and"
            " </case>, with the agents' votes."
        )
    text, rest = found
    try:
        opinion = weigh(read_case(text))
    except UnreadableCase as problem:
        return f"{NAME}\nThe case cannot be read: {problem}."
    if re.search(r"\bjson\b", f"{instructions}\n{rest}", re.IGNORECASE):
        return orjson.dumps(
            {
                "decision": opinion.decision,
                "confidence": opinion.confidence,
                "explanation": opinion.explanation,
                "factors": list(opinion.factors),
            }
        ).decode()
    return f"{NAME}\n{opinion.decision}, confidence {opinion.confidence:.2f}. {opinion.explanation}"


def weigh(case: Case) -> Opinion:
    """Decide one case."""
    disagree = _spread(case.votes) >= AT_ODDS
    facts = facts_of(case)
    moved = max(-FACTS_LIMIT, min(FACTS_LIMIT, sum(fact.weight for fact in facts)))
    odds = _starting_odds(case) + (moved / 2 if disagree else moved)
    risk = 1.0 / (1.0 + exp(-odds))
    decision = "APPROVE"
    if risk >= case.decline_from:
        decision = "DECLINE"
    elif risk >= case.review_from:
        decision = "REVIEW"
    confidence = _confidence(odds, case)
    why = ""
    agents = len(case.votes) + len(case.silent)
    if _BLOCKED in case.codes:
        decision, confidence, why = "DECLINE", 0.99, "A party to it is on the block list."
    elif agents >= QUORUM > len(case.votes):
        decision, confidence = "REVIEW", 0.5
        why = "Too few agents voted to decide it without a person."
    elif decision == "DECLINE" and disagree and min(v.risk for v in case.votes) < LOW_VOTE:
        decision, confidence = "REVIEW", min(confidence, 0.6)
        why = "The agents disagree too much to decline it without a person."
    return Opinion(
        decision,
        round(risk, 4),
        round(confidence, 2),
        _explanation(case, decision, risk, facts, why, disagree),
        _factors(case, facts, why, disagree),
    )


def _starting_odds(case: Case) -> float:
    if case.risk is not None:
        return _log_odds(case.risk)
    weight = sum(vote.confidence for vote in case.votes)
    if weight <= 0:
        return sum(_log_odds(vote.risk) for vote in case.votes) / len(case.votes)
    return sum(vote.confidence * _log_odds(vote.risk) for vote in case.votes) / weight


def _log_odds(share: float) -> float:
    inside = min(max(share, _EDGE), 1.0 - _EDGE)
    return log(inside / (1.0 - inside))


def _confidence(odds: float, case: Case) -> float:
    edges = (_log_odds(case.review_from), _log_odds(case.decline_from))
    return 1.0 / (1.0 + exp(-min(abs(odds - edge) for edge in edges)))


def _spread(votes: Sequence[Vote]) -> float:
    risks = [vote.risk for vote in votes]
    return max(risks) - min(risks) if risks else 0.0


# --- words ----------------------------------------------------------------------------------


def _explanation(
    case: Case, decision: str, risk: float, facts: Sequence[Fact], why: str, disagree: bool
) -> str:
    """Two to four sentences: the figure and its threshold, what raised it, what lowered it."""
    sentences = [f"{_WORDS[decision]} at a weighed risk of {risk:.2f}, {_place(case, risk)}."]
    if why:
        sentences.append(why)
    raising = [fact.clause for fact in facts if fact.weight > 0][:2]
    lowering = [fact.clause for fact in facts if fact.weight < 0][:2]
    if raising:
        sentences.append(_sentence(_joined(raising)))
    elif (spoken := _loudest(case)) is not None:
        sentences.append(spoken)
    if lowering and len(sentences) < 4:
        sentences.append(f"In its favour: {_joined(lowering)}.")
    if disagree and not why and len(sentences) < 4:
        low, high = (edge(case.votes, key=lambda vote: vote.risk) for edge in (min, max))
        sentences.append(
            f"The agents disagree: the {_plain(high.agent)} says {high.risk:.2f}, the"
            f" {_plain(low.agent)} {low.risk:.2f}."
        )
    if len(sentences) == 1:
        sentences.append("No single fact stands out.")
    return _clean(" ".join(sentences))


def _place(case: Case, risk: float) -> str:
    review, decline = f"{case.review_from:.2f}", f"{case.decline_from:.2f}"
    if risk >= case.decline_from:
        return f"at or above the {decline} from which it is declined"
    if risk >= case.review_from:
        return f"between the thresholds of {review} and {decline}"
    return f"below the {review} from which it is reviewed"


def _loudest(case: Case) -> str | None:
    """What the agent with the highest risk has to say, in the case's own words."""
    if not case.votes:
        return None
    vote = max(case.votes, key=lambda each: each.risk * each.confidence)
    reasons = [case.reasons[code] for code in vote.codes if code in case.reasons]
    if not reasons:
        return f"The highest vote is the {_plain(vote.agent)}'s, {vote.risk:.2f}."
    reason = reasons[0].rstrip(".")
    return f"The {_plain(vote.agent)} found this: {reason[:1].lower()}{reason[1:]}."


def _factors(case: Case, facts: Sequence[Fact], why: str, disagree: bool) -> tuple[str, ...]:
    """One to six short phrases, the weightiest first."""
    phrases = [fact.phrase for fact in facts]
    if _BLOCKED in case.codes:
        phrases.insert(0, "blocked party")
    elif why:
        phrases.insert(0, "agents disagree" if disagree else "too few votes")
    elif disagree:
        phrases.append("agents disagree")
    for code in sorted(case.codes):
        if code in case.reasons:
            phrases.append(case.reasons[code])
    kept = [_clean(phrase)[:_PHRASE_LETTERS].strip() for phrase in phrases]
    kept = [phrase for phrase in dict.fromkeys(kept) if len(phrase) > 1]
    return tuple(kept[:_FACTORS]) or ("nothing stands out",)


def _joined(clauses: Sequence[str]) -> str:
    return " and ".join(clauses)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _plain(agent: str) -> str:
    return agent.replace("_", " ")


def _clean(text: str) -> str:
    """Printable, on one line, without braces: texts of a case are not ours."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.replace("{", "(").replace("}", ")").split())
