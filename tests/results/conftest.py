"""Results that several tests read; made once, because they are values."""

from __future__ import annotations

import pytest
from tests.results.example import example_results

from squall.models import TestResults, Verdict


@pytest.fixture(scope="session")
def passed() -> TestResults:
    return example_results()


@pytest.fixture(scope="session")
def failed() -> TestResults:
    return example_results(
        run_id="20260314T101500Z-7c02de",
        error_share=0.02,
        lost=3,
        seed=6,
        target_cores=3.7,
        slowness=3,
        verdict=Verdict.FAILED,
    )
