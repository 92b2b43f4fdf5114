from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fraud_platform.check_services.services import RunningChecks, running_checks


@pytest.fixture(scope="session")
def checks_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChecks]:
    with running_checks(tmp_path_factory.mktemp("checks"), "--seed=3") as running:
        yield running


@pytest.fixture
def services(checks_process: RunningChecks) -> RunningChecks:
    """Shared by all tests, and mended for each."""
    checks_process.mend()
    return checks_process
