"""What reviewers have done since their start, as the agent dashboard wants it.

One reviewer's figures are plain values that can be merged: what adds up, with histograms as slots.
The merged document has no slots, and ratios, means and percentiles of all reviewers together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fraud_platform.monitoring.histogram import Latencies, merged
from fraud_platform.reasoning.jobs import Fallback
from fraud_platform.remote.breaker import merged_breakers

SOURCES = ("model", "cache", "fallback")
"""Where a review comes from."""
_COUNTERS = (
    "cases", "moved", "calls", "throttles", "requeued", "retries", "failures", "malformed_answers",
)  # fmt: skip
_MOSTS = ("cases_at_once_max", "calls_at_once_max")
_SLOTS = ("call", "case", "answered")


@dataclass(slots=True)
class ReasoningCounters:
    """Written under the reviewer's lock."""

    cases: int = 0
    by_source: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    """By reason."""
    moved: int = 0
    """Decisions that the model changed, by one step each."""
    calls: int = 0
    """Attempts on the wire."""
    throttles: int = 0
    requeued: int = 0
    """Throttled cases that went back into the queue; for the others no time was left."""
    retries: int = 0
    failures: int = 0
    malformed_answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    call_latency: Latencies = field(default_factory=Latencies)
    """Of answered attempts, from sending to answer."""
    case_latency: Latencies = field(default_factory=Latencies)
    """Of cases, from being handed over to their review, fallbacks included."""
    answered_latency: Latencies = field(default_factory=Latencies)
    """Of those cases that the model answered."""
    case_s: float = 0.0
    answered_s: float = 0.0
    cases_now: int = 0
    """Cases that are waiting for the model."""
    cases_at_once_max: int = 0
    calls_at_once_max: int = 0
    confidence_ratio_sum: float = 0.0
    confidence_ratio_min: float = 1.0
    confidence_ratio_max: float = 1.0

    def took_in(self, cases: int) -> None:
        """So many cases begin to wait for the model."""
        self.cases_now += cases
        self.cases_at_once_max = max(self.cases_at_once_max, self.cases_now)

    def let_go(self, cases: int) -> None:
        """So many cases wait no longer."""
        self.cases_now -= cases

    def reviewed(self, source: str, fallback: str | None, moved: bool, elapsed_s: float) -> None:
        """One case has its review."""
        self.cases += 1
        self.by_source[source] += 1
        if fallback is not None:
            self.fallbacks[fallback] += 1
        self.moved += moved
        self.case_latency.record(elapsed_s)
        self.case_s += elapsed_s
        if source == "model":
            self.answered_latency.record(elapsed_s)
            self.answered_s += elapsed_s

    def confidence(self, before: float, after: float) -> None:
        """One case's confidence as the votes give it, and after the review."""
        ratio = after / before if before > 0 else 1.0
        self.confidence_ratio_sum += ratio
        self.confidence_ratio_min = min(self.confidence_ratio_min, ratio)
        self.confidence_ratio_max = max(self.confidence_ratio_max, ratio)

    def document(self) -> dict[str, Any]:
        """As plain values; ``slots`` and ``sums`` are there to be merged."""
        counted: dict[str, Any] = {
            **{name: getattr(self, name) for name in (*_COUNTERS, *_MOSTS)},
            "by_source": dict(self.by_source),
            "fallbacks": dict(self.fallbacks),
            "tokens": {"input": self.input_tokens, "output": self.output_tokens},
            "slots": {
                "call": dict(self.call_latency.counts),
                "case": dict(self.case_latency.counts),
                "answered": dict(self.answered_latency.counts),
            },
            "sums": {
                "case_s": self.case_s,
                "answered_s": self.answered_s,
                "confidence_ratio": self.confidence_ratio_sum,
            },
            "confidence": {
                "ratio_min": round(self.confidence_ratio_min, 5),
                "ratio_max": round(self.confidence_ratio_max, 5),
            },
        }
        return {**counted, **_derived([counted])}


def merged_reasoning(
    everyone: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Figures of several reviewers (``CaseReviewer.figures``) as one document.

    Counters and histograms add up over ``everyone``; what is now (queue, cache, learned rate,
    breakers) is of those ``running``. ``…_at_once_max`` is the most of a single reviewer: what
    certainly was at the same time.
    """
    document: dict[str, Any] = {name: sum(one[name] for one in everyone) for name in _COUNTERS}
    document |= {name: max((one[name] for one in everyone), default=0) for name in _MOSTS}
    reasons = [reason.value for reason in Fallback]
    document["by_source"] = _summed((one["by_source"] for one in everyone), SOURCES)
    document["fallbacks"] = _summed((one["fallbacks"] for one in everyone), reasons)
    document["tokens"] = _summed((one["tokens"] for one in everyone), ("input", "output"))
    document |= _derived(everyone)
    document["quota"] = {
        "rate_tps": round(sum(one["quota"]["rate_tps"] for one in running), 3),
        "cuts": sum(one["quota"]["cuts"] for one in everyone),
    }
    document["queue"] = _summed((one["queue"] for one in running), ("depth", "limit"))
    document["cache"] = {
        "entries": sum(one["cache"]["entries"] for one in running),
        "evicted": sum(one["cache"]["evicted"] for one in everyone),
    }
    document["breaker"] = merged_breakers(
        [one["breaker"] for one in everyone], [one["breaker"] for one in running]
    )
    return document


def _derived(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Percentiles, means and shares of all parts together; None while there is nothing."""
    call, case, answered = (
        merged({int(slot): n for slot, n in one["slots"][name].items()} for one in parts)
        for name in _SLOTS
    )
    sums = _summed((one["sums"] for one in parts), ("case_s", "answered_s", "confidence_ratio"))
    cases = sum(one["cases"] for one in parts)
    by_model = sum(one["by_source"].get("model", 0) for one in parts)
    fallen_back = sum(one["by_source"].get("fallback", 0) for one in parts)
    return {
        "answered_share": round(1.0 - fallen_back / cases, 5) if cases else None,
        "call_latency_ms": call.summary_ms(),
        "case_latency_ms": {**case.summary_ms(), "mean": _mean_ms(sums["case_s"], cases)},
        "answered_latency_ms": {
            **answered.summary_ms(), "mean": _mean_ms(sums["answered_s"], by_model),
        },
        "confidence": {
            "ratio_mean": round(sums["confidence_ratio"] / cases, 5) if cases else None,
            "ratio_min": min((one["confidence"]["ratio_min"] for one in parts), default=1.0),
            "ratio_max": max((one["confidence"]["ratio_max"] for one in parts), default=1.0),
        },
    }  # fmt: skip


def _mean_ms(total_s: float, count: int) -> float | None:
    return round(total_s / count * 1000, 3) if count else None


def _summed(parts: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """Sums by name; 0 where nobody has it, so that a criterion finds every name."""
    total: dict[str, Any] = dict.fromkeys(names, 0)
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total
