"""How well the agents worked together, from what each of them did."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from squall.models import AgentMetrics, Coordination

COORDINATOR = "coordinator"


def coordination_of(agents: Sequence[AgentMetrics]) -> Coordination:
    """Efficiency, completeness and balance; None for what the target does not report."""
    voters = [agent for agent in agents if not agent.is_stage]
    coordinator = next((agent for agent in agents if agent.name == COORDINATOR), None)
    loads = [agent.load for agent in voters if agent.load is not None]
    known = len(loads) == len(voters) and sum(loads) > 0
    return Coordination(
        efficiency_share=_efficiency(sum(loads), coordinator) if known else None,
        complete_share=_complete(coordinator),
        imbalance_share=round(max(loads) / fmean(loads) - 1.0, 4) if known else None,
        busiest=max(voters, key=lambda agent: agent.load or 0.0).name if known else None,
    )


def _efficiency(judging: float, coordinator: AgentMetrics | None) -> float | None:
    if coordinator is None or coordinator.load is None:
        return None
    return round(judging / (judging + coordinator.load), 4)


def _complete(coordinator: AgentMetrics | None) -> float | None:
    """Its timeouts are the decisions that fell back for want of an agent's vote."""
    if coordinator is None or not coordinator.decisions:
        return None
    return round(max(0.0, 1.0 - coordinator.timeouts / coordinator.decisions), 6)
