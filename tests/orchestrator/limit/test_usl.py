import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.orchestrator.limit.usl import LoadPoint, concurrency, fit

LEVELS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


def points(
    lambda_tps: float, sigma: float, kappa: float, noise: float = 0.0, seed: int = 1
) -> list[LoadPoint]:
    rng = np.random.default_rng(seed)
    return [
        LoadPoint(
            n,
            lambda_tps
            * n
            / (1 + sigma * (n - 1) + kappa * n * (n - 1))
            * float(np.exp(rng.normal(0, noise))),
        )
        for n in LEVELS
    ]


@given(lambda_tps=st.floats(1, 5_000), sigma=st.floats(0, 0.5), kappa=st.floats(1e-4, 0.05))
def test_exact_points_give_their_law_back(lambda_tps: float, sigma: float, kappa: float) -> None:
    found = fit(points(lambda_tps, sigma, kappa))
    assert found.lambda_tps == pytest.approx(lambda_tps, rel=1e-4)
    assert found.sigma == pytest.approx(sigma, abs=1e-4)
    assert found.kappa == pytest.approx(kappa, rel=1e-3, abs=1e-7)
    assert found.r_squared == pytest.approx(1, abs=1e-6)
    assert found.throughput(10) == pytest.approx(
        lambda_tps * 10 / (1 + sigma * 9 + kappa * 90), rel=1e-4
    )


def test_the_peak_is_where_the_law_says() -> None:
    found = fit(points(1_000, 0.05, 0.001))
    assert found.peak_concurrency == pytest.approx(math.sqrt(0.95 / 0.001), rel=1e-3)
    assert found.peak_tps == pytest.approx(found.throughput(found.peak_concurrency or 0))
    assert found.unsupported == ()


def test_noise_of_three_percent_moves_the_peak_little() -> None:
    peaks = [fit(points(1_000, 0.05, 0.001, 0.03, seed)).peak_tps for seed in range(40)]
    known = fit(points(1_000, 0.05, 0.001)).peak_tps
    assert known is not None
    assert all(peak is not None and abs(peak / known - 1) < 0.1 for peak in peaks)


@given(
    st.lists(
        st.builds(LoadPoint, st.floats(1, 1_000), st.floats(1, 100_000)), min_size=5, max_size=12
    )
)
def test_no_parameter_is_ever_negative(any_points: list[LoadPoint]) -> None:
    found = fit(any_points)
    for value in (found.lambda_tps, found.sigma, found.kappa):
        assert value is None or value >= 0


def test_a_straight_line_has_no_peak() -> None:
    found = fit(points(1_000, 0, 0))
    assert found.peak_tps is None
    assert any("no curvature" in reason for reason in found.unsupported)


def test_too_few_points_are_refused() -> None:
    found = fit(points(1_000, 0.05, 0.001)[:4])
    assert found.lambda_tps is None
    assert found.throughput(4) is None
    assert "4 points" in found.unsupported[0]


def test_points_below_one_request_at_a_time_are_left_out() -> None:
    found = fit([LoadPoint(0.2, 100), *points(1_000, 0.05, 0.001)])
    assert len(found.points) == len(LEVELS)


def test_points_too_close_together_are_doubted() -> None:
    close = [
        LoadPoint(n, 100 * n / (1 + 0.1 * (n - 1) + 0.01 * n * (n - 1))) for n in (5, 6, 7, 8, 9)
    ]
    assert any("too close" in reason for reason in fit(close).unsupported)


def test_a_peak_far_beyond_the_points_is_doubted() -> None:
    found = fit(points(1_000, 0.01, 1e-6))
    assert found.peak_concurrency is not None
    assert any("far beyond" in reason for reason in found.unsupported)


def test_points_that_follow_no_law_are_doubted() -> None:
    wild = [LoadPoint(n, x) for n, x in zip(LEVELS, (100, 900, 50, 800, 90, 700, 20), strict=True)]
    assert any("does not describe" in reason for reason in fit(wild).unsupported)


def test_concurrency_is_littles_law_capped_by_the_connections() -> None:
    assert concurrency(2_000, 4.0, 64) == pytest.approx(8)
    assert concurrency(2_000, 400.0, 64) == 64
