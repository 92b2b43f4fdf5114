"""What guarded lookups have done since their start, alone and merged over processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fraud_platform.monitoring.histogram import Latencies, merged
from fraud_platform.remote.breaker import merged_breakers

SERVICES = ("identity", "fraud_database", "geolocation")
REASONS = (
    "deadline", "rate_limited", "breaker_open", "queue_full", "slow", "failed", "closed",
)  # fmt: skip
"""Why a lookup was not answered by its service."""
_COUNTERS = (
    "wanted", "hits", "coalesced", "held_back", "stale", "neighbours", "defaults", "calls",
    "retries", "failures", "slow", "throttled",
)  # fmt: skip


@dataclass(slots=True)
class LookupCounters:
    """Written under the lookup's lock."""

    wanted: int = 0
    """Lookups that transactions asked for, repeated ones included."""
    hits: int = 0
    """Answered from the cache while fresh."""
    coalesced: int = 0
    """Answered by an equal lookup of the same batch, or one that was on its way already."""
    held_back: int = 0
    """Not made because of the rate that we keep to."""
    stale: int = 0
    neighbours: int = 0
    """Answered by what is known of something close to it."""
    defaults: int = 0
    """Answered by nothing: no evidence either way."""
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
        """As plain values; ``slots`` is there to be merged."""
        counted: dict[str, Any] = {name: getattr(self, name) for name in _COUNTERS}
        counted["without_service"] = dict(self.without)
        counted["slots"] = dict(self.latency.counts)
        return {**counted, **_derived(counted), "latency_ms": self.latency.summary_ms()}


def merged_external(
    everyone: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Figures of several processes (``ExternalChecks.figures``) as one document.

    Counters and histograms add up over ``everyone``; caches and breakers' states are of those
    ``running``.
    """
    return {
        "transactions": sum(one["transactions"] for one in everyone),
        **{
            service: merged_lookups(
                [one[service] for one in everyone], [one[service] for one in running]
            )
            for service in SERVICES
        },
    }


def merged_lookups(
    everyone: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """One service's figures (``GuardedLookup.figures``) over several processes."""
    document: dict[str, Any] = {name: sum(one[name] for one in everyone) for name in _COUNTERS}
    without = dict.fromkeys(REASONS, 0)
    for one in everyone:
        for reason, count in one["without_service"].items():
            without[reason] = without.get(reason, 0) + count
    latency = merged({int(slot): n for slot, n in one["slots"].items()} for one in everyone)
    return {
        **document,
        "without_service": without,
        **_derived(document),
        "latency_ms": latency.summary_ms(),
        "cache": {
            "entries": sum(one["cache"]["entries"] for one in running),
            "evicted": sum(one["cache"]["evicted"] for one in everyone),
        },
        "on_their_way": sum(one["on_their_way"] for one in running),
        "breaker": merged_breakers(
            [one["breaker"] for one in everyone], [one["breaker"] for one in running]
        ),
    }


def _derived(counted: Mapping[str, Any]) -> dict[str, Any]:
    """Shares of the lookups wanted; None while there are none.

    Saved are those that cache, coalescing or our own rate made needless, less what retries cost.
    What an open breaker or a full queue kept from being asked is no saving.
    """
    wanted = counted["wanted"]
    saved = counted["hits"] + counted["coalesced"] + counted["held_back"] - counted["retries"]
    fallbacks = counted["stale"] + counted["neighbours"] + counted["defaults"]
    return {
        "fallbacks": fallbacks,
        "cache_hit_share": round(counted["hits"] / wanted, 4) if wanted else None,
        "saved_share": round(saved / wanted, 4) if wanted else None,
        "default_share": round(counted["defaults"] / wanted, 4) if wanted else None,
    }
