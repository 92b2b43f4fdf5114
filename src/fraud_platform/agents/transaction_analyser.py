"""The transaction analyser: is this payment, by itself, like its customer?

It looks at amount, channel, card checks, authentication, clock and place against the customer's
own profile, and at nothing that others did.
"""

from __future__ import annotations

import numpy as np

from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.scorecard import Points, Rule, Scorecard
from fraud_platform.wire.transaction import (
    ABSENT,
    AUTH_NONE,
    MISMATCH,
    ONLINE,
    PURCHASE,
    TRANSFER,
)

NAME = "transaction_analyser"

RULES = (
    Rule("R01", lambda e: (e["cvv"] == MISMATCH) | (e["avs"] == MISMATCH)),
    Rule("R02", lambda e: (e["channel"] == ONLINE) & (e["cvv"] == ABSENT) & (e["avs"] == ABSENT)),
    Rule("R03", lambda e: (e["user_deviation"] > 2.0) & (e["amount_scaled"] > 2.0)),
    Rule("R04", lambda e: e["amount_scaled"] > 10.0),
    Rule("R05", lambda e: (e["device_age"] >= 0) & (e["device_age"] <= 2)),
    Rule("R06", lambda e: e["abroad"] == 1),
    Rule(
        "R07",
        lambda e: (
            (e["channel"] == ONLINE)
            & (e["authentication"] == AUTH_NONE)
            & (e["amount_scaled"] > 5.0)
        ),
    ),
    Rule("R08", lambda e: (e["account_age"] >= 0) & (e["account_age"] < 60)),
    Rule("R09", lambda e: (e["card_age"] >= 0) & (e["card_age"] < 30)),
    Rule(
        "R10",
        lambda e: (
            (e["type"] == PURCHASE)
            & (e["zeros"] >= 1)
            & (e["channel"] == ONLINE)
            & (e["amount_scaled"] > 1.0)
        ),
    ),
    Rule("R11", lambda e: e["home_km"] > 1500.0),
    Rule("R12", lambda e: (e["channel"] == ONLINE) & (e["amount_scaled"] < 0.15)),
    Rule("R13", lambda e: (e["type"] == TRANSFER) & (e["amount_scaled"] > 10.0)),
    Rule("R14", lambda e: (e["hour"] < 5.0) & (e["user_deviation"] > 1.5)),
    Rule(
        "R38",
        lambda e: (e["type"] == TRANSFER) & (e["known_payee"] == 0) & (e["amount_scaled"] > 5.0),
    ),
)
"""Its rules, in the order of their points."""


class TransactionAnalyser:
    """Scores each payment against its own customer's profile."""

    name = NAME

    def __init__(self, points: Points) -> None:
        self._scorecard = Scorecard(RULES, points)

    def judge(self, evidence: Evidence) -> Votes:
        """Confidence grows with the number of payments known of the customer."""
        risk, reasons = self._scorecard.score(evidence)
        known = evidence["user_n"].astype(np.float64)
        return Votes(risk, 0.6 + 0.4 * known / (known + 4.0), reasons)
