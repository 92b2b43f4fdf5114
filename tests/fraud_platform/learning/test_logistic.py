from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.learning.logistic import Floats, fit_logistic


def sample(seed: int, weights: list[float], n: int = 4000) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, len(weights)))
    odds = inputs @ np.array(weights) - 1.0
    return inputs, (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)


def test_finds_the_weights_that_made_the_data() -> None:
    inputs, outcomes = sample(1, [2.0, 0.5], n=40_000)
    bias, weights = fit_logistic(inputs, outcomes, ridge=1e-6)
    assert bias == pytest.approx(-1.0, abs=0.1)
    assert weights == pytest.approx([2.0, 0.5], abs=0.1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.lists(st.floats(-2, 2), min_size=1, max_size=4), st.floats(0.0, 0.3))
def test_weights_are_never_below_the_least(seed: int, made: list[float], least: float) -> None:
    inputs, outcomes = sample(seed, made, n=500)
    _, weights = fit_logistic(inputs, outcomes, least=least)
    assert (weights >= least).all()
    assert np.isfinite(weights).all()


def test_data_that_can_be_separated_does_not_run_away() -> None:
    inputs = np.array([[-1.0], [1.0]] * 50)
    _, weights = fit_logistic(inputs, (inputs[:, 0] > 0).astype(float))
    assert 0 < weights[0] < 50
