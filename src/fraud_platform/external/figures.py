"""What one guarded lookup has done since its start."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fraud_platform.monitoring.histogram import Latencies


@dataclass(slots=True)
class LookupCounters:
    """Written under the lookup's lock."""

    wanted: int = 0
    """Lookups that transactions asked for, repeated ones included."""
    hits: int = 0
    """Answered from the cache while fresh."""
    coalesced: int = 0
    """Answered by an equal lookup of the same batch, or one that was on its way already."""
    stale: int = 0
    defaults: int = 0
    calls: int = 0
    """Calls to the service, retries included."""
    retries: int = 0
    failures: int = 0
    slow: int = 0
    throttled: int = 0
    queued: int = 0
    """Calls that wait for their turn now."""
    without: Counter[str] = field(default_factory=Counter)
    """Lookups that the service did not answer, by reason."""
    latency: Latencies = field(default_factory=Latencies)
    """Of answered calls."""

    def document(self) -> dict[str, Any]:
        """As plain values. Shares are of the lookups wanted; None while there are none."""
        wanted = self.wanted
        return {
            "wanted": wanted,
            "hits": self.hits,
            "coalesced": self.coalesced,
            "stale": self.stale,
            "defaults": self.defaults,
            "calls": self.calls,
            "retries": self.retries,
            "failures": self.failures,
            "slow": self.slow,
            "throttled": self.throttled,
            "without_service": dict(self.without),
            "hit_share": round(self.hits / wanted, 4) if wanted else None,
            "saved_share": round(1.0 - self.calls / wanted, 4) if wanted else None,
            "latency_ms": self.latency.summary_ms(),
            "latency_counts": dict(self.latency.counts),
        }
