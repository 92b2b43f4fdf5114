from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.cloud_twin.lambda_.fakes import Bench

from cloud_twin.services.lambda_ import LambdaOptions


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    options = LambdaOptions(
        async_retry_delays_s=(0.02, 0.05),
        mapping_retry_s_min=0.02,
        mapping_retry_s_max=0.1,
        watch_interval_s=0.02,
    )
    bench = Bench(options)
    yield bench
    await bench.service.close()
