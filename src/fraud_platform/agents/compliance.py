"""The compliance agent: does this payment break a rule or look like laundering?

Structuring under limits, mule patterns and outgoing limits by a learned scorecard; parties on the
operator's block list by a veto, which no vote can overrule.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fraud_platform.agents.evidence import Evidence, Flags, Votes
from fraud_platform.agents.reasons import BIT
from fraud_platform.agents.scorecard import Points, Rule, Scorecard
from fraud_platform.errors import UsageError
from fraud_platform.wire.transaction import TRANSFER, WITHDRAWAL, Transaction

NAME = "compliance"

RULES = (
    Rule("R50", lambda e: (e["below_round"] > 0) & (e["below_round"] < 0.1) & _large(e)),
    Rule(
        "R51",
        lambda e: (
            (e["below_round"] > 0)
            & (e["below_round"] < 0.1)
            & _large(e)
            & (e["user_transfers_day"] + e["user_withdrawals_day"] > 1.5)
        ),
    ),
    Rule("R52", lambda e: e["payee_payers_day"] > 2.0),
    Rule("R53", lambda e: e["user_spend_day"] > 60.0),
    Rule(
        "R55",
        lambda e: (e["device_users"] >= 2) & (e["account_age"] >= 0) & (e["account_age"] < 180),
    ),
    Rule(
        "R56",
        lambda e: (
            ((e["type"] == TRANSFER) | (e["type"] == WITHDRAWAL))
            & (e["user_transfers_day"] + e["user_withdrawals_day"] > 2.5)
        ),
    ),
    Rule(
        "R57",
        lambda e: (e["account_age"] >= 0) & (e["account_age"] < 90) & (e["amount_scaled"] > 5.0),
    ),
)
"""Its rules, in the order of their points."""

_CONFIDENCE = 0.8


def _large(evidence: Evidence) -> Flags:
    return evidence["amount_scaled"] > 10.0


@dataclass(frozen=True, slots=True)
class BlockList:
    """Ids of blocked parties of any kind (customers, cards, devices, merchants, payees, addresses)
    and blocked countries."""

    parties: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether nothing is blocked."""
        return not self.parties and not self.countries

    def blocks(self, t: Transaction) -> bool:
        """Whether a party or place of this transaction is blocked."""
        return t.country in self.countries or not self.parties.isdisjoint(
            (t.user, t.card, t.device, t.merchant, t.payee, t.ip)
        )


def read_block_list(path: Path) -> BlockList:
    """Read ``{"parties": [...], "countries": [...]}``; raises ``UsageError``."""
    try:
        content = json.loads(path.read_text("utf-8"))
        lists = [content.get(key, []) for key in ("parties", "countries")]
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"--block-list {path}: {error}; give a JSON file") from error
    if not all(isinstance(one, list) and all(isinstance(i, str) for i in one) for one in lists):
        raise UsageError(f"--block-list {path}: parties and countries must be arrays of strings")
    return BlockList(frozenset(lists[0]), frozenset(lists[1]))


class Compliance:
    """Scores limits and laundering patterns, and vetoes blocked parties."""

    name = NAME

    def __init__(self, points: Points, block_list: BlockList | None = None) -> None:
        self._scorecard = Scorecard(RULES, points)
        self._block_list = block_list or BlockList()

    def judge(self, evidence: Evidence) -> Votes:
        """Votes, with a veto where a blocked party is involved."""
        risk, reasons = self._scorecard.score(evidence)
        confidence = np.full(len(evidence), _CONFIDENCE)
        if self._block_list.empty:
            return Votes(risk, confidence, reasons)
        veto = np.array([self._block_list.blocks(t) for t in evidence.transactions], dtype=np.bool_)
        reasons = np.where(veto, reasons | np.uint64(BIT["R54"]), reasons)
        return Votes(np.where(veto, 1.0, risk), confidence, reasons, veto)
