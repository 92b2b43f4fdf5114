"""A recorded decision in words."""

from __future__ import annotations

from typing import Any

import orjson

from fraud_platform.agents.coordinator import WORDS
from fraud_platform.agents.reasons import REASONS

VERBS = ("Approved", "Held for review", "Declined")
"""What was done, in the order of the coordinator's words."""


def explained(answer: bytes, explanation: str | None) -> dict[str, Any]:
    """A decision with its reason codes in words and its explanation.

    What was clear has no explanation of its own on record; it is told in the same form.
    """
    document: dict[str, Any] = orjson.loads(answer)
    reasons = {code: REASONS[code].title for code in document["reason_codes"]}
    document["reasons"] = reasons
    if explanation is None and document["decision"] in WORDS:
        verb = VERBS[WORDS.index(document["decision"])]
        found = [title for code, title in reasons.items() if code != "R00"]
        noted = f" Noted: {'; '.join(found)}." if found else ""
        explanation = f"{verb} at a risk of {document['risk_score']:.2f}.{noted} The agents agreed."
    document["explanation"] = explanation
    return document
