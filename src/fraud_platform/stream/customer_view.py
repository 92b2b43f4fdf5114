"""What is shown of a customer's profile: counts and habits, no card and no account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp
from typing import Any

import orjson

from fraud_platform.agents.coordinator import WORDS
from fraud_platform.stream.profiles import CUSTOMER_FIELDS, Profile, StoredProfile

_CARD, _DEVICE, _MERCHANT, _PAYEE, _COUNTRY = "12345"
_MEAN, _SEEN = CUSTOMER_FIELDS.index("mean"), CUSTOMER_FIELDS.index("n")


def customer_body(user: str, stored: StoredProfile) -> bytes:
    """The answer to a question for a customer, as JSON."""
    profile = stored.profile
    document = {
        "user_id": user,
        "known_since_s": profile.since_s or None,
        "transactions": sum(profile.tally.get(word, 0) for word in WORDS),
        "decisions": {word: profile.tally.get(word, 0) for word in WORDS},
        "recent": [made._asdict() for made in reversed(profile.recent)],
        "habits": _habits(profile, stored.customer),
    }
    return orjson.dumps(document)


def _habits(profile: Profile, customer: Sequence[float]) -> dict[str, Any]:
    """From the things met: the kind's digit, then the name (a merchant behind its card)."""
    kinds = Counter(thing[0] for thing in profile.met)
    merchants = {thing.rpartition("|")[2] for thing in profile.met if thing[0] == _MERCHANT}
    return {
        "cards": kinds[_CARD],
        "devices": kinds[_DEVICE],
        "merchants": len(merchants),
        "payees": kinds[_PAYEE],
        "countries": sorted(thing[1:] for thing in profile.met if thing[0] == _COUNTRY),
        "usual_amount": round(exp(customer[_MEAN]), 3) if customer[_SEEN] else None,
    }
