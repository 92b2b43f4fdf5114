from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.probes.decision_pages import ServeRows, loaded, row

from squall.errors import ConfigurationError
from squall.models import ConfidenceDrift
from squall.probes.confidence_drift import FEWEST, ConfidenceDriftProbe, drift
from squall.targets.installation import Installation


def spec(windows: int) -> ConfidenceDrift:
    return ConfidenceDrift(name="sure", type="confidence_drift", windows=windows)


def test_windows_are_compared_with_the_mean_of_all() -> None:
    """Four windows of a thousand: 0.9, 0.9, 0.9 and 0.8, so a mean of 0.875."""
    confidences = np.repeat([0.9, 0.9, 0.9, 0.8], 1_000)
    figures = drift(confidences, np.arange(4_000.0), 4).figures
    assert figures["decisions"] == 4_000
    assert figures["windows"] == 4
    assert figures["mean"] == pytest.approx(0.875)
    assert figures["drift_share_max"] == pytest.approx(1 - 0.8 / 0.875, abs=1e-6)


def test_windows_are_of_time_and_not_of_number() -> None:
    """A rush of unsure decisions in the last tenth of the time is one window of ten."""
    at = np.concatenate([np.linspace(0.0, 9.0, 1_800), np.linspace(9.01, 10.0, 8_200)])
    confidences = np.where(at > 9.0, 0.5, 1.0)
    figures = drift(confidences, at, 10).figures
    mean = (1_800 + 8_200 * 0.5) / 10_000
    assert figures["drift_share_max"] == pytest.approx(1.0 / mean - 1.0, rel=1e-3)


def test_windows_that_say_nothing_are_left_out() -> None:
    at = np.concatenate([np.zeros(500), np.full(FEWEST - 1, 5.0), np.full(500, 10.0)])
    confidences = np.where(at == 5.0, 0.1, 0.9)
    measured = drift(confidences, at, 3)
    assert measured.figures["windows"] == 2
    expected = 0.9 / float(confidences.mean()) - 1.0
    assert measured.figures["drift_share_max"] == pytest.approx(expected, abs=1e-6)
    assert "1 of 3 windows" in measured.notes[0]


@pytest.mark.parametrize("count", [0, 1, FEWEST - 1])
def test_too_few_decisions_have_no_drift(count: int) -> None:
    figures = drift(np.full(count, 0.9), np.arange(float(count)), 4).figures
    assert (figures["decisions"], figures["windows"]) == (count, 0)
    assert "drift_share_max" not in figures


@given(st.floats(0.01, 1.0), st.integers(2, 20))
def test_equal_confidence_never_drifts(confidence: float, windows: int) -> None:
    figures = drift(np.full(3_000, confidence), np.arange(3_000.0), windows).figures
    assert figures["drift_share_max"] == pytest.approx(0.0, abs=1e-6)


async def test_a_run_is_read_from_the_record(serve_rows: ServeRows) -> None:
    """A thousand decisions at a hundred a second, the second half less sure."""
    rows = [row(n, confidence=0.9 if n < 500 else 0.7) for n in range(1_000)]
    rows.append(row(1_000, decision="REFUSED", confidence=None, explanation=None))
    probe = ConfidenceDriftProbe(spec(4), Installation(platform_url=await serve_rows(rows)))
    assert probe.what == "mean confidence of 4 windows against that of the whole run"
    figures = (await probe.conclude(loaded(1_000))).figures
    await probe.close()
    assert figures["decisions"] == 1_000
    assert figures["drift_share_max"] == pytest.approx(0.125, abs=1e-3)
    assert figures["decisions_per_min"] == pytest.approx(6_000, rel=0.01)


async def test_a_log_without_times_is_taken_in_its_order(serve_rows: ServeRows) -> None:
    rows = [row(n) for n in range(600)]
    for one in rows:
        del one["arrived_s"]
    probe = ConfidenceDriftProbe(spec(3), Installation(platform_url=await serve_rows(rows)))
    measured = await probe.conclude(loaded(600))
    await probe.close()
    assert measured.figures["windows"] == 3
    assert measured.figures["decisions_per_min"] == pytest.approx(600)
    assert "no times" in measured.notes[0]


def test_a_target_that_is_no_platform_is_refused_before_the_load() -> None:
    with pytest.raises(ConfigurationError, match="sure needs the reference platform"):
        ConfidenceDriftProbe(spec(3), Installation())
