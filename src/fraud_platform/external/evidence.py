"""From what the checks found to votes: a pure adjustment on the risk assessor's side.

Findings add log-odds to the risk assessor's risk and reason codes to its vote; the vote is then
settled again, by the same weights. As with the scorecards' rules, findings only ever speak for
fraud: that nothing is known against somebody is what is expected. An outcome that the worst
findings could not change needs no check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fraud_platform.agents.coordinator import Coordinator, Settlement
from fraud_platform.agents.evidence import Floats, Votes
from fraud_platform.agents.reasons import BIT
from fraud_platform.agents.risk_assessor import NAME
from fraud_platform.agents.runner import Absence
from fraud_platform.external.answers import IdentityLevel, Location
from fraud_platform.external.findings import CheckRequest, Findings
from fraud_platform.external.lookup import Source

_LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class CheckPoints:
    """What findings add to the risk assessor's risk, in log-odds. Set by judgement, not learned:
    no history says what the services would have answered. 0.7 doubles the odds of fraud."""

    identity_none: float = 1.5
    identity_partial: float = 0.5
    device_listed: float = 2.0
    payee_listed: float = 2.0
    address_listed: float = 1.2
    proxy: float = 1.2
    elsewhere: float = 1.0
    """The address is in another country than the payment says."""
    uncertain_share: float = 0.5
    """What remains of the points of a stale or neighbouring answer."""
    most: float = 3.0


Answers = Sequence[Votes | Absence]


def worth_checking(
    settled: Settlement,
    answers: Answers,
    requests: Sequence[CheckRequest],
    agents: Sequence[str],
    points: CheckPoints | None = None,
) -> list[int]:
    """Rows whose decision the worst findings would change; ``agents`` in voting order.

    None where the risk assessor is missing, there is no quorum, or a veto has decided.
    """
    votes = answers[agents.index(NAME)]
    if settled.weights is None or isinstance(votes, Absence):
        return []
    p = points or CheckPoints()
    worst = np.array([_worst(request, p) for request in requests])
    supposed = list(answers)
    supposed[agents.index(NAME)] = replace(votes, risk=_raised(votes.risk, worst))
    again = _settle(supposed, settled, len(requests))
    rows: list[int] = (again.decision != settled.decision).nonzero()[0].tolist()
    return rows


def with_findings(
    settled: Settlement,
    answers: Answers,
    rows: Sequence[int],
    requests: Sequence[CheckRequest],
    findings: Sequence[Findings],
    agents: Sequence[str],
    points: CheckPoints | None = None,
) -> tuple[Settlement, list[Votes | Absence]]:
    """Settlement and votes with the findings on ``rows`` weighed in; nothing else changes.

    ``requests`` and ``findings`` are in the order of ``rows``.
    """
    place = agents.index(NAME)
    votes = answers[place]
    if settled.weights is None or isinstance(votes, Absence) or not rows:
        return settled, list(answers)
    p = points or CheckPoints()
    weighed = [weigh(r, f, p) for r, f in zip(requests, findings, strict=True)]
    at = np.array(rows, dtype=np.int64)
    risk, bits = votes.risk.copy(), votes.reasons.copy()
    risk[at] = _raised(risk[at], np.array([points for points, _ in weighed]))
    bits[at] |= np.array([found for _, found in weighed], dtype=np.uint64)
    changed = list(answers)
    changed[place] = replace(votes, risk=risk, reasons=bits)
    part = _settle([_rows(answer, at) for answer in changed], settled, len(at))
    result = replace(
        settled,
        decision=settled.decision.copy(),
        score=settled.score.copy(),
        confidence=settled.confidence.copy(),
        reasons=settled.reasons.copy(),
        disagreement=settled.disagreement.copy(),
    )
    result.decision[at], result.score[at] = part.decision, part.score
    result.confidence[at], result.disagreement[at] = part.confidence, part.disagreement
    result.reasons[at] |= part.reasons
    return result, changed


def weigh(request: CheckRequest, findings: Findings, points: CheckPoints) -> tuple[float, int]:
    """Log-odds (0 … ``points.most``) and reason bits of one transaction's findings."""
    total, bits = 0.0, 0
    for code, value, source in _found(request, findings, points):
        certain = source in (Source.SERVICE, Source.CACHE)
        total += value * (1.0 if certain else points.uncertain_share)
        bits |= BIT[code]
    if findings.missing:
        bits |= BIT["R66"]
    return min(total, points.most), bits


def _found(
    request: CheckRequest, findings: Findings, p: CheckPoints
) -> list[tuple[str, float, Source]]:
    found: list[tuple[str, float, Source]] = []
    identity = findings.identity
    if identity is not None and identity.value is not None:
        if identity.value.level is IdentityLevel.NONE:
            found.append(("R60", p.identity_none, identity.source))
        elif identity.value.level is IdentityLevel.PARTIAL:
            found.append(("R61", p.identity_partial, identity.source))
    for code, value, listing in (
        ("R62", p.device_listed, findings.device),
        ("R63", p.payee_listed, findings.payee),
        ("R64", p.address_listed, findings.address),
    ):
        if listing is not None and listing.listed:
            found.append((code, value, listing.source))
    location = findings.location
    if location is not None and location.value is not None:
        found += _place(request, location.value, location.source, p)
    return found


def _place(
    request: CheckRequest, location: Location, source: Source, p: CheckPoints
) -> list[tuple[str, float, Source]]:
    if location.proxy:
        return [("R65", p.proxy, source)]
    if location.country is not None and location.country != request.country:
        return [("R67", p.elsewhere, source)]
    return []


def _worst(request: CheckRequest, p: CheckPoints) -> float:
    worst = p.identity_none
    worst += p.device_listed if request.device is not None else 0.0
    worst += p.payee_listed if request.payee is not None else 0.0
    if request.ip is not None:
        worst += p.address_listed + max(p.proxy, p.elsewhere)
    return min(worst, p.most)


def _raised(risk: Floats, log_odds: Floats) -> Floats:
    p = np.clip(risk, _LEAST, 1.0 - _LEAST)
    raised: Floats = 1.0 / (1.0 + (1.0 - p) / p * np.exp(-log_odds))
    return raised


def _settle(answers: Answers, settled: Settlement, size: int) -> Settlement:
    """Settle by the same weights, outside of the real coordinator's counts."""
    assert settled.weights is not None
    present = sum(1 << k for k, answer in enumerate(answers) if isinstance(answer, Votes))
    return Coordinator({present: settled.weights}).settle(answers, size)


def _rows(answer: Votes | Absence, at: NDArray[np.int64]) -> Votes | Absence:
    if isinstance(answer, Absence):
        return answer
    veto = None if answer.veto is None else answer.veto[at]
    return Votes(answer.risk[at], answer.confidence[at], answer.reasons[at], veto)
