"""Probes and faults in scenario files, and the figures that criteria may name of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.scenarios.small_result import small_result

from squall.errors import CriterionError, ScenarioError
from squall.models import LatencySummary, ProbeResult, ProbeSpec
from squall.scenarios import parse_scenario
from squall.scenarios.criteria import judge, parse_criterion

TEXT = """\
name: x
title: X
why: To see.
load: {type: sustained, name: hold, rate_tps: 10, duration_s: 5}
"""
PROBE = ProbeResult(
    "history",
    "history_queries",
    "asks for 1,000 histories",
    {"queries": 1000, "failed_share": 0.002, "queries_tps_max": None},
    LatencySummary(1000, p95=80.0),
)


def problems(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TEXT + text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_scenario_with_everything() -> None:
    scenario = parse_scenario(
        TEXT
        + """\
target: stream
scale: {rate: 0.3, time: 0.5}
platform: {external_checks: true, twin_limits: {kinesis: {records_per_shard_s: 100}}}
probes:
  - {type: history_queries, name: history, count: 10_000, concurrency: 100, during: hold}
faults:
  - {type: agent, name: slow, during: hold, agent: risk_assessor, delay_ms: 100}
criteria:
  - probes.history.failed_share < 1 %
  - probes.history.latency_ms.p95 < 100 ms
  - dashboard.external.identity.saved_share >= 60 %
  - dashboard.increase.coordinator.disagreements >= 100
""",
        "f.yaml",
    )
    assert scenario.probes[0].name == "history"
    assert scenario.platform.external_checks


def test_every_mistake_has_its_place() -> None:
    found = problems(
        """\
probes:
  - {type: history_querys, name: a, count: 1}
  - {type: history_queries, name: b, count: true}
  - {type: table_operations, name: c, rate: 1}
faults:
  - {type: agent, name: d, agent: risk_assessor}
"""
    )
    assert found == [
        "f.yaml:6: probes[0]: “history_querys” is not a type of probe; "
        "did you mean history_queries?",
        "f.yaml:7: probes[1].count: must be a number, not true",
        "f.yaml:8: probes[2].rate_tps: is missing",
        "f.yaml:8: probes[2].rate: is not a known field; did you mean rate_tps?",
        "f.yaml:10: faults[0].during: is missing",
    ]


def test_what_only_the_whole_shows() -> None:
    found = problems(
        """\
probes:
  - {type: audit_trail, name: audit}
  - {type: audit_trail, name: audit, during: hald}
criteria:
  - probes.audit.corruptd == 0
  - probes.adit.corrupted == 0
"""
    )
    assert [line.partition(": ")[2] for line in found] == [
        "probes[1].name: “audit” is used twice",
        "probes[1].during: the load has no phase “hald”; did you mean hold?",
        "criteria[0]: a probe of type audit_trail has no figure “corruptd”; did you mean "
        "corrupted?",
        "criteria[1]: the scenario has no probe “adit”; did you mean audit?",
    ]


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("probes.history.queries == 1000", True),
        ("probes.history.failed_share < 0.1 %", False),
        ("probes.history.queries_tps_max > 10 TPS", None),
        ("probes.history.latency_ms.p95 < 100 ms", True),
        ("probes.other.queries > 0", None),
        ("dashboard.external.identity.saved_share >= 60 %", True),
        ("dashboard.coordinator.latency_ms.p99 < 1 s", False),
        ("dashboard.unknown > 0", None),
    ],
)
def test_criteria_on_probes_and_dashboard(text: str, passed: bool | None) -> None:
    results = replace(
        small_result(),
        probes=(PROBE,),
        dashboard={
            "external.identity.saved_share": 0.62,
            "coordinator.latency_ms.p99": 1200.0,
        },
    )
    (judged,) = judge((parse_criterion(text),), results)
    assert judged.passed is passed
    assert judged.detail


def test_what_a_probe_says_went_wrong_is_the_reason() -> None:
    results = replace(small_result(), probes=(replace(PROBE, problem="the table was gone"),))
    (judged,) = judge((parse_criterion("probes.history.queries_tps_max > 1"),), results)
    assert "the table was gone" in judged.detail


def test_a_unit_of_another_kind_is_refused() -> None:
    with pytest.raises(CriterionError):
        parse_criterion("probes.history.failed_share < 5 s")


@given(rate=st.floats(0.001, 10), time=st.floats(0.001, 10), count=st.integers(1, 10**6))
def test_probes_scale_with_their_load(rate: float, time: float, count: int) -> None:
    adapter: TypeAdapter[ProbeSpec] = TypeAdapter(ProbeSpec)
    written = adapter.validate_python(
        {"type": "history_queries", "name": "h", "count": count, "concurrency": 100}
    )
    run = written.scaled(rate, time).model_dump()
    assert run["count"] == max(1, round(count * rate * time))
    assert run["concurrency"] == max(1, round(100 * rate))
    steady = adapter.validate_python({"type": "table_operations", "name": "t", "rate_tps": 5000})
    assert steady.scaled(rate, time).model_dump()["rate_tps"] == pytest.approx(5000 * rate)
