"""The pattern detector: is this payment part of something bigger?

Velocity, fan-in and fan-out, sequences, sharing of devices, cards and addresses, campaigns on a
merchant or a network: everything that shows only across transactions.
"""

from __future__ import annotations

import numpy as np

from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.scorecard import Points, Rule, Scorecard
from fraud_platform.wire.transaction import REFUND

NAME = "pattern_detector"

RULES = (
    Rule("R20", lambda e: e["speed_kmh"] > 900.0),
    Rule("R21", lambda e: e["user_fast"] > 2.5),
    Rule("R22", lambda e: e["card_fast"] > 2.5),
    Rule("R23", lambda e: e["device_cards"] >= 3),
    Rule("R24", lambda e: e["device_users"] >= 3),
    Rule("R25", lambda e: e["ip_cards_fast"] > 2.5),
    Rule("R26", lambda e: e["net_cards_fast"] > 2.5),
    Rule("R27", lambda e: e["merchant_cards_fast"] > 6.0),
    Rule("R28", lambda e: (e["merchant_repeat"] > 2.5) & (e["merchant_n"] >= 6)),
    Rule("R29", lambda e: (e["merchant_round"] > 0.5) & (e["merchant_n"] >= 5)),
    Rule("R30", lambda e: (e["merchant_refunds"] > 0.1) & (e["merchant_n"] >= 5)),
    Rule("R31", lambda e: e["user_payees_day"] > 2.0),
    Rule("R32", lambda e: e["payee_payers"] >= 3),
    Rule("R33", lambda e: e["user_inflow"] > 1.0),
    Rule("R34", lambda e: (e["type"] == REFUND) & (e["user_refunds_month"] > 1.5)),
    Rule(
        "R35",
        lambda e: (
            np.maximum(
                np.maximum(e["card_mismatch_day"], e["device_mismatch_day"]), e["ip_mismatch_day"]
            )
            > 1.5
        ),
    ),
    Rule(
        "R36",
        lambda e: (e["user_n"] >= 4) & (e["user_spend_day"] > 0.6 * e["user_spend_month"]),
    ),
    Rule(
        "R37",
        lambda e: (
            np.maximum(np.maximum(e["device_small_fast"], e["ip_small_fast"]), e["card_small_fast"])
            > 1.5
        ),
    ),
)
"""Its rules, in the order of their points."""


class PatternDetector:
    """Scores each payment by the patterns it belongs to."""

    name = NAME

    def __init__(self, points: Points) -> None:
        self._scorecard = Scorecard(RULES, points)

    def judge(self, evidence: Evidence) -> Votes:
        """Confidence grows with what was seen of the card, the device and the address."""
        risk, reasons = self._scorecard.score(evidence)
        seen = np.maximum(
            np.maximum(evidence["card_n"], evidence["device_n"]), evidence["ip_n"]
        ).astype(np.float64)
        return Votes(risk, 0.6 + 0.4 * seen / (seen + 4.0), reasons)
