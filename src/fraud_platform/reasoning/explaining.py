"""Explaining a case, with the model's words or with the sentences that inline mode gives."""

from __future__ import annotations

from fraud_platform.agents.coordinator import WORDS
from fraud_platform.reasoning.answer import Opinion
from fraud_platform.reasoning.prompt import Case

_VERBS = dict(zip(WORDS, ("Approved", "Held for review", "Declined"), strict=True))
_ADVICE = dict(zip(WORDS, ("approved", "reviewed", "declined"), strict=True))
_MOST_REASONS = 6


def verdict_of(case: Case, decision: str) -> str:
    """What became of a case, in a sentence with the threshold it is close to."""
    edge, word = case.review_from, "reviewed"
    if decision == "DECLINE":
        edge, word = case.decline_from, "declined"
    return f"{_VERBS[decision]} at a risk of {case.risk_score:.2f} ({word} from {edge:.2f} on)."


def explanation_of(case: Case) -> str:
    """The verdict, the reasons with their figures, and the votes where they are at odds."""
    parts = [verdict_of(case, case.decision)]
    parts += [f"{sentence}." for sentence in list(case.reasons.values())[:_MOST_REASONS]]
    if case.disagreement:
        voices = ", ".join(f"{v.agent} {v.risk:.2f}" for v in case.votes if v.risk is not None)
        parts.append(f"The agents disagreed ({voices}); the weighted vote decided.")
    return " ".join(parts)


def told(case: Case, decision: str, moved: bool, opinion: Opinion) -> str:
    """The verdict, the model's explanation, and whose word it is where the two are at odds."""
    if moved:
        end = (
            " The agents' vote alone came to another decision; a second opinion moved it by one"
            " step."
        )
    elif opinion.decision != decision:
        end = (
            f" This second opinion would have it {_ADVICE[opinion.decision]}; it is not sure"
            " enough or goes too far, and the agents' vote stands."
        )
    else:
        end = ""
    return f"{verdict_of(case, decision)} Second opinion: {opinion.explanation}{end}"
