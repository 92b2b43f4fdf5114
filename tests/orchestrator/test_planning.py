from __future__ import annotations

from typing import Any

import pytest
from tests.orchestrator.fakes import FakeSpec, config

from squall.errors import ConfigurationError
from squall.load_generator.transactions import FactorySpec
from squall.models import StressTestConfig
from squall.models.load_spec import RampUpSpec, SequenceSpec, SustainedSpec
from squall.orchestrator.planning import RunPlan, describe_span, plan_run, reference_lag

PEAK = SequenceSpec(
    type="sequence",
    parts=(
        RampUpSpec(type="ramp_up", start_tps=0, end_tps=10_000, duration_s=300),
        SustainedSpec(type="sustained", rate_tps=10_000, duration_s=1200),
        RampUpSpec(type="ramp_up", start_tps=10_000, end_tps=0, duration_s=300),
    ),
)
DAY_S = 1_794_960_000.0  # 2026-11-18T00:00:00Z


def planned(configuration: StressTestConfig, at_s: float = DAY_S + 40_000) -> RunPlan:
    return plan_run(configuration, run_id="20261118T110640Z-3f9a1c", started_unix_s=at_s, cores=2)


def test_scales_are_inside_the_load_and_stated() -> None:
    plan = planned(config(load=PEAK, rate_scale=0.5, time_scale=0.03))
    assert plan.profile.peak_tps == 5_000
    assert plan.profile.duration_s == pytest.approx(54)
    assert plan.planned == 225_000
    assert plan.scaling.statement == (
        "Scaled: rate × 0.5 and time × 0.03. peak 5,000 TPS, 54 s; "
        "the scenario as written has peak 10,000 TPS, 30 min."
    )
    assert plan.scaling.planned_peak_tps == 5_000
    assert plan.scaling.duration_s == pytest.approx(54)


def test_a_scenario_as_written_says_so() -> None:
    plan = planned(config(load=PEAK))
    assert plan.load == PEAK
    assert plan.scaling.statement == "As written: peak 10,000 TPS, 30 min."


def test_two_runs_on_one_day_send_the_same_transactions() -> None:
    morning, evening = planned(config(), DAY_S + 1), planned(config(), DAY_S + 86_399.9)
    tomorrow = planned(config(), DAY_S + 86_400)
    assert morning.source == evening.source
    assert morning.epoch_s == evening.epoch_s == DAY_S
    assert tomorrow.epoch_s == DAY_S + 86_400


def test_the_source_knows_the_plan() -> None:
    source = planned(config(load=PEAK)).source
    assert isinstance(source, FactorySpec)
    assert source.planned == 15_000_000
    assert source.reference_lag == 30_000
    assert source.mix.fraud == 0.15


@pytest.mark.parametrize(
    ("peak_tps", "lag"), [(1, 200), (66, 200), (67, 201), (5_000, 15_000), (0.1, 200)]
)
def test_refunds_leave_time_for_the_purchase(peak_tps: float, lag: int) -> None:
    assert reference_lag(peak_tps) == lag


def test_the_load_plan_carries_everything_over() -> None:
    plan = planned(config(seed=7, workers=2))
    load = plan.load_plan(FakeSpec(frozenset({"amount"})))
    assert (load.seed, load.workers, load.run_tag) == (7, 2, plan.run_tag)
    assert load.load == plan.load
    assert load.drain_s == 30


def test_fields_that_the_source_lacks_are_named() -> None:
    with pytest.raises(ConfigurationError, match="colour, size"):
        planned(config()).load_plan(FakeSpec(frozenset({"size", "colour", "amount"})))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_scale": 1000, "load": PEAK}, "peaks at 10,000,000 TPS with --rate-scale 1000"),
        ({"time_scale": 0.0001}, "lasts 0.0003 s"),
        ({"time_scale": 1000, "load": PEAK}, "between a second and a week"),
        (
            {"load": SustainedSpec(type="sustained", rate_tps=0, duration_s=9)},
            "no transaction at all",
        ),
        ({"workers": 65}, "more than the 64 connections"),
    ],
)
def test_loads_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        planned(config(**changes))


def test_an_unknown_typology_is_answered_with_the_known_ones() -> None:
    configuration = config()
    scenario = configuration.scenario.model_copy(
        update={"mix": configuration.scenario.mix.model_copy(update={"typologies": {"theft": 1.0}})}
    )
    with pytest.raises(ConfigurationError, match=r"no typology 'theft'; there are card_testing"):
        planned(configuration.model_copy(update={"scenario": scenario}))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "0.5 s"),
        (54, "54 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (7200, "2 h"),
        (3661, "1 h 1 min 1 s"),
    ],
)
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    assert describe_span(seconds) == words
