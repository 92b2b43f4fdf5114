from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cloud_twin.conftest import RunningTwin, start_twin, stop_twin
from tests.metrics.collectors.cloudwatch.twin_estate import make_estate


@pytest.fixture(scope="module")
def metrics_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTwin]:
    twin = start_twin(tmp_path_factory.mktemp("metrics-twin"))
    yield twin
    stop_twin(twin)


@pytest.fixture
def twin(metrics_twin: RunningTwin) -> RunningTwin:
    """A running twin with a stream, a function that reads it, a table and a queue."""
    metrics_twin.reset()
    make_estate(metrics_twin)
    return metrics_twin
