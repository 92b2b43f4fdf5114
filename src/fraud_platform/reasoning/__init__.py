"""Reasoning about borderline cases with a language model on Amazon Bedrock.

How a handler uses it, once per process and then once per micro-batch::

    model = BedrockModel(BedrockOptions(model_id, endpoint_url))       # bedrock.py
    reviewer = CaseReviewer(model, ReviewerOptions(...))               # reviewer.py

    rows = borderline(settled, answers)                                # cases.py -> list[int]
    cases = [case_of(row, evidence, AGENTS, answers, settled) for row in rows]
    reviews = reviewer.review(cases, deadline_s)                       # -> list[Review], in order
    settled = reviewed(settled, rows, reviews)                         # outcome.py -> Settlement
    texts = explanations(rows, reviews)                                # -> dict[row, str]

    reviewer.figures()                                                 # -> dict of plain values
    reviewer.close()

Signatures::

    borderline(settled: Settlement, answers: Sequence[Votes | Absence], band: Band | None = None)
    case_of(row: int, evidence: Evidence, agents: Sequence[str],
            answers: Sequence[Votes | Absence], settled: Settlement) -> Case
    CaseReviewer(model: LanguageModel, options: ReviewerOptions | None = None,
                 seed: int | None = None, clock: Callable[[], float] = time.monotonic)
    CaseReviewer.review(cases: Sequence[Case], deadline_s: float) -> list[Review]

``review`` is synchronous, may be called from several threads, returns within ``deadline_s`` and
never raises for what the model or the service does: such cases come back as fallbacks with the
reason recorded. The quota is given as ``ReviewerOptions(caller=CallerOptions(quota=Quota(
requests_per_min=…, tokens_per_min=…)))`` and learned where it is not.
"""

from fraud_platform.reasoning.bedrock import BedrockModel, BedrockOptions
from fraud_platform.reasoning.bounds import Bounds
from fraud_platform.reasoning.caller import CallerOptions
from fraud_platform.reasoning.cases import Band, borderline, case_of
from fraud_platform.reasoning.outcome import explanations, reviewed
from fraud_platform.reasoning.quota import Quota
from fraud_platform.reasoning.reviewer import CaseReviewer, Review, ReviewerOptions

__all__ = [
    "Band",
    "BedrockModel",
    "BedrockOptions",
    "Bounds",
    "CallerOptions",
    "CaseReviewer",
    "Quota",
    "Review",
    "ReviewerOptions",
    "borderline",
    "case_of",
    "explanations",
    "reviewed",
]
