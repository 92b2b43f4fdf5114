"""The scenarios that come with squall hold what is promised of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from squall.load_generator.profiles import build
from squall.models import TestScenario
from squall.scenarios import list_scenarios, load_scenario, scenario_names
from squall.scenarios.criteria import parse_criterion

EXAMPLES = Path(__file__).parents[2] / "examples"

RICH_IN_FRAUD = {"external_checks": 0.3, "reasoning": 0.5}
"""They need more cases that are looked at twice than an ordinary mix has."""


def rate_at(scenario: TestScenario, *t: float) -> list[float]:
    rates: list[float] = build(scenario.load, 1).rate_tps(np.array(t)).tolist()
    return rates


def test_the_catalogue() -> None:
    found = {s.name: (s.peak_tps, s.duration_s) for s in list_scenarios()}
    assert scenario_names() == sorted(found)
    assert found == {
        "agent_coordination": (160_000, pytest.approx(88.05)),
        "aws_infrastructure": (2000, 900),
        "burst": (10_000, 900),
        "external_checks": (600, 87),
        "memory_learning": (1250, 60),
        "peak_load": (10_000, 1800),
        "reasoning": (3000, 80),
        "scaling": (1300, 85),
        "smoke": (300, 20),
        "sustained_load": (2000, 7200),
    }


@pytest.mark.parametrize("name", scenario_names())
def test_names_are_file_names_and_every_scenario_proves_that_nothing_is_lost(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert "accounting.lost == 0" in scenario.criteria
    assert "accounting.reconciled" in scenario.criteria
    assert scenario.mix.edge_cases == 0.05
    assert scenario.mix.fraud == RICH_IN_FRAUD.get(name, 0.15)


def test_peak_load_goes_to_10_000_in_5_minutes_and_holds_it_for_20() -> None:
    scenario = load_scenario("peak_load")
    assert rate_at(scenario, 0, 150, 301, 1499, 1650, 1799.99) == pytest.approx(
        [0, 5000, 10_000, 10_000, 5000, 0], abs=1
    )
    for criterion in (
        "latency_ms.response.p95 < 2 s",
        "latency_ms.response.p99 < 5 s",
        "error_rate < 0.1 %",
        "agents.all_healthy",
    ):
        assert criterion in scenario.criteria


def test_sustained_load_is_two_hours_with_leak_and_drift_checks() -> None:
    scenario = load_scenario("sustained_load")
    assert rate_at(scenario, 0, 3600, 7199) == [2000, 2000, 2000]
    limits = scenario.stability
    assert limits.memory_growth_percent_per_hour
    assert limits.latency_growth_percent_per_hour
    assert limits.error_rate_growth_points_per_hour
    assert "stability.passed" in scenario.criteria


def test_burst_is_every_three_minutes_with_time_to_settle_after_the_last() -> None:
    scenario = load_scenario("burst")
    bursts = [p for p in build(scenario.load, 1).phases if p.name == "burst"]
    starts = [p.start_s for p in bursts]
    assert np.diff(starts).tolist() == [180] * (len(starts) - 1)
    assert rate_at(scenario, *starts) == [10_000] * len(starts)
    assert rate_at(scenario, 0, starts[0] - 1, bursts[0].end_s, 899) == [1000] * 4
    assert bursts[-1].end_s <= 900 - 60
    settled = [c for c in scenario.criteria if parse_criterion(c).phases == ("settle",)]
    assert settled
    burst_size = 10_000 * (bursts[0].end_s - bursts[0].start_s)
    assert scenario.client.queue_limit >= burst_size


def test_burst_is_five_hundred_users_and_ten_thousand_within_5_s_and_throttles_none() -> None:
    scenario = load_scenario("burst")
    profile = build(scenario.load, 1)
    start_s = next(p.start_s for p in profile.phases if p.name == "burst")
    arrived = np.diff(profile.cumulative(np.array([start_s, start_s + 5])))
    assert arrived >= 10_000
    assert scenario.client.connections >= 500
    assert "generator.connections >= 500" in scenario.criteria
    assert "retried.http_429 == 0 and retried.http_503 == 0" in scenario.criteria
    # What was turned away once and then taken would be no error.
    assert scenario.client.retry.max_attempts > 1
    assert set(scenario.client.retry.statuses) == {429, 503}


def test_scaling_rises_through_80_percent_of_what_its_shards_take() -> None:
    scenario = load_scenario("scaling")
    shard_tps = 1_000.0
    capacity_tps = (scenario.platform.decision_shards or 0) * shard_tps
    assert scenario.platform.scaling
    lead, *rest = build(scenario.load, 1).phases
    assert rate_at(scenario, lead.start_s)[0] < 0.6 * capacity_tps
    names = ["rise", "high", "scaled", "settle"]
    assert [phase.name for phase in rest] == names
    by_name = dict(zip(names, rest, strict=True))
    assert rate_at(scenario, by_name["rise"].start_s)[0] < 0.8 * capacity_tps
    high_tps = rate_at(scenario, by_name["high"].start_s, by_name["scaled"].end_s - 0.1)
    # One shard more takes it with room to spare.
    assert capacity_tps < min(high_tps) <= max(high_tps) < 0.8 * (capacity_tps + shard_tps)
    assert rate_at(scenario, by_name["settle"].start_s + 1) == rate_at(scenario, lead.start_s)
    for criterion in (
        "dashboard.increase.autoscaler.changes >= 1",
        "dashboard.autoscaler.reaction_s_max < 60 s",
        "dashboard.autoscaler.over_80_share_s_max < 60 s",
    ):
        assert criterion in scenario.criteria


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(EXAMPLES.glob("*.yaml")) if "scenario.schema.json" in p.read_text("utf-8")],
    ids=lambda path: path.name,
)
def test_examples_load(path: Path) -> None:
    assert load_scenario(path).name == path.stem
