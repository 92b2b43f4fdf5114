"""From a settled micro-batch to answers and records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from fraud_platform.agents.coordinator import APPROVE, DECLINE, WORDS, Settlement
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.explained import VERBS, explained
from fraud_platform.agents.reasons import reasons_in
from fraud_platform.agents.runner import Absence
from fraud_platform.state.features import NAMES
from fraud_platform.store.records import Record
from fraud_platform.wire.answers import decision_body
from fraud_platform.wire.transaction import Transaction, run_of

_MOST_REASONS = 6
_VOTE = np.dtype([("risk", "<f4"), ("confidence", "<f4"), ("bits", "<u8"), ("state", "u1")])
_VOTED = 0
_STATES = {Absence.LATE: 1, Absence.FAILED: 2, Absence.PASSED_OVER: 3}
_STATE_WORDS = ("voted", "late", "failed", "passed over")


class VerdictWriter:
    """Writes answers and records; ``agents`` are their names in voting order."""

    def __init__(self, agents: Sequence[str]) -> None:
        self._agents = tuple(agents)
        self._codes: dict[int, str] = {}

    def write(
        self, evidence: Evidence, answers: Sequence[Votes | Absence], settled: Settlement
    ) -> list[Record]:
        """One record per transaction, its answer inside."""
        votes = self._pack(answers, len(evidence))
        stride = _VOTE.itemsize * len(self._agents)
        packed = votes.tobytes()
        decisions = settled.decision.tolist()
        scores = settled.score.tolist()
        confidences = settled.confidence.tolist()
        reasons = settled.reasons.tolist()
        told = (settled.decision != APPROVE) | settled.disagreement
        told |= any(isinstance(answer, Absence) for answer in answers)
        explained = told.tolist()
        records = []
        for row, t in enumerate(evidence.transactions):
            word = WORDS[decisions[row]]
            answer = decision_body(
                t.transaction_id, word, scores[row], confidences[row],
                self._codes_json(reasons[row]),
            )  # fmt: skip
            explanation = self._explain(row, evidence, answers, settled) if explained[row] else None
            records.append(
                _record(t, word, answer, packed[row * stride : (row + 1) * stride], explanation)
            )
        return records

    def _codes_json(self, bits: int) -> str:
        known = self._codes.get(bits)
        if known is None:
            codes = [reason.code for reason in reasons_in(bits)][:_MOST_REASONS] or ["R00"]
            known = orjson.dumps(codes).decode()
            if len(self._codes) < 100_000:
                self._codes[bits] = known
        return known

    def _pack(self, answers: Sequence[Votes | Absence], size: int) -> NDArray[Any]:
        votes = np.zeros((size, len(self._agents)), dtype=_VOTE)
        for place, answer in enumerate(answers):
            if isinstance(answer, Absence):
                votes["state"][:, place] = _STATES[answer]
            else:
                votes["risk"][:, place] = answer.risk
                votes["confidence"][:, place] = answer.confidence
                votes["bits"][:, place] = answer.reasons
        return votes

    def _explain(
        self,
        row: int,
        evidence: Evidence,
        answers: Sequence[Votes | Absence],
        settled: Settlement,
    ) -> str:
        """Why, in sentences: the verdict, the reasons with their figures, the votes."""
        parts = [self._verdict(row, settled)]
        features = dict(zip(NAMES, evidence.matrix[row].tolist(), strict=True))
        found = list(reasons_in(int(settled.reasons[row])))[:_MOST_REASONS]
        parts += [f"{reason.sentence.format_map(features)}." for reason in found]
        if settled.disagreement[row]:
            voices = ", ".join(
                f"{name} {answer.risk[row]:.2f}"
                for name, answer in zip(self._agents, answers, strict=True)
                if isinstance(answer, Votes)
            )
            parts.append(f"The agents disagreed ({voices}); the weighted vote decided.")
        return " ".join(parts)

    def _verdict(self, row: int, settled: Settlement) -> str:
        decision = int(settled.decision[row])
        verb, weights = VERBS[decision], settled.weights
        if weights is None:
            return f"{verb}: too few agents could be heard."
        score = settled.score[row]
        if decision == DECLINE:
            return f"{verb} at a risk of {score:.2f} (declined from {weights.decline_from:.2f} on)."
        return f"{verb} at a risk of {score:.2f} (reviewed from {weights.review_from:.2f} on)."


def _record(
    t: Transaction, word: str, answer: bytes, votes: bytes, explanation: str | None
) -> Record:
    return Record(
        t.transaction_id, run_of(t.transaction_id), t.digest, t.type, word, t.amount, t.currency,
        t.user, t.original, answer, votes, explanation, t.event_s,
    )  # fmt: skip


def detail_body(
    agents: Sequence[str], answer: bytes, votes: bytes, explanation: str | None
) -> bytes:
    """The answer to a look-up by id: the decision with its votes and explanation."""
    document = explained(answer, explanation)
    told = document.pop("explanation")
    document["votes"] = [
        {
            "agent": name,
            "state": _STATE_WORDS[int(vote["state"])],
            "risk": round(float(vote["risk"]), 4) if vote["state"] == _VOTED else None,
            "confidence": round(float(vote["confidence"]), 2) if vote["state"] == _VOTED else None,
            "reason_codes": [reason.code for reason in reasons_in(int(vote["bits"]))],
        }
        for name, vote in zip(agents, np.frombuffer(votes, dtype=_VOTE), strict=True)
    ]
    document["explanation"] = told
    return orjson.dumps(document)
