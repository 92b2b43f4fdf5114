"""The reasoning and the external checks, as the judge calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from fraud_platform.external import (
    CheckRequest,
    ExternalChecks,
    request_of,
    with_findings,
    worth_checking,
)
from fraud_platform.learning.model import AGENTS
from fraud_platform.reasoning import CaseReviewer, borderline, case_of, explanations, reviewed
from fraud_platform.stream.ports import Panelled, Reviewed


class ModelReview:
    """The port ``CaseReview`` on a language model."""

    def __init__(self, reviewer: CaseReviewer) -> None:
        self._reviewer = reviewer

    def review(self, batches: Sequence[Panelled], deadline_s: float) -> list[Reviewed]:
        """See the port. All cases are with the model at the same time."""
        rows = [borderline(one.settled, one.answers) for one in batches]
        cases = [
            case_of(row, one.evidence, AGENTS, one.answers, one.settled)
            for one, found in zip(batches, rows, strict=True)
            for row in found
        ]
        reviews = iter(self._reviewer.review(cases, deadline_s))
        result = []
        for one, found in zip(batches, rows, strict=True):
            ours = list(islice(reviews, len(found)))
            settled = reviewed(one.settled, found, ours) if found else one.settled
            result.append(Reviewed(settled, explanations(found, ours)))
        return result

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

    def consult(self, batches: Sequence[Panelled], deadline_s: float) -> list[Panelled]:
        """See the port. All lookups are on their way at the same time."""
        rows: list[list[int]] = []
        asked: list[list[CheckRequest]] = []
        for one in batches:
            requests = [request_of(t) for t in one.evidence.transactions]
            rows.append(worth_checking(one.settled, one.answers, requests, AGENTS))
            asked.append([requests[row] for row in rows[-1]])
        findings = iter(self._checks.check([r for some in asked for r in some], deadline_s))
        result = []
        for one, found, requests in zip(batches, rows, asked, strict=True):
            ours = list(islice(findings, len(found)))
            settled, answers = with_findings(
                one.settled, one.answers, found, requests, ours, AGENTS
            )
            result.append(Panelled(one.evidence, answers, settled))
        return result

    def figures(self) -> Mapping[str, Any]:
        """See the port."""
        return self._checks.figures()

    def close(self) -> None:
        """See the port."""
        self._checks.close()
