"""Leak and drift: a real one is found, noise is not taken for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scenarios.small_result import small_result

from squall.load_generator.profiles import build
from squall.load_generator.profiles.shape import Floats
from squall.models import (
    Second,
    StabilityResult,
    StabilitySpec,
    SystemMetrics,
    TestResults,
)
from squall.models.load_spec import (
    BurstSpec,
    LoadSpec,
    RampUpSpec,
    SequenceSpec,
    SustainedSpec,
    WaveSpec,
)
from squall.scenarios.stability import check_stability, steady_phase, trend_per_hour

LIMITS = StabilitySpec(
    memory_growth_percent_per_hour=10,
    latency_growth_percent_per_hour=10,
    error_rate_growth_points_per_hour=0.5,
)
RATE = 2000.0
Curve = Callable[[Floats], Floats]


def second(at_s: int, planned: int, p95: float | None, errors: int) -> Second:
    return Second(
        at_s, planned, planned - errors, 0, errors, p95, p95, p95, p95, 0.1, 3, 0, 0, 0, 0, 0
    )


def sustained(seconds: float) -> LoadSpec:
    return SustainedSpec(type="sustained", name="hold", rate_tps=RATE, duration_s=seconds)


def flat(t: Floats) -> Floats:
    return np.ones(len(t))


def rising(percent_per_hour: float) -> Curve:
    return lambda t: 1.0 + percent_per_hour / 100.0 * t / 3600.0


def run(
    seconds: int,
    seed: int,
    memory: Curve = flat,
    latency: Curve = flat,
    errors: Curve | None = None,
    load: LoadSpec | None = None,
) -> TestResults:
    """A run whose figures follow curves, with the noise that such figures have."""
    random = np.random.default_rng(seed)
    t = np.arange(seconds, dtype=np.float64)
    p95 = 40.0 * latency(t) * random.lognormal(0.0, 0.25, seconds)
    p95[random.random(seconds) < 0.01] *= 20.0  # now and then a pause of the target
    share = errors(t) if errors else np.full(seconds, 0.0002)
    failed = random.binomial(int(RATE), share)
    rss = 400e6 * memory(t) * (1 + 0.01 * random.standard_normal(seconds))
    rows = tuple(
        second(at, int(RATE), float(p), int(e))
        for at, (p, e) in enumerate(zip(p95, failed, strict=True))
    )
    samples = tuple(
        SystemMetrics(source, float(at), 0.5, int(size))
        for source in ("generator", "target")
        for at, size in enumerate(rss)
    )
    return small_result(load or sustained(seconds), seconds=rows, resource_samples=samples)


def by_metric(results: TestResults, limits: StabilitySpec = LIMITS) -> dict[str, StabilityResult]:
    return {check.metric: check for check in check_stability(limits, results)}


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_not_taken_for_a_trend(seed: int) -> None:
    checks = by_metric(run(7200, seed))
    assert set(checks) == {"generator_memory", "target_memory", "response_p95", "error_rate"}
    for check in checks.values():
        assert check.passed is True
        assert check.interval is not None
        assert check.interval[0] <= 0.5


@pytest.mark.parametrize("seed", range(8))
def test_a_leak_and_a_drift_are_found(seed: int) -> None:
    checks = by_metric(
        run(7200, seed, rising(20), rising(25), lambda t: 0.0002 + 0.01 * t / 3600.0)
    )
    for metric, slope in {"target_memory": 20, "response_p95": 25, "error_rate": 1.0}.items():
        check = checks[metric]
        assert check.passed is False
        assert check.slope_per_hour is not None
        # Per cent are of the median, half-way up the rise.
        assert check.slope_per_hour == pytest.approx(slope, rel=0.35)


def test_noise_of_a_short_run_proves_nothing() -> None:
    """Two minutes of noise often lean more than the limit allows, but not surely so."""
    checks = [by_metric(run(120, seed))["response_p95"] for seed in range(12)]
    slopes = [check.slope_per_hour for check in checks]
    assert any(slope is not None and slope > 10 for slope in slopes)
    assert all(check.passed for check in checks)


def test_a_rise_within_the_limit_passes() -> None:
    check = by_metric(run(7200, 3, memory=rising(5)))["target_memory"]
    assert check.passed is True
    assert check.interval is not None
    assert check.interval[0] > 0.0
    assert check.interval[0] < 5.0 < 10.0


def test_one_step_up_for_outliers_is_no_trend() -> None:
    """A tenth of the seconds a hundred times slower, all in one stretch."""

    def stalled(t: Floats) -> Floats:
        return np.where((t > 5000) & (t < 5700), 100.0, 1.0)

    assert by_metric(run(7200, 4, latency=stalled))["response_p95"].passed is True


def test_a_fall_passes() -> None:
    assert by_metric(run(3600, 5, memory=rising(-30)))["target_memory"].passed is True


def test_warming_up_is_left_out() -> None:
    def warming(t: Floats) -> Floats:
        return np.minimum(0.5 + t / 100.0, 1.0)

    assert by_metric(run(900, 6, memory=warming))["target_memory"].passed is True


def test_a_limit_of_none_leaves_the_check_out() -> None:
    assert check_stability(StabilitySpec(), run(600, 1)) == ()
    only = StabilitySpec(latency_growth_percent_per_hour=5)
    assert [c.metric for c in check_stability(only, run(600, 1))] == ["response_p95"]


def test_a_shortened_run_may_rise_as_much_in_all() -> None:
    """2 h in 12 min: 20 % in all is allowed either way, and 60 % is too much."""
    for percent, passed in ((15.0, True), (60.0, False)):
        results = run(720, 2, memory=rising(percent * 5), load=sustained(7200))
        results = replace(results, config=results.config.model_copy(update={"time_scale": 0.1}))
        check = by_metric(results)["target_memory"]
        assert check.limit == pytest.approx(100.0)
        assert check.passed is passed


def test_too_short_a_run_is_not_judged() -> None:
    for check in check_stability(LIMITS, run(20, 1)):
        assert check.passed is None
        assert "a trend needs 30" in check.detail


def test_what_was_not_sampled_is_not_judged() -> None:
    results = run(600, 1)
    own = tuple(s for s in results.resource_samples if s.source == "generator")
    checks = by_metric(replace(results, resource_samples=own))
    assert checks["generator_memory"].passed is True
    assert checks["target_memory"].passed is None


def test_a_load_without_a_constant_rate_is_not_judged() -> None:
    wave = WaveSpec(type="wave", mean_tps=RATE, amplitude_tps=5, period_s=60, duration_s=600)
    for check in check_stability(LIMITS, run(600, 1, load=wave)):
        assert check.passed is None
        assert check.detail == "no phase of the load has a constant rate"


def test_only_the_steady_phase_counts() -> None:
    """Memory and latency follow the ramps; the hold between them is flat."""
    load = SequenceSpec(
        type="sequence",
        parts=(
            RampUpSpec(type="ramp_up", start_tps=0, end_tps=RATE, duration_s=300),
            SustainedSpec(type="sustained", name="hold", rate_tps=RATE, duration_s=600),
            RampUpSpec(type="ramp_up", start_tps=RATE, end_tps=0, duration_s=300),
        ),
    )

    def shape(t: Floats) -> Floats:
        return np.clip(np.minimum(t, 1200 - t) / 300, 0.01, 1.0)

    results = run(1200, 1, shape, shape, load=load)
    planned = np.rint(RATE * np.clip(np.minimum(results_t(results), 1200) / 300, 0, 1))
    rows = tuple(
        replace(row, planned=int(min(n, RATE * (1200 - row.at_s) / 300)))
        for row, n in zip(results.seconds, planned, strict=True)
    )
    assert all(c.passed for c in check_stability(LIMITS, replace(results, seconds=rows)))


def results_t(results: TestResults) -> Floats:
    return np.array([row.at_s for row in results.seconds], dtype=np.float64)


def test_a_pause_is_left_out() -> None:
    """200 s of the run are a pause, with nothing planned and nothing answered."""
    results = run(800, 1, load=sustained(600))
    rows = tuple(
        second(row.at_s, 0, None, 0) if 300 <= row.at_s < 500 else row for row in results.seconds
    )
    checks = by_metric(replace(results, seconds=rows))
    assert all(check.passed for check in checks.values())
    assert "540 measurements" in checks["response_p95"].detail


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (sustained(100), "hold"),
        (
            BurstSpec(
                type="burst", base_tps=5, burst_tps=50, every_s=60, burst_s=5, duration_s=300
            ),
            "base",
        ),
        (
            BurstSpec(type="burst", base_tps=5, burst_tps=50, every_s=6, burst_s=1, duration_s=300),
            None,
        ),
        (RampUpSpec(type="ramp_up", start_tps=0, end_tps=9, duration_s=60), None),
        (SustainedSpec(type="sustained", rate_tps=0, duration_s=60), None),
    ],
)
def test_the_steady_phase(load: LoadSpec, name: str | None) -> None:
    phase = steady_phase(build(load, 1))
    assert (phase.name if phase else None) == name


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-1e3, 1e3),
    st.floats(-1e3, 1e3),
    st.integers(30, 1500),
)
def test_a_straight_line_has_its_own_slope(slope: float, level: float, points: int) -> None:
    t = np.arange(points, dtype=np.float64)
    found, low, high = trend_per_hour(t, level + slope / 3600.0 * t)
    assert found == pytest.approx(slope, abs=1e-6)
    assert low - 1e-6 <= slope <= high + 1e-6


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(-100, 100))
def test_adding_a_line_adds_its_slope(seed: int, slope: float) -> None:
    t = np.arange(200, dtype=np.float64)
    noise = np.random.default_rng(seed).standard_normal(200)
    plain = np.array(trend_per_hour(t, noise))
    tilted = np.array(trend_per_hour(t, noise + slope / 3600.0 * t))
    assert tilted - plain == pytest.approx(np.full(3, slope), abs=1e-6)
