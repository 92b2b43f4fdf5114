from __future__ import annotations

import time

import numpy as np
import pytest
from tests.probes.remembering_platform import (
    ACCOUNTING,
    RUN,
    SOURCE,
    STARTED_S,
    RememberingPlatform,
)
from tests.targets.servers import http_server, response

from squall.errors import ConfigurationError, TargetProtocolError
from squall.load_generator.profiles import build
from squall.models import HistoryQueries
from squall.models.load_spec import SustainedSpec
from squall.probes.customers import Customers
from squall.probes.history_queries import HistoryQueriesProbe
from squall.probes.probe import ConcludedLoad, LoadClock
from squall.targets.installation import Installation

SPEC = HistoryQueries(type="history_queries", name="history", count=45, concurrency=10)
PROFILE = build(SustainedSpec(type="sustained", rate_tps=5_000, duration_s=0.4), 1)


def clock() -> LoadClock:
    begun_s = time.monotonic()
    return LoadClock(PROFILE, lambda: time.monotonic() - begun_s, SOURCE)


def concluded() -> ConcludedLoad:
    return ConcludedLoad(RUN, ACCOUNTING, SOURCE, STARTED_S, 0.4)


async def test_it_asks_for_the_loads_customers_in_bursts() -> None:
    platform = RememberingPlatform()
    platform.decide(2_000)
    async with platform.serving() as installation:
        probe = HistoryQueriesProbe(SPEC, installation, seed=1)
        assert probe.what == "45 history queries in bursts of 10"
        await probe.prepare()
        platform.asked.clear()
        await probe.beside(clock())
        measured = await probe.conclude(concluded())
        await probe.close()
    assert len(platform.asked) == 45
    assert set(platform.asked) <= set(platform.profiles)
    figures = measured.figures
    assert set(figures) == set(HistoryQueries.FIGURES)
    assert (figures["queries"], figures["failed"], figures["failed_share"]) == (45, 0, 0.0)
    assert figures["unknown_share"] == 0.0
    assert 9 <= (figures["at_once_max"] or 0) <= 45
    assert measured.latency_ms.count == 45


async def test_unknown_customers_are_answers_too() -> None:
    async with RememberingPlatform().serving() as installation:
        probe = HistoryQueriesProbe(SPEC, installation, seed=1)
        await probe.prepare()
        await probe.beside(clock())
        measured = await probe.conclude(concluded())
    assert measured.figures["unknown_share"] == 1.0
    assert (measured.figures["failed"], measured.latency_ms.count) == (0, 45)


async def test_the_same_seed_asks_for_the_same_customers() -> None:
    asked = []
    for seed in (1, 1, 2):
        platform = RememberingPlatform()
        async with platform.serving() as installation:
            probe = HistoryQueriesProbe(SPEC, installation, seed)
            await probe.prepare()
            await probe.beside(clock())
        asked.append(sorted(platform.asked))
    assert asked[0] == asked[1] != asked[2]


async def test_what_is_no_such_platform_is_said_before_the_load() -> None:
    async with http_server(lambda _path, _fields: response(200, b"{}")) as port:
        installation = Installation(platform_url=f"http://127.0.0.1:{port}")
        probe = HistoryQueriesProbe(SPEC, installation, seed=1)
        with pytest.raises(TargetProtocolError, match=r"answers for customers.* answered 200"):
            await probe.prepare()


def test_it_needs_the_platform() -> None:
    with pytest.raises(ConfigurationError, match="history needs the reference platform"):
        HistoryQueriesProbe(SPEC, Installation(), seed=1)


def test_customers_are_those_on_the_wire() -> None:
    indices = np.arange(300, dtype=np.int64)
    batch = SOURCE.build(RUN).batch(indices)
    column = batch.columns["user_id"].json
    users = Customers(SOURCE, RUN).of(indices)
    plain = [row for row in range(300) if row not in batch.overrides]
    assert len(plain) > 200
    for row in plain:
        assert bytes(column[row]).decode().strip() == f'"{users[row]}"'
