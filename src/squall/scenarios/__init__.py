"""Scenarios: the catalogue, the loader, success criteria, stability checks and JSON schemas."""

from squall.scenarios.criteria import (
    Criterion,
    judge,
    judge_live,
    parse_criterion,
    verdict,
)
from squall.scenarios.loader import (
    ScenarioSummary,
    list_scenarios,
    load_scenario,
    parse_scenario,
    scenario_names,
)
from squall.scenarios.schema import result_schema, scenario_schema, target_schema
from squall.scenarios.stability import check_stability

__all__ = [
    "Criterion",
    "ScenarioSummary",
    "check_stability",
    "judge",
    "judge_live",
    "list_scenarios",
    "load_scenario",
    "parse_criterion",
    "parse_scenario",
    "result_schema",
    "scenario_names",
    "scenario_schema",
    "target_schema",
    "verdict",
]
