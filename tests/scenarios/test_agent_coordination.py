"""The scenario ``agent_coordination`` asks for what it promises, at the scale it runs at."""

from __future__ import annotations

import numpy as np

from squall.load_generator.profiles import build
from squall.models import AgentFault, GatewayFault
from squall.scenarios import load_scenario

SCENARIO = load_scenario("agent_coordination")
SCALE = SCENARIO.scale


def arrivals(phase: str) -> float:
    """Transactions of a phase, as it runs where nobody scales it."""
    profile = build(SCENARIO.load, 1)
    named = next(one for one in profile.phases if one.name == phase)
    whole = profile.cumulative(np.array([named.start_s, named.end_s]))
    return float(whole[1] - whole[0]) * SCALE.rate * SCALE.time


def test_a_thousand_can_be_on_their_way_at_once() -> None:
    assert arrivals("together") >= 1_500
    assert SCENARIO.client.connections >= 1_000
    assert "dashboard.queue.depth_max >= 1,000" in SCENARIO.criteria


def test_it_takes_a_minute_and_a_half() -> None:
    assert build(SCENARIO.load, 1).duration_s * SCALE.time <= 90.0


def test_each_difficulty_has_its_fault_and_its_phase() -> None:
    assert [(type(fault), fault.during) for fault in SCENARIO.faults] == [
        (AgentFault, "slow_agent"),
        (AgentFault, "agent_down"),
        (GatewayFault, "gateway_away"),
    ]
    slow, down, _ = SCENARIO.faults
    assert isinstance(slow, AgentFault)
    assert isinstance(down, AgentFault)
    assert (slow.delay_ms, slow.delay_ms_max) == (100, 5000)
    assert down.fails
    assert slow.agent != down.agent
    assert (SCENARIO.platform.processes or 0) >= 3


def test_the_limits_are_those_of_the_requirement() -> None:
    for criterion in (
        "dashboard.increase.coordinator.disagreements >= 100",
        "dashboard.coordinator.conflict_latency_ms.max < 500 ms",
        "agents.pattern_detector.timeouts >= 100",
        "agents.risk_assessor.failures >= 100",
        "dashboard.balance.imbalance_share_max > 30 %",
        "dashboard.balance.longest_unbalanced_s < 2 min",
        "accounting.unresolved == 0",
        "agents.all_healthy",
    ):
        assert criterion in SCENARIO.criteria
