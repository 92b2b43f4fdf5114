"""What the reviewer has done since its start, as the agent dashboard wants it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fraud_platform.monitoring.histogram import Latencies


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
    retries: int = 0
    failures: int = 0
    malformed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    call_latency: Latencies = field(default_factory=Latencies)
    """Of answered attempts, from sending to answer."""
    case_latency: Latencies = field(default_factory=Latencies)
    """Of cases, from being handed over to their review, fallbacks included."""
    case_s: float = 0.0
    confidence_ratio_sum: float = 0.0
    confidence_ratio_min: float = 1.0
    confidence_ratio_max: float = 1.0

    def confidence(self, before: float, after: float) -> None:
        """One case's confidence as the votes give it, and after the review."""
        ratio = after / before if before > 0 else 1.0
        self.confidence_ratio_sum += ratio
        self.confidence_ratio_min = min(self.confidence_ratio_min, ratio)
        self.confidence_ratio_max = max(self.confidence_ratio_max, ratio)

    def document(self) -> dict[str, Any]:
        """As plain values."""
        cases = self.cases
        return {
            "cases": cases,
            "by_source": dict(self.by_source),
            "fallbacks": dict(self.fallbacks),
            "moved": self.moved,
            "calls": self.calls,
            "throttles": self.throttles,
            "retries": self.retries,
            "failures": self.failures,
            "malformed_answers": self.malformed,
            "tokens": {"input": self.input_tokens, "output": self.output_tokens},
            "call_latency_ms": self.call_latency.summary_ms(),
            "case_latency_ms": {
                **self.case_latency.summary_ms(),
                "mean": round(self.case_s / cases * 1000, 3) if cases else None,
            },
            "case_latency_counts": dict(self.case_latency.counts),
            "confidence": {
                "ratio_mean": round(self.confidence_ratio_sum / cases, 5) if cases else None,
                "ratio_min": round(self.confidence_ratio_min, 5),
                "ratio_max": round(self.confidence_ratio_max, 5),
            },
        }
