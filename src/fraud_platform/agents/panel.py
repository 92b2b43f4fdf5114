"""All agents together on one micro-batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.runner import Absence, AgentRunner

DEADLINE_S = 0.08
"""Time the agents have together for a micro-batch."""


class Panel:
    """The agents' runners, in a fixed order."""

    def __init__(
        self,
        runners: Sequence[AgentRunner],
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.runners = tuple(runners)
        self._deadline_s = deadline_s
        self._clock = clock

    def vote(self, evidence: Evidence) -> list[Votes | Absence]:
        """Votes or the reason for their absence, in the order of the runners.

        Returns within the deadline, whatever the agents do.
        """
        until = self._clock() + self._deadline_s
        calls = [runner.start(evidence) for runner in self.runners]
        size = len(evidence)
        return [
            runner.result(call, size, until)
            for runner, call in zip(self.runners, calls, strict=True)
        ]

    def close(self) -> None:
        """Let the agents' threads end."""
        for runner in self.runners:
            runner.close()
