"""Second opinions on borderline cases, each by its deadline, with or without the model."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fraud_platform.agents.runner import Latch
from fraud_platform.reasoning.answer import Opinion
from fraud_platform.reasoning.bounds import Bounds, outcome_of
from fraud_platform.reasoning.caller import CallerOptions, ModelCaller
from fraud_platform.reasoning.explaining import explanation_of, told
from fraud_platform.reasoning.figures import SOURCES, ReasoningCounters
from fraud_platform.reasoning.jobs import Fallback, Job
from fraud_platform.reasoning.model import LanguageModel
from fraud_platform.reasoning.prompt import Case, prompt_of
from fraud_platform.remote.cache import StaleCache

MODEL, CACHE, FALLBACK = SOURCES


@dataclass(frozen=True, slots=True)
class ReviewerOptions:
    """How cases are reviewed."""

    caller: CallerOptions = field(default_factory=CallerOptions)
    bounds: Bounds = field(default_factory=Bounds)
    case_deadline_s: float = 10.0
    """No case waits longer, however much time its batch has."""
    cache_limit: int = 20_000
    cache_fresh_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Review:
    """What became of one case."""

    case_id: str
    source: str
    """``model``, ``cache`` (an equal case's answer) or ``fallback``."""
    fallback_reason: str | None
    """Of ``Fallback``; None unless the source is ``fallback``."""
    decision: str
    """APPROVE, REVIEW or DECLINE, within the bounds."""
    confidence: float
    moved: bool
    """Whether the model changed the decision."""
    explanation: str
    factors: tuple[str, ...]
    """The model's, weightiest first; the reason codes in a fallback."""
    model_decision: str | None
    """What the model would have done; None in a fallback."""
    attempts: int
    elapsed_s: float


class CaseReviewer:
    """Reviews cases from any number of threads; keeps a dispatcher and a pool of its own."""

    def __init__(
        self,
        model: LanguageModel,
        options: ReviewerOptions | None = None,
        seed: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``seed`` is of the backoff's jitter; None: another one in each process."""
        self._options = options or ReviewerOptions()
        self._clock = clock
        self._counters = ReasoningCounters()
        self._cache = StaleCache[str, Opinion](
            self._options.cache_limit, self._options.cache_fresh_s, 0.0
        )
        self._caller = ModelCaller(
            model,
            self._options.caller,
            self._counters,
            random.Random(seed),
            clock,
            self._remember,
        )

    def review(self, cases: Sequence[Case], deadline_s: float) -> list[Review]:
        """One review per case, in their order, within ``deadline_s`` seconds.

        Equal cases are asked once. Never raises for anything that the model or the service does.
        """
        if not cases:
            return []
        begun_s = self._clock()
        until_s = begun_s + min(deadline_s, self._options.case_deadline_s)
        digests = [case.digest for case in cases]
        distinct = dict(zip(digests, cases, strict=True))
        known = self._known(distinct, begun_s)
        latch = Latch(len(distinct) - len(known))
        jobs = {
            digest: Job(digest, prompt_of(case), until_s, latch)
            for digest, case in distinct.items()
            if digest not in known
        }
        if jobs:
            self._ask(list(jobs.values()), latch, until_s)
        reviews = [
            _cached(digest, case, known[digest], self._options.bounds)
            if digest in known
            else _reviewed(jobs[digest], case, begun_s, self._options.bounds)
            for digest, case in zip(digests, cases, strict=True)
        ]
        self._count(cases, reviews)
        return reviews

    def figures(self) -> dict[str, Any]:
        """Everything countable since the start, as plain values."""
        caller = self._caller
        depth = caller.depth()
        with caller.changed:
            document = self._counters.document()
            document["quota"] = {
                "rate_tps": round(caller.permits.rate_tps, 3),
                "cuts": caller.permits.cuts,
            }
            document["queue"] = {"depth": depth, "limit": self._options.caller.queue_limit}
            document["cache"] = {"entries": len(self._cache), "evicted": self._cache.evicted}
        document["breaker"] = caller.breaker.figures()
        return document

    def close(self) -> None:
        """End what waits (as ``closed``) and the threads."""
        self._caller.close()

    def _ask(self, jobs: list[Job], latch: Latch, until_s: float) -> None:
        """Have all of them ended by their deadline."""
        with self._caller.changed:
            self._counters.took_in(len(jobs))
        self._caller.put(jobs)
        latch.wait(until_s - self._clock())
        now_s = self._clock()
        for job in jobs:
            if job.result is None:
                self._caller.overdue(job, now_s)
        with self._caller.changed:
            self._counters.let_go(len(jobs))

    def _known(self, distinct: dict[str, Case], now_s: float) -> dict[str, Opinion]:
        with self._caller.changed:
            found = {digest: self._cache.get(digest, now_s) for digest in distinct}
        return {digest: entry.value for digest, entry in found.items() if entry is not None}

    def _remember(self, digest: str, opinion: Opinion) -> None:
        with self._caller.changed:
            self._cache.put(digest, opinion, self._clock())

    def _count(self, cases: Sequence[Case], reviews: Sequence[Review]) -> None:
        counters = self._counters
        with self._caller.changed:
            for case, review in zip(cases, reviews, strict=True):
                counters.reviewed(
                    review.source, review.fallback_reason, review.moved, review.elapsed_s
                )
                counters.confidence(case.confidence, review.confidence)


def _reviewed(job: Job, case: Case, begun_s: float, bounds: Bounds) -> Review:
    elapsed_s = max(0.0, job.ended_s - begun_s)
    if isinstance(job.result, Opinion):
        return _with_opinion(job.digest, MODEL, case, job.result, bounds, job.attempts, elapsed_s)
    assert isinstance(job.result, Fallback), "every job has ended by now"
    return Review(
        case_id=job.digest,
        source=FALLBACK,
        fallback_reason=job.result.value,
        decision=case.decision,
        confidence=case.confidence,
        moved=False,
        explanation=explanation_of(case),
        factors=tuple(case.reasons) or ("R00",),
        model_decision=None,
        attempts=job.attempts,
        elapsed_s=elapsed_s,
    )


def _cached(digest: str, case: Case, opinion: Opinion, bounds: Bounds) -> Review:
    return _with_opinion(digest, CACHE, case, opinion, bounds, 0, 0.0)


def _with_opinion(
    digest: str,
    source: str,
    case: Case,
    opinion: Opinion,
    bounds: Bounds,
    attempts: int,
    elapsed_s: float,
) -> Review:
    outcome = outcome_of(case, opinion, bounds)
    return Review(
        case_id=digest,
        source=source,
        fallback_reason=None,
        decision=outcome.decision,
        confidence=outcome.confidence,
        moved=outcome.moved,
        explanation=told(case, outcome.decision, outcome.moved, opinion),
        factors=opinion.factors,
        model_decision=opinion.decision,
        attempts=attempts,
        elapsed_s=elapsed_s,
    )
