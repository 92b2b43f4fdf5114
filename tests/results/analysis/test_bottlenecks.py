"""A bottleneck is named only where the figures prove it; each case changes one thing."""

from __future__ import annotations

import dataclasses

import pytest
from tests.results.example import example_results

from squall.models import Finding, LatencySummary, TestResults, Verdict
from squall.results import analyse


def _found(results: TestResults, *kinds: str) -> list[Finding]:
    return [f for f in analyse(results) if f.kind in kinds]


def _strained(results: TestResults, pool_wait_share: float = 0.4) -> TestResults:
    return dataclasses.replace(
        results,
        generator=dataclasses.replace(results.generator, pool_wait_share=pool_wait_share),
    )


def test_without_strain_there_is_no_bottleneck(passed: TestResults) -> None:
    assert _found(passed, "bottleneck", "generator") == []
    note = _found(passed, "note")[0]
    assert note.title == "No bottleneck was reached"


def test_a_busy_target_without_strain_is_no_bottleneck() -> None:
    findings = analyse(example_results(target_cores=3.9))
    assert not [f for f in findings if f.kind == "bottleneck"]
    assert any("Target CPU" in f.title for f in findings)  # but it has no headroom


def test_strain_without_anything_full_proves_nothing(passed: TestResults) -> None:
    results = _strained(passed)
    assert _found(results, "bottleneck") == []
    note = _found(results, "note")[0]
    assert note.title == "No bottleneck was proven"
    assert "waited for a connection" in note.evidence


def test_the_generator_comes_before_everything_else() -> None:
    results = _strained(example_results(target_cores=3.9, verdict=Verdict.INVALID))
    findings = _found(results, "bottleneck", "generator")
    assert [f.component for f in findings] == ["load generator"]
    assert findings[0].severity.value == "critical"


def test_target_cpu_is_named_and_its_dearest_agent() -> None:
    finding = _found(_strained(example_results(target_cores=3.7)), "bottleneck")[0]
    assert finding.component == "target CPU"
    assert "pattern_detector" in finding.recommendation


def test_idle_ramps_do_not_hide_a_full_target() -> None:
    """The mean over the run is far below the limit; near peak load it is not."""
    results = _strained(example_results(target_cores=3.5))
    assert results.resources["target"].cpu_cores / 4 < 0.8
    assert _found(results, "bottleneck")[0].component == "target CPU"


def test_a_shared_machine_is_named_when_it_is_full(passed: TestResults) -> None:
    samples = tuple(
        dataclasses.replace(s, cpu_cores={"host": 3.9, "target": 2.4, "generator": 1.4}[s.source])
        for s in passed.resource_samples
    )
    finding = _found(
        _strained(dataclasses.replace(passed, resource_samples=samples)), "bottleneck"
    )[0]
    assert "machine's processors" in finding.title
    assert "generator elsewhere" in finding.recommendation


@pytest.mark.parametrize(
    ("name", "word"), [("risk_assessor", "agent"), ("storage", "stage"), ("gateway", "stage")]
)
def test_a_full_part_is_named(passed: TestResults, name: str, word: str) -> None:
    full = dataclasses.replace(passed.agents[0], name=name, load=2.9)  # of three processes
    results = _strained(dataclasses.replace(passed, agents=(full, *passed.agents[1:])))
    finding = _found(results, "bottleneck")[0]
    assert finding.title == f"The {word} {name} was the limit"


def test_a_busy_agent_of_several_processes_is_not_full(passed: TestResults) -> None:
    busy = dataclasses.replace(passed.agents[0], load=1.2)  # of three processes
    results = _strained(dataclasses.replace(passed, agents=(busy, *passed.agents[1:])))
    assert _found(results, "bottleneck") == []


def _with_pool(results: TestResults, connections: int, service_ms: float) -> TestResults:
    seconds = tuple(dataclasses.replace(s, in_flight=connections) for s in results.seconds)
    service = LatencySummary(results.accounting.accepted, mean=service_ms, p95=service_ms * 2)
    return dataclasses.replace(
        _strained(results),
        seconds=seconds,
        latency_ms=dataclasses.replace(results.latency_ms, service=service),
        generator=dataclasses.replace(
            results.generator, pool_wait_share=0.4, connections=connections
        ),
    )


def test_too_few_connections_are_proven_by_littles_law(passed: TestResults) -> None:
    finding = _found(_with_pool(passed, 16, 10.0), "bottleneck")[0]
    assert finding.component == "connection pool"
    assert "1,600 TPS" in finding.evidence
    assert "about 75" in finding.recommendation  # 5,000/s × 10 ms × 1.5


def test_enough_connections_are_no_bottleneck(passed: TestResults) -> None:
    assert _found(_with_pool(passed, 200, 10.0), "bottleneck") == []


def test_a_pool_that_waits_for_a_full_target_is_a_symptom() -> None:
    results = _with_pool(example_results(target_cores=3.8), 16, 10.0)
    assert [f.component for f in _found(results, "bottleneck")] == ["target CPU"]


def test_without_measurements_nothing_is_invented(passed: TestResults) -> None:
    bare = dataclasses.replace(
        _strained(passed), agents=(), resources={}, resource_samples=(), seconds=()
    )
    assert [f.title for f in _found(bare, "bottleneck", "note")] == ["No bottleneck was proven"]
