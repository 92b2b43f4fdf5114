from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from squall.models import AgentMetrics

AGENT = AgentMetrics("risk_assessor", True, 990, 0, 0, 0.3, 30.0, 3.0, 8.0, 12.0)


@pytest.mark.parametrize(
    ("changes", "was_healthy"),
    [
        ({}, True),
        ({"healthy": False}, False),
        ({"timeouts": 4, "failures": 6}, True),
        ({"timeouts": 5, "failures": 6}, False),
        ({"decisions": 48, "failures": 126}, False),
        ({"decisions": 0, "failures": 5}, False),
        ({"decisions": 0}, True),
        ({"readings": 99, "unhealthy_readings": 1}, False),
        ({"readings": 100, "unhealthy_readings": 1}, True),
        ({"readings": 100, "unhealthy_readings": 2}, False),
        ({"name": "coordinator", "timeouts": 500}, True),
        ({"name": "coordinator", "healthy": False}, False),
    ],
)
def test_healthy_through_the_load(changes: dict[str, Any], was_healthy: bool) -> None:
    assert replace(AGENT, **changes).was_healthy is was_healthy
