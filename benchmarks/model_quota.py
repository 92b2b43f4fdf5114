"""Many cases at once against a model with a quota: ``python -m benchmarks.model_quota``.

The platform's own reasoning on a Bedrock with a quota that it is not told of: the cloud twin's.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.comparators import SquallEngine
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import require_two_cores
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread
from benchmarks.servers.aws_calls import KEY, REGION
from benchmarks.servers.clouds import TWIN, RunningCloud, running
from fraud_platform.reasoning import (
    BedrockModel,
    BedrockOptions,
    CallerOptions,
    CaseReviewer,
    ReviewerOptions,
)
from fraud_platform.reasoning.prompt import Case, CaseFacts, Vote

CASES = 500
QUOTA_TPS = 100
DEADLINE_S = 30.0
MODEL = "us.amazon.nova-2-lite-v1:0"
PACE = {"first_token_ms": 300.0, "tokens_per_s": 233.0}
"""Medians of this model on a public gateway (vercel.com/ai-gateway/models, 2026)."""
THROTTLED = 429

METHOD = (
    f"{CASES} distinct borderline cases are handed over at one moment; all of them may be on the "
    "wire at once. The reviewer is told no quota and learns it from being throttled.",
    f"Bedrock is the cloud twin's, with {QUOTA_TPS} requests a second and the answering pace of "
    f"{MODEL} (0.3 s to the first token, then 233 a second). Its answers are those of its "
    "deterministic reasoner.",
    f"A case has {DEADLINE_S:.0f} s. It is unanswered when neither the model nor the fallback "
    "decided it. Attempts and the waits between them are the twin's own record of the wire, by "
    "`amz-sdk-invocation-id`.",
)


@dataclass(frozen=True, slots=True)
class Rush:
    """What became of one rush."""

    by_model: int
    fallen_back: int
    unanswered: int
    attempts: int
    throttled: int
    took_s: float
    waits_s: tuple[float, ...]
    """Mean wait before the second, third … attempt, seconds, where ten cases or more had one."""


def measure_all(options: Options) -> Record:
    """Rushes, each on a fresh twin."""
    require_two_cores()
    repeats = options.repeats or (1 if options.quick else 3)
    noise = NoiseMeter()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, KEY)
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        rushes = []
        for number in range(repeats):
            with running(TWIN, Path(scratch) / f"twin-{number}") as twin:
                rushes.append(_rush(twin, number))
    return Record(
        benchmark="model_quota",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"Rushes: {repeats}, each on a fresh twin."),
        tools={"squall": SquallEngine().version() or "not installed"},
        bars=bars_of(rushes),
        tables=(table_of(rushes),),
        rounds=tuple(asdict(rush) | {"waits_s": list(rush.waits_s)} for rush in rushes),
    )


def _rush(twin: RunningCloud, seed: int) -> Rush:
    quota = {"requests_per_minute": QUOTA_TPS * 60.0, "tokens_per_minute": 1e9}
    twin.set_limits({"bedrock-runtime": {**quota, **PACE}})
    model = BedrockModel(BedrockOptions(MODEL, twin.url, REGION))
    caller = CallerOptions(concurrency=CASES, most_attempts=20)
    reviewer = CaseReviewer(
        model, ReviewerOptions(caller, case_deadline_s=DEADLINE_S), seed=1000 + seed
    )
    begun_s = time.monotonic()
    reviews = reviewer.review([_case(number) for number in range(CASES)], DEADLINE_S)
    took_s = time.monotonic() - begun_s
    reviewer.close()
    sources = Counter(review.source for review in reviews)
    wire = _wire(twin)
    attempts = [attempt for call in wire for attempt in call["attempts"]]
    rush = Rush(
        by_model=sources["model"],
        fallen_back=sources["fallback"],
        unanswered=CASES - sources["model"] - sources["fallback"],
        attempts=len(attempts),
        throttled=sum(attempt["status"] == THROTTLED for attempt in attempts),
        took_s=round(took_s, 2),
        waits_s=mean_waits_s(wire),
    )
    say(f"rush: {rush.by_model} by the model, {rush.throttled} throttled, {rush.took_s} s")
    return rush


def _case(number: int) -> Case:
    """A borderline case; no two are equal, so that no answer serves two."""
    return Case(
        facts=CaseFacts(
            "purchase", "online", 6.2, "EUR", "5732", "DE", "FR", 14, "match", "absent", "none",
            400, 31, 0,
        ),
        review_from=0.4,
        decline_from=0.9,
        decision="REVIEW",
        risk_score=0.45,
        confidence=0.55,
        disagreement=True,
        votes=(
            Vote("transaction_analyser", "voted", 0.7, 0.8, ("R05",)),
            Vote("pattern_detector", "voted", 0.1, 0.9, ()),
            Vote("risk_assessor", "voted", 0.4, 0.6, ()),
            Vote("compliance", "voted", 0.2, 0.8, ()),
        ),
        reasons={"R05": "The device is new: known for 0 days"},
        features={"amount_scaled": 6.2, "number": number},
    )  # fmt: skip


def _wire(twin: RunningCloud) -> list[dict[str, Any]]:
    url = f"{twin.url}/_twin/attempts?service=bedrock-runtime&limit=10000"
    with urllib.request.urlopen(url, timeout=30) as answer:
        calls: list[dict[str, Any]] = json.loads(answer.read())["calls"]
    return calls


def mean_waits_s(wire: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    """Mean seconds from each attempt to the next, by the attempt's number."""
    gaps: list[list[float]] = []
    for call in wire:
        times = sorted(attempt["at_s"] for attempt in call["attempts"])
        for place, (one, two) in enumerate(pairwise(times)):
            if place == len(gaps):
                gaps.append([])
            gaps[place].append(two - one)
    return tuple(round(sum(waits) / len(waits), 3) for waits in gaps if len(waits) >= 10)


def bars_of(rushes: Sequence[Rush]) -> dict[str, float]:
    """The bars: the worst rush."""
    if not rushes:
        return {}
    return {
        "model_quota_unanswered": max(rush.unanswered for rush in rushes),
        "model_quota_requests_retried": min(rush.throttled for rush in rushes),
    }


def table_of(rushes: Sequence[Rush]) -> Table:
    """A row per rush."""
    spread = Spread.of([rush.took_s for rush in rushes])
    return Table(
        title=f"{CASES} cases at once, {QUOTA_TPS} calls a second",
        columns=(
            "answered by the model",
            "fallen back",
            "unanswered",
            "attempts on the wire",
            "of them throttled",
            "mean wait before attempt 2, 3, … s",
            "all decided after s",
        ),
        rows=tuple(
            (
                rush.by_model,
                rush.fallen_back,
                rush.unanswered,
                rush.attempts,
                rush.throttled,
                ", ".join(f"{wait_s:.2f}" for wait_s in rush.waits_s),
                f"{rush.took_s:.1f}",
            )
            for rush in rushes
        ),
        note=f"Median of the last column: {spread.median:.1f} s.",
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
