"""Figures of functions: what one environment publishes, and all of them as one document.

Environments come and go; their figures stay on the board after them, so that sums never fall. The
merged document has the form of inline mode's core figures (``core.figures``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fraud_platform.external.figures import merged_external
from fraud_platform.learning.model import AGENTS
from fraud_platform.monitoring.histogram import Latencies, merged
from fraud_platform.reasoning.figures import merged_reasoning
from fraud_platform.stream.customers import Customers
from fraud_platform.stream.judge import Judge
from fraud_platform.stream.processor import Processor

LIVELY_S = 30.0
"""An environment that has published within this time counts as running."""
_COORDINATOR = (
    "decisions", "complete", "disagreements", "vetoes", "fallbacks", "quorum_failures",
)  # fmt: skip
_AGENT = ("decisions", "timeouts", "failures", "judged", "outages")
_LOOKS = {"external": merged_external, "reasoning": merged_reasoning}
_STAGES = {"intake": ("read", "profiles"), "storage": ("recorded", "outside")}
_COUNTERS = (
    "batches", "records", "decided", "replays", "conflicts", "refused", "unreadable",
)  # fmt: skip


def environment_figures(
    processor: Processor,
    judge: Judge,
    customers: Customers,
    latency: Latencies,
    age_s: float,
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """One environment's counters since its start; histograms as slots, so that they add up."""
    coordinator = judge.coordinator.counters
    times, counters = judge.times, processor.counters
    stages = {
        name: sum(counters.stages.get(part, 0.0) for part in parts)
        for name, parts in _STAGES.items()
    }
    stages |= {
        "features": times.features,
        "agents": times.agents,
        "external": times.external,
        "reasoning": times.reasoning,
        "answers": times.answers,
    }
    looks = {
        name: dict(part.figures())
        for name, part in (("external", judge.external), ("reasoning", judge.review))
        if part is not None
    }
    return {
        "age_s": age_s,
        "agents": [
            {
                "name": runner.agent.name,
                "healthy": runner.healthy,
                **{name: getattr(runner.counters, name) for name in _AGENT},
                "busy_s": runner.counters.busy_s,
                "latency": dict(runner.counters.latency.counts),
            }
            for runner in judge.panel.runners
        ],
        "coordinator": {
            **{name: getattr(coordinator, name) for name in _COORDINATOR},
            "busy_s": coordinator.busy_s,
            "latency": dict(coordinator.latency.counts),
            "conflict_latency": dict(coordinator.conflict_latency.counts),
        },
        "stages": stages,
        "counters": {name: getattr(counters, name) for name in _COUNTERS},
        "profiles": {
            "loads": customers.loads,
            "takeovers": customers.takeovers,
            "overtaken": customers.overtaken,
        },
        "memory": judge.memory.sizes(),
        "decision_latency": dict(latency.counts),
        "looks": looks,
        **extra,
    }


def merged_environments(
    published: Mapping[str, Mapping[str, Any]], now_s: float, since_s: float
) -> dict[str, Any]:
    """All environments as one core. ``since_s``: age of the oldest thing that is counted."""
    parts = list(published.values())
    lively = [one for one in parts if now_s - one["published_s"] <= LIVELY_S]
    stages: dict[str, float] = {}
    for one in parts:
        for name, busy_s in one["stages"].items():
            stages[name] = stages.get(name, 0.0) + busy_s
    counters = {name: sum(one["counters"][name] for one in parts) for name in _COUNTERS}
    names = ("intake", "features", "agents", "external", "reasoning", "answers", "storage")
    figures: dict[str, Any] = {
        "since_s": round(since_s, 3),
        "agents": [_agent(name, parts, lively) for name in AGENTS],
        "coordinator": _coordinator(parts),
        "stages": [
            {"name": name, "busy_s": round(stages.get(name, 0.0), 4)}
            for name in names
            if name in stages or name not in ("external", "reasoning")
        ],
        **counters,
        "commits": counters["batches"],
        "memory": _sums(one["memory"] for one in lively),
        "profiles": _sums(one["profiles"] for one in parts),
        "environments": {"running": len(lively), "seen": len(parts)},
        "decision_latency_ms": _latency(one["decision_latency"] for one in parts).summary_ms(),
        "iterator_age_s": max((one.get("iterator_age_s", 0.0) for one in lively), default=0.0),
        "decisions_throttled": sum(one.get("decisions_throttled", 0) for one in parts),
        "store_failing": "",
    }
    for look, merge in _LOOKS.items():
        everyone, running = _looks(look, parts), _looks(look, lively)
        if everyone:
            figures[look] = merge(everyone, running)
    return figures


def _agent(
    name: str, parts: Iterable[Mapping[str, Any]], lively: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    def of(group: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [agent for one in group for agent in one["agents"] if agent["name"] == name]

    ours = of(parts)
    # Older environments, which the board still knows, did not count everything.
    total = {key: sum(agent.get(key, 0) for agent in ours) for key in (*_AGENT, "busy_s")}
    judged, busy_s = total.pop("judged"), total.pop("busy_s")
    return {
        "name": name,
        "healthy": all(agent["healthy"] for agent in of(lively)),
        **total,
        "busy_s": round(busy_s, 4),
        "service_us_mean": round(busy_s * 1e6 / judged, 2) if judged else None,
        "latency_ms": _latency(agent["latency"] for agent in ours).summary_ms(),
    }


def _coordinator(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    ours = [one["coordinator"] for one in parts]
    return {
        # Older environments, which the board still knows, did not count everything.
        **{name: sum(one.get(name, 0) for one in ours) for name in _COORDINATOR},
        "busy_s": round(sum(one["busy_s"] for one in ours), 4),
        "latency_ms": _latency(one["latency"] for one in ours).summary_ms(),
        "conflict_latency_ms": _latency(
            one.get("conflict_latency", {}) for one in ours
        ).summary_with_max_ms(),
    }


def _looks(name: str, parts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The figures of a second look of those that take it."""
    looks = (one.get("looks", {}) for one in parts)
    return [look[name] for look in looks if name in look]


def _latency(parts: Iterable[Mapping[str, int]]) -> Latencies:
    return merged({int(slot): count for slot, count in part.items()} for part in parts)


def _sums(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums by name."""
    total: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total
