"""All agents together on one micro-batch."""

from __future__ import annotations

from collections.abc import Sequence

from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.runner import Absence, AgentRunner, Latch

DEADLINE_S = 0.08
"""Time the agents have together for a micro-batch."""


class Panel:
    """The agents' runners, in a fixed order."""

    def __init__(self, runners: Sequence[AgentRunner], deadline_s: float = DEADLINE_S) -> None:
        self.runners = tuple(runners)
        self._deadline_s = deadline_s

    def vote(self, evidence: Evidence) -> list[Votes | Absence]:
        """Votes or the reason for their absence, in the order of the runners.

        Returns within the deadline, whatever the agents do.
        """
        able = [runner.available for runner in self.runners]
        latch = Latch(sum(able))
        calls = [
            runner.start(evidence, latch) if ready else None
            for runner, ready in zip(self.runners, able, strict=True)
        ]
        latch.wait(self._deadline_s)
        size = len(evidence)
        return [runner.result(call, size) for runner, call in zip(self.runners, calls, strict=True)]

    def close(self) -> None:
        """Let the agents' threads end."""
        for runner in self.runners:
            runner.close()
