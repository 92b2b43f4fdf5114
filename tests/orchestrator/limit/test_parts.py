import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from squall.models import PlatformSetup, SystemMetrics, TestResults
from squall.models.services import ServiceFigures, StreamFigures
from squall.orchestrator.limit.parts import (
    FULL_PROCESS,
    PartsWatch,
    PartUsage,
    full_part,
    usage_of,
)
from squall.orchestrator.ports import Progress, TargetSession

MakeResults = Callable[..., TestResults]
GATEWAY = PartUsage("gateway", 0.5, 0.5, 1)
FUNCTIONS = PartUsage("functions", 0.7, 0.4, 2)


def usage(source: str, cores: float, available: int = 2) -> SystemMetrics:
    return SystemMetrics(source, 1.0, cores, 1, 1, available)


def test_only_the_busiest_seconds_count() -> None:
    samples = [
        {"gateway": {1: 0.1}, "functions": {}},
        {"gateway": {1: 0.5}, "functions": {2: 0.4, 3: 0.4}},
        {"gateway": {1: 0.7}, "functions": {2: 0.6, 3: 0.2}},
    ]
    functions, gateway = usage_of(samples)
    assert (functions.name, gateway.name) == ("functions", "gateway")
    assert functions.cores == pytest.approx(0.8)
    assert functions.busiest == pytest.approx(0.5)
    assert functions.processes == 2
    assert gateway.cores == pytest.approx(0.6)
    assert usage_of([]) == ()


def test_a_process_that_fills_its_core_is_named(make_results: MakeResults) -> None:
    full = replace(GATEWAY, cores=0.95, busiest=FULL_PROCESS)
    found = full_part((full, FUNCTIONS), make_results(resources={"host": usage("host", 1.9)}))
    assert found is not None
    assert found.component == "gateway"
    assert "functions 0.70 cores (2 processes)" in found.evidence


def test_one_of_several_functions_may_be_the_full_one(make_results: MakeResults) -> None:
    found = full_part((replace(FUNCTIONS, busiest=0.99), GATEWAY), make_results())
    assert found is not None
    assert found.title == "The functions were the limit"
    assert "one of the 2 functions used 0.99" in found.evidence


def test_a_full_machine_is_named_with_who_uses_most(make_results: MakeResults) -> None:
    resources = {"host": usage("host", 1.95), "generator": usage("generator", 0.3)}
    found = full_part((FUNCTIONS, GATEWAY), make_results(resources=resources))
    assert found is not None
    assert "functions used most" in found.title
    assert "generator 0.30 cores" in found.evidence
    crowded = full_part((replace(GATEWAY, cores=0.2),), make_results(resources=resources))
    assert crowded is not None
    assert "other programs used most" in crowded.title
    roomy = {"host": usage("host", 1.5)}
    assert full_part((FUNCTIONS, GATEWAY), make_results(resources=roomy)) is None


def test_shards_that_refuse_come_before_processes(make_results: MakeResults) -> None:
    services = ServiceFigures(kinesis=StreamFigures(write_throttled_share=0.02))
    full = replace(GATEWAY, busiest=1.0)
    found = full_part((full,), make_results(services=services))
    assert found is not None
    assert found.component == "shards"
    assert "2 % of the records" in found.evidence or "2.00 %" in found.evidence


def test_nothing_is_said_of_a_target_without_known_processes(make_results: MakeResults) -> None:
    assert full_part((), make_results(resources={"host": usage("host", 2.0)})) is None


class Session:
    def processes(self) -> Mapping[str, tuple[int, ...]]:
        return {"gateway": (os.getpid(),), "gone": (2**22 + 1,)}


@pytest.mark.parametrize(("session", "names"), [(Session(), ["gateway"]), (object(), [])])
async def test_processes_are_sampled_while_the_target_is_open(
    monkeypatch: pytest.MonkeyPatch, session: object, names: list[str]
) -> None:
    monkeypatch.setattr("squall.orchestrator.limit.parts.SAMPLE_PERIOD_S", 0.0)
    ticks = iter(range(1_000_000))

    @asynccontextmanager
    async def open_target(
        target: str, fields: frozenset[str], progress: Progress, setup: PlatformSetup
    ) -> AsyncIterator[TargetSession]:
        yield cast(TargetSession, session)

    watch = PartsWatch(open_target, lambda: float(next(ticks)))
    async with watch.open("stream", frozenset(), lambda _: None, PlatformSetup()):
        for _ in range(5):
            before_s = time.process_time()
            while time.process_time() < before_s + 0.03:  # psutil counts in hundredths
                sum(range(1000))
            for _ in range(3):
                await asyncio.sleep(0)
    assert [part.name for part in watch.take()] == names
    assert watch.take() == ()
