from collections.abc import Callable
from dataclasses import replace

import pytest

from squall.load_generator.profiles import build
from squall.models import LatencySummary, TestResults, TestStatus, Verdict
from squall.orchestrator.limit.criteria import for_steps
from squall.orchestrator.limit.parts import PartUsage
from squall.orchestrator.limit.search import Trial
from squall.orchestrator.limit.step import StepSpec, read_step

MakeResults = Callable[..., TestResults]


def test_the_load_of_a_step_is_warm_up_measured_stretch_and_ramp_down(step_spec: StepSpec) -> None:
    config = step_spec.config(500, 3)
    profile = build(config.scenario.load, config.seed)
    assert [(p.name, p.start_s, p.end_s) for p in profile.phases] == [
        ("warm_up", 0, 2),
        ("measured", 2, 12),
        ("cool_down", 12, 13),
    ]
    assert profile.peak_tps == 500
    assert profile.total == pytest.approx(500 * 12.5)


def test_every_step_has_a_seed_of_its_own(step_spec: StepSpec) -> None:
    assert [step_spec.config(500, number).seed for number in range(3)] == [100, 101, 102]


def test_warm_up_is_not_judged(step_spec: StepSpec, make_results: MakeResults) -> None:
    step = read_step(step_spec, 1000, make_results(1000))
    assert step.trial is Trial.PASSED
    assert step.reasons == ()
    assert step.response.p95 == 20
    assert step.error_rate == 0
    assert step.answered_tps == 1000
    assert step.concurrency == pytest.approx(8)
    assert step.point is not None


def test_a_missed_criterion_fails_the_step_and_names_the_bottleneck(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    step = read_step(step_spec, 1000, make_results(1000, p95_ms=400))
    assert step.trial is Trial.FAILED
    assert len(step.reasons) == 1
    assert "400 ms" in step.reasons[0]
    assert step.bottleneck is not None
    assert step.bottleneck.component == "target"


def test_a_criterion_that_could_not_be_judged_is_not_passed(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    spec = replace(step_spec, criteria=for_steps(["accounting.lost == 0"]).judged)
    step = read_step(spec, 1000, make_results(1000))
    assert step.trial is Trial.FAILED
    assert "not measured" in step.reasons[0]


@pytest.mark.parametrize(("growth", "trial"), [(9, Trial.PASSED), (20, Trial.FAILED)])
def test_a_backlog_that_grows_fails_the_step(
    step_spec: StepSpec, make_results: MakeResults, growth: float, trial: Trial
) -> None:
    step = read_step(step_spec, 1000, make_results(1000, queue_growth_per_s=growth))
    assert step.trial is trial
    assert any("cannot be sustained" in reason for reason in step.reasons) is (
        trial is Trial.FAILED
    )


def test_a_run_that_the_generator_limited_says_nothing_of_the_target(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    results = make_results(1000)
    limited = replace(
        results,
        verdict=Verdict.INVALID,
        generator=replace(results.generator, limited=True, limit_reason="its core was full"),
    )
    step = read_step(step_spec, 1000, limited)
    assert step.trial is Trial.INVALID
    assert "its core was full" in step.reasons[0]
    assert step.point is None


def test_a_run_that_did_not_end_well_fails_the_step(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    results = make_results(
        1000, status=TestStatus.FAILED, verdict=Verdict.FAILED, notes=("the platform was killed",)
    )
    step = read_step(step_spec, 1000, results)
    assert step.trial is Trial.FAILED
    assert step.reasons == ("the platform was killed",)
    assert step.concurrency is None


def _decided(results: TestResults, share: float, planned: int) -> TestResults:
    """Every acknowledged transaction decided in its second, but a ``share`` of them not yet."""
    seconds = tuple(
        replace(second, accepted=planned, legitimate=int(planned * (1 - share)))
        for second in results.seconds
    )
    total = sum(second.accepted for second in seconds)
    decided = sum(second.legitimate for second in seconds)
    late = replace(seconds[-1], legitimate=seconds[-1].legitimate + total - decided)
    decision = LatencySummary(total, 300, 300, 500, 600, 700, 800, 900)
    latencies = replace(results.latency_ms, decision=decision)
    return replace(results, seconds=(*seconds[:-1], late), latency_ms=latencies)


@pytest.mark.parametrize(("share", "trial"), [(0.02, Trial.PASSED), (0.1, Trial.FAILED)])
def test_decisions_that_fall_behind_fail_the_step(
    step_spec: StepSpec, make_results: MakeResults, share: float, trial: Trial
) -> None:
    step = read_step(step_spec, 1000, _decided(make_results(1000), share, 1000))
    assert step.trial is trial
    assert step.decision.p95 == 600
    assert any("acknowledged than decided" in why for why in step.reasons) is (
        trial is Trial.FAILED
    )


def test_the_part_that_was_full_goes_before_what_the_run_found(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    parts = (PartUsage("gateway", 0.97, 0.97, 1),)
    step = read_step(step_spec, 1000, make_results(1000, p95_ms=400), parts)
    assert step.bottleneck is not None
    assert step.bottleneck.component == "gateway"
    assert step.parts == parts
