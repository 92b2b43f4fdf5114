"""``GET /v1/agents``: what the agents have done, for dashboards and metric collectors."""

from __future__ import annotations

from typing import Any

import orjson

from fraud_platform.gateway.asker import FiguresSource

_FIELDS = ("since_s", "processes", "agents", "coordinator", "stages", "queue")
_SOME_FIELDS = (
    "mode", "environments", "stream", "external", "reasoning", "scaling", "autoscaler", "balance",
)  # fmt: skip
"""Only where there is such a thing: balance with several gateways, the others in stream mode."""


class AgentDashboardAPI:
    """Figures per agent, the coordinator's, the workload's stages and the queue.

    Counters begin with the core; histograms and sums cover all processes.
    """

    def __init__(self, core: FiguresSource) -> None:
        self._core = core

    async def document(self) -> bytes:
        """The dashboard as JSON; raises ``LinkError`` or ``StoreError``."""
        return self.render(await self._core.figures())

    @staticmethod
    def render(figures: dict[str, Any]) -> bytes:
        """The dashboard's part of the platform's figures."""
        shown = {field: figures[field] for field in _FIELDS}
        shown |= {field: figures[field] for field in _SOME_FIELDS if field in figures}
        return orjson.dumps(shown)
