"""An agent made slow or faulty on purpose, to show that the others carry on."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from fraud_platform.agents.evidence import Agent, Evidence, Votes
from fraud_platform.errors import UsageError


class AgentDisturbedError(Exception):
    """Raised by an agent that was told to fail."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What is done to one agent: a delay before every answer, or a failure instead of it."""

    agent: str
    delay_s: float = 0.0
    fails: bool = False


def parse_disturbance(text: str, agents: tuple[str, ...]) -> Disturbance:
    """Read ``AGENT:fail`` or ``AGENT:delay_ms=N``; raises ``UsageError``."""
    name, _, what = text.partition(":")
    key, _, value = what.partition("=")
    if name in agents and what == "fail":
        return Disturbance(name, fails=True)
    if name in agents and key == "delay_ms" and value.isascii() and value.isdecimal():
        return Disturbance(name, delay_s=int(value) / 1000.0)
    raise UsageError(
        f"--disturb {text}: write AGENT:fail or AGENT:delay_ms=N,"
        f" where AGENT is one of {', '.join(agents)}"
    )


class DisturbedAgent:
    """Another agent, disturbed."""

    def __init__(self, agent: Agent, disturbance: Disturbance) -> None:
        self._agent = agent
        self._disturbance = disturbance
        self._never = threading.Event()

    @property
    def name(self) -> str:
        """The disturbed agent's name."""
        return self._agent.name

    def judge(self, evidence: Evidence) -> Votes:
        """The agent's own votes after the delay; raises where it is told to fail."""
        if self._disturbance.fails:
            raise AgentDisturbedError(f"{self.name} was told to fail")
        if self._disturbance.delay_s:
            self._never.wait(self._disturbance.delay_s)
        return self._agent.judge(evidence)
