"""The reasoning and the external checks, as the judge calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraud_platform.agents.coordinator import Settlement
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.runner import Absence
from fraud_platform.external import (
    ExternalChecks,
    request_of,
    with_findings,
    worth_checking,
)
from fraud_platform.learning.model import AGENTS
from fraud_platform.reasoning import CaseReviewer, borderline, case_of, explanations, reviewed
from fraud_platform.stream.ports import Consulted, Reviewed


class ModelReview:
    """The port ``CaseReview`` on a language model."""

    def __init__(self, reviewer: CaseReviewer) -> None:
        self._reviewer = reviewer

    def review(
        self,
        evidence: Evidence,
        answers: Sequence[Votes | Absence],
        settled: Settlement,
        deadline_s: float,
    ) -> Reviewed:
        """See the port."""
        rows = borderline(settled, answers)
        if not rows:
            return Reviewed(settled, {})
        cases = [case_of(row, evidence, AGENTS, answers, settled) for row in rows]
        reviews = self._reviewer.review(cases, deadline_s)
        return Reviewed(reviewed(settled, rows, reviews), explanations(rows, reviews))

    def figures(self) -> Mapping[str, Any]:
        """See the port."""
        return self._reviewer.figures()

    def close(self) -> None:
        """See the port."""
        self._reviewer.close()


class ServiceEvidence:
    """The port ``ExternalEvidence`` on the external checks."""

    def __init__(self, checks: ExternalChecks) -> None:
        self._checks = checks

    def consult(
        self,
        evidence: Evidence,
        answers: Sequence[Votes | Absence],
        settled: Settlement,
        deadline_s: float,
    ) -> Consulted:
        """See the port."""
        requests = [request_of(t) for t in evidence.transactions]
        rows = worth_checking(settled, answers, requests, AGENTS)
        if not rows:
            return Consulted(settled, answers)
        asked = [requests[row] for row in rows]
        findings = self._checks.check(asked, deadline_s)
        return Consulted(*with_findings(settled, answers, rows, asked, findings, AGENTS))

    def figures(self) -> Mapping[str, Any]:
        """See the port."""
        return self._checks.figures()

    def close(self) -> None:
        """See the port."""
        self._checks.close()
