from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.results.significance import MIN_SECONDS, difference_interval, ratio_interval


def _noisy(level: float, seconds: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A series whose neighbours are alike: an AR(1) process around a level."""
    rng = np.random.default_rng(seed)
    noise = np.empty(seconds)
    state = 0.0
    for at in range(seconds):
        state = 0.7 * state + rng.normal(0, 0.05)
        noise[at] = state
    return level * np.exp(noise)


def test_noise_alone_is_rarely_called_a_difference() -> None:
    wrong = 0
    for seed in range(40):
        a, b = _noisy(20, 120, 2 * seed), _noisy(20, 120, 2 * seed + 1)
        interval = ratio_interval(a, b, np.random.default_rng(seed))
        assert interval is not None
        wrong += not interval[0] <= 1 <= interval[1]
    assert wrong <= 8  # nominally 2; short correlated series are known to fall short of 95 %


@pytest.mark.parametrize("seconds", [(120, 120), (120, 100)])
def test_a_real_difference_is_found(seconds: tuple[int, int]) -> None:
    a, b = _noisy(20, seconds[0], 1), _noisy(25, seconds[1], 2)
    interval = ratio_interval(a, b, np.random.default_rng(0))
    assert interval is not None
    assert 1 < interval[0] < 1.25 < interval[1] < 1.5


def test_short_series_say_nothing() -> None:
    a = _noisy(20, MIN_SECONDS - 1, 1)
    assert ratio_interval(a, a, np.random.default_rng(0)) is None
    assert ratio_interval(a, a[:-3], np.random.default_rng(0)) is None


def test_the_same_seed_gives_the_same_interval() -> None:
    a, b = _noisy(20, 90, 1), _noisy(22, 90, 2)
    first = ratio_interval(a, b, np.random.default_rng(5))
    assert first == ratio_interval(a, b, np.random.default_rng(5))


def test_newcombes_published_example() -> None:
    """Newcombe 1998, table II, example (a), method 10: 56/70 − 48/80 is 0.0524 to 0.3339."""
    low, high = difference_interval(48, 80, 56, 70)
    assert low == pytest.approx(0.0524, abs=5e-5)
    assert high == pytest.approx(0.3339, abs=5e-5)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.data())
def test_the_interval_holds_the_difference(n: int, m: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    low, high = difference_interval(x, n, y, m)
    assert low - 1e-12 <= y / m - x / n <= high + 1e-12
