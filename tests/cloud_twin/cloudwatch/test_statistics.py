"""Statistics by name."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.cloudwatch.distribution import Distribution
from cloud_twin.services.cloudwatch.statistics import statistic


def figure(name: str, values: list[float]) -> float | None:
    bucket = Distribution()
    for value in values:
        bucket.add(value)
    found = statistic(name)
    assert found is not None, name
    return found([bucket])


HUNDRED = [float(value) for value in range(1, 101)]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Sum", 5050.0),
        ("SampleCount", 100.0),
        ("Average", 50.5),
        ("Minimum", 1.0),
        ("Maximum", 100.0),
        ("p0", 1.0),
        ("p50", 50.0),
        ("p99", 99.0),
        ("p99.9", 100.0),
        ("p100", 100.0),
        ("tm90", fmean(HUNDRED[:90])),
        ("tc90", 90.0),
        ("ts90", sum(HUNDRED[:90])),
        ("wm98", fmean([*HUNDRED[:98], 98.0, 98.0])),
        ("TM(10%:90%)", fmean(HUNDRED[10:90])),
        ("TC(80%:)", 20.0),
        ("TM(150:1000)", None),
        ("TC(10:20)", 10.0),
        ("TS(:3)", 6.0),
        ("PR(:30)", 30.0),
        ("PR(10:30)", 20.0),
        ("IQM", fmean(HUNDRED[25:75])),
    ],
)
def test_a_hundred_values(name: str, wanted: float | None) -> None:
    assert figure(name, HUNDRED) == (None if wanted is None else pytest.approx(wanted))


@pytest.mark.parametrize(
    "name", ["sum", "p", "p101", "p-1", "tm", "TM(1:2%)", "PR(1%:2%)", "TM(90%:10%)", "TM(:)", ""]
)
def test_names_that_aws_does_not_have(name: str) -> None:
    assert statistic(name) is None


@settings(deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=100), st.integers(1, 100))
def test_a_trimmed_sum_is_its_mean_times_its_count(values: list[int], percent: int) -> None:
    numbers = [float(value) for value in values]
    mean, count = figure(f"tm{percent}", numbers), figure(f"tc{percent}", numbers)
    assert mean is not None
    assert count is not None

    assert count == pytest.approx(len(values) * percent / 100)
    assert figure(f"ts{percent}", numbers) == pytest.approx(mean * count, abs=1e-6)
