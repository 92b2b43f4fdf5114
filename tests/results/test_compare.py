from __future__ import annotations

import dataclasses

import pytest
from tests.results.example import example_results

from squall.errors import ConfigurationError
from squall.models import TestResults, TestStatus, Verdict
from squall.results import Comparison, compare
from squall.results.compare import Change, Judgement


def _change(comparison: Comparison, metric: str) -> Change:
    return next(m.changes[0] for m in comparison.metrics if m.metric == metric)


def test_a_run_is_the_same_as_itself(passed: TestResults) -> None:
    comparison = compare([passed, passed])
    assert {c.judgement for m in comparison.metrics for c in m.changes} == {Judgement.SAME}
    assert comparison.warnings == ()
    assert comparison.worse == ()


def test_another_seed_of_the_same_system_is_the_same(passed: TestResults) -> None:
    comparison = compare([passed, example_results(seed=77)])
    assert not comparison.worse
    assert any("seeds differ" in warning for warning in comparison.warnings)


def test_a_slower_system_is_worse_and_the_other_way_round_better(passed: TestResults) -> None:
    slower = example_results(slowness=1.2)
    for runs, judgement in (
        ([passed, slower], Judgement.WORSE),
        ([slower, passed], Judgement.BETTER),
    ):
        for metric in ("response P50", "response P95", "response P99", "service P99"):
            change = _change(compare(runs), metric)
            assert change.judgement is judgement
            assert change.difference_percent is not None
            assert 15 < abs(change.difference_percent) < 25
    assert _change(compare([passed, slower]), "accepted rate").judgement is Judgement.SAME


def test_lost_transactions_are_never_noise(passed: TestResults) -> None:
    change = _change(compare([passed, example_results(lost=1)]), "lost")
    assert change.judgement is Judgement.WORSE
    assert change.difference_percent is None  # from nothing there is no percentage


def test_errors_are_compared_as_proportions(passed: TestResults, failed: TestResults) -> None:
    assert _change(compare([passed, failed]), "error rate").judgement is Judgement.WORSE
    few = dataclasses.replace(passed, error_rate=1 / passed.accounting.planned)
    assert _change(compare([passed, few]), "error rate").judgement is Judgement.SAME


def test_a_short_episode_is_unclear(passed: TestResults) -> None:
    """The whole run's P99 moved, but only three seconds did: no steady change is shown."""
    seconds = tuple(
        dataclasses.replace(s, response_p99=4_000.0) if 60 <= s.at_s < 63 else s
        for s in passed.seconds
    )
    response = dataclasses.replace(passed.latency_ms.response, p99=900.0)
    latency = dataclasses.replace(passed.latency_ms, response=response)
    episode = dataclasses.replace(passed, seconds=seconds, latency_ms=latency)
    change = _change(compare([passed, episode]), "response P99")
    assert change.judgement is Judgement.UNCLEAR
    assert "short episode" in change.statement


def test_what_one_run_did_not_measure_is_unknown(passed: TestResults) -> None:
    blind = dataclasses.replace(
        passed, accounting=dataclasses.replace(passed.accounting, lost=None)
    )
    assert _change(compare([passed, blind]), "lost").judgement is Judgement.UNKNOWN


def test_several_runs_are_compared_with_the_first(passed: TestResults) -> None:
    comparison = compare([passed, example_results(run_id="b"), example_results(run_id="c")])
    assert comparison.run_ids == (passed.run_id, "b", "c")
    assert all(len(m.values) == 3 and len(m.changes) == 2 for m in comparison.metrics)


def test_what_makes_runs_incomparable_is_said(passed: TestResults) -> None:
    config = passed.config.model_copy(
        update={
            "scenario": passed.config.scenario.model_copy(
                update={"client": passed.config.scenario.client.model_copy(update={"timeout_s": 1})}
            )
        }
    )
    other = dataclasses.replace(
        passed,
        run_id="other",
        scenario="burst",
        target="http://127.0.0.1:9000",
        verdict=Verdict.INVALID,
        config=config,
        scaling=dataclasses.replace(passed.scaling, rate_scale=1.0),
        environment={**passed.environment, "cpu": "another"},
        generator=dataclasses.replace(passed.generator, workers=8),
    )
    said = "\n".join(compare([passed, other]).warnings)
    for part in ("scenarios", "targets", "invalid", "clients", "scaling", "cpu", "workers"):
        assert part in said
    cut = dataclasses.replace(passed, status=TestStatus.ABORTED)
    assert "did not complete" in compare([passed, cut]).warnings[0]


def test_one_run_is_no_comparison(passed: TestResults) -> None:
    with pytest.raises(ConfigurationError, match="two runs or more"):
        compare([passed])
