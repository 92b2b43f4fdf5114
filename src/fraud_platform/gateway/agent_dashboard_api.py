"""``GET /v1/agents``: what the agents have done, for dashboards and metric collectors."""

from __future__ import annotations

from typing import Any

import orjson

from fraud_platform.gateway.core_client import CoreClient

_FIELDS = ("since_s", "processes", "agents", "coordinator", "stages", "queue")


class AgentDashboardAPI:
    """Figures per agent, the coordinator's, the workload's stages and the queue.

    Counters begin with the core; histograms and sums cover all processes.
    """

    def __init__(self, core: CoreClient) -> None:
        self._core = core

    async def document(self) -> bytes:
        """The dashboard as JSON; raises ``LinkError`` while the core is away."""
        return self.render(await self._core.figures())

    @staticmethod
    def render(figures: dict[str, Any]) -> bytes:
        """The dashboard's part of the platform's figures."""
        return orjson.dumps({field: figures[field] for field in _FIELDS})
