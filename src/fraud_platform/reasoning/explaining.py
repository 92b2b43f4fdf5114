"""Explaining a case without the model: the sentences that inline mode gives."""

from __future__ import annotations

from fraud_platform.agents.coordinator import WORDS
from fraud_platform.reasoning.prompt import Case

_VERBS = dict(zip(WORDS, ("Approved", "Held for review", "Declined"), strict=True))
_MOST_REASONS = 6


def explanation_of(case: Case) -> str:
    """The verdict, the reasons with their figures, and the votes where they are at odds."""
    edge, word = case.review_from, "reviewed"
    if case.decision == "DECLINE":
        edge, word = case.decline_from, "declined"
    parts = [
        f"{_VERBS[case.decision]} at a risk of {case.risk_score:.2f} ({word} from {edge:.2f} on)."
    ]
    parts += [f"{sentence}." for sentence in list(case.reasons.values())[:_MOST_REASONS]]
    if case.disagreement:
        voices = ", ".join(f"{v.agent} {v.risk:.2f}" for v in case.votes if v.risk is not None)
        parts.append(f"The agents disagreed ({voices}); the weighted vote decided.")
    return " ".join(parts)
