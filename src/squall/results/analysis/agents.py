"""Agents of the target that were ill or missed votes."""

from __future__ import annotations

from dataclasses import replace

from squall.models import AgentMetrics, Finding, Severity, TestResults


def agents(results: TestResults) -> list[Finding]:
    """One finding for each agent with trouble of its own, and one where none could be asked.

    That a target which has ended does not answer says nothing about its agents.
    """
    found = [finding for agent in results.agents for finding in _trouble(agent)]
    unread = [agent for agent in results.agents if not agent.readable]
    if unread and results.target_ended is None:
        found.append(
            Finding(
                kind="note",
                severity=Severity.WARNING,
                component="agents",
                title="The agents could not be asked at the end",
                evidence="the last reading of the target's agent dashboard failed",
                impact="Whether they were healthy then is unknown, and counts as no.",
                recommendation="Look whether the target still answers on its dashboard's path.",
            )
        )
    return found


def _trouble(agent: AgentMetrics) -> list[Finding]:
    own = agent if agent.readable else replace(agent, healthy=True)
    ill = not own.was_healthy
    if not (ill or own.missed):
        return []
    return [
        Finding(
            kind="sla_violation" if ill else "note",
            severity=Severity.WARNING,
            component=own.name,
            title=f"Agent {own.name} {_state(own)}",
            evidence=_votes(own),
            impact="Those transactions were decided without its vote." if own.missed else "",
            recommendation="Read the target's log for why it failed."
            if own.failures > own.timeouts
            else "Compare its P99 with its deadline.",
        )
    ]


def _state(agent: AgentMetrics) -> str:
    if not agent.healthy:
        return "is not healthy"
    return "missed some votes" if agent.was_healthy else "was not healthy all the time"


def _votes(agent: AgentMetrics) -> str:
    due = agent.decisions + agent.missed
    text = f"{agent.timeouts:,} timeouts and {agent.failures:,} failures in {due:,} votes due"
    if agent.unhealthy_readings:
        text += f"; not healthy in {agent.unhealthy_readings:,} of {agent.readings:,} readings"
    return text
