"""The scenario ``agent_coordination`` asks for what it promises, at the scale it runs at."""

from __future__ import annotations

import numpy as np

from squall.load_generator.profiles import build
from squall.models import AgentFault, GatewayFault
from squall.scenarios import load_scenario
from squall.scenarios.criteria import parse_criterion
from squall.scenarios.criteria.expression import Amount, Comparison

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


def test_the_share_of_complete_votes_proves_a_thousand_of_the_rush() -> None:
    (share,) = (
        portion.factor
        for criterion in map(parse_criterion, SCENARIO.criteria)
        if isinstance(criterion.expression, Comparison)
        for portion in criterion.expression.portions
        if portion.factor != 1 and "complete" in str(criterion.expression.left.figure)
    )
    phases = {phase.name for phase in build(SCENARIO.load, 1).phases}
    in_all = sum(map(arrivals, phases))
    elsewhere = sum(map(arrivals, phases - {"together", "slow_agent", "agent_down"}))
    # However many were complete at other times, so many are left for the rush.
    assert 1_000 <= share * in_all - elsewhere < 0.7 * arrivals("together")


def test_work_that_stays_uneven_fails() -> None:
    profile = build(SCENARIO.load, 1)
    restarted_s = next(phase.start_s for phase in profile.phases if phase.name == "uneven")
    (limit_s,) = (
        criterion.expression.right.base
        for criterion in map(parse_criterion, SCENARIO.criteria)
        if isinstance(criterion.expression, Comparison)
        and isinstance(criterion.expression.right, Amount)
        and str(criterion.expression.left.figure) == "dashboard.balance.longest_unbalanced_s"
    )
    until_seen_s = 6.0  # the platform compares what gateways did in so long
    assert limit_s <= profile.duration_s - restarted_s - until_seen_s
    assert limit_s <= 120
    assert "dashboard.balance.rebalancings >= 1" in SCENARIO.criteria


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
        "accounting.unresolved == 0",
        "agents.all_healthy_at_end",
    ):
        assert criterion in SCENARIO.criteria
