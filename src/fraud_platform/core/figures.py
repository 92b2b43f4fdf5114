"""The core's figures about itself, as the agent dashboard and the metrics want them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fraud_platform.agents.runner import AgentRunner
from fraud_platform.core.balance import Balancer
from fraud_platform.core.committer import Committer
from fraud_platform.core.engine import DecisionEngine


@dataclass(frozen=True, slots=True)
class CoreParts:
    """What there is to report on."""

    engine: DecisionEngine
    committer: Committer
    started_s: float
    """On the core's clock."""
    balancer: Balancer


def core_figures(parts: CoreParts, now_s: float) -> dict[str, Any]:
    """Everything countable in the core, since its start."""
    engine = parts.engine
    times = engine.times
    coordinator = engine.coordinator.counters
    balance = parts.balancer.figures()
    return {
        "since_s": round(now_s - parts.started_s, 3),
        "agents": [_agent(runner) for runner in engine.panel.runners],
        "coordinator": {
            "decisions": coordinator.decisions,
            "complete": coordinator.complete,
            "disagreements": coordinator.disagreements,
            "vetoes": coordinator.vetoes,
            "fallbacks": coordinator.fallbacks,
            "quorum_failures": coordinator.quorum_failures,
            "busy_s": round(coordinator.busy_s, 4),
            "latency_ms": coordinator.latency.summary_ms(),
            "conflict_latency_ms": coordinator.conflict_latency.summary_with_max_ms(),
        },
        "stages": [
            {"name": "intake", "busy_s": round(times.intake, 4)},
            {"name": "features", "busy_s": round(times.features, 4)},
            {"name": "agents", "busy_s": round(times.agents, 4)},
            {"name": "answers", "busy_s": round(times.answers, 4)},
            {"name": "storage", "busy_s": round(parts.committer.busy_s, 4)},
        ],
        "batches": times.batches,
        "replays": times.replays,
        "conflicts": times.conflicts,
        "commits": parts.committer.commits,
        "in_flight": len(engine.in_flight),
        "memory": engine.extractor.sizes(),
        "store_failing": parts.committer.failing,
        **({} if balance is None else {"balance": balance}),
    }


def _agent(runner: AgentRunner) -> dict[str, Any]:
    counters = runner.counters
    voted = counters.judged
    return {
        "name": runner.agent.name,
        "healthy": runner.healthy,
        "decisions": counters.decisions,
        "timeouts": counters.timeouts,
        "failures": counters.failures,
        "outages": counters.outages,
        "busy_s": round(counters.busy_s, 4),
        "service_us_mean": round(counters.busy_s * 1e6 / voted, 2) if voted else None,
        "latency_ms": counters.latency.summary_ms(),
    }
