"""The watch of a run on a running twin: this run's figures, and its bill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from tests.cloud_twin.conftest import RunningTwin, start_twin, stop_twin
from tests.metrics.collectors.cloudwatch.twin_estate import (
    FUNCTION,
    QUEUE,
    STREAM,
    TABLE,
    clients_of,
    make_estate,
    use_estate,
)

from squall.business import load_price_book
from squall.load_generator.target_spec import Endpoint
from squall.orchestrator.service_watch import ServiceReport, ServiceWatch
from squall.targets import CloudPlace

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def watched_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTwin]:
    twin = start_twin(tmp_path_factory.mktemp("watched-twin"))
    yield twin
    stop_twin(twin)


@pytest.fixture
def twin(watched_twin: RunningTwin) -> RunningTwin:
    watched_twin.reset()
    make_estate(watched_twin)
    return watched_twin


def watch_of(
    twin: RunningTwin, notes: list[str], port: int | None = None, stream: str = STREAM
) -> ServiceWatch:
    """``port``: where the meter is looked for, if not at the twin."""
    place = CloudPlace(Endpoint("127.0.0.1", port or twin.port), (stream,), (TABLE,))
    return ServiceWatch(place, clients_of(twin), load_price_book(), notes.append, time.time)


async def watched(watch: ServiceWatch, twin: RunningTwin, accepted: int) -> ServiceReport:
    async with asyncio.timeout(PATIENCE_S):
        await watch.begin()
        await asyncio.to_thread(use_estate, twin)
        report = await watch.end(accepted)
        await watch.close()
    assert report is not None
    return report


@asynccontextmanager
async def without_a_meter() -> AsyncIterator[int]:
    """The port of an HTTP service that knows nothing of a meter, as AWS does not."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def quantities(report: ServiceReport) -> dict[tuple[str, str], float]:
    assert report.cost is not None
    return {
        (item.service, item.unit): item.quantity
        for item in report.cost.items
        if item.resource in ("", STREAM, TABLE, FUNCTION, QUEUE)
    }


async def test_the_bill_is_this_runs_by_the_meter(twin: RunningTwin) -> None:
    use_estate(twin)  # the run before
    notes: list[str] = []
    report = await watched(watch_of(twin, notes), twin, accepted=20)
    assert notes == []
    cost = report.cost
    assert cost is not None
    assert cost.basis == "the twin's meter"
    assert cost.per_transaction_usd == pytest.approx(cost.total_usd / 20)
    used = quantities(report)
    assert used["kinesis", "put_payload_units"] == 20
    assert used["lambda", "requests"] == 5
    assert used["dynamodb", "write_request_units"] == 10
    assert used["dynamodb", "read_request_units"] == 2
    assert report.figures.kinesis.records_in is not None
    assert report.figures.functions.errors is not None


async def test_without_a_meter_the_bill_is_worked_out_from_cloudwatch(twin: RunningTwin) -> None:
    notes: list[str] = []
    async with without_a_meter() as port:
        report = await watched(watch_of(twin, notes, port), twin, accepted=20)
    assert notes == []
    assert report.cost is not None
    assert report.cost.basis == "CloudWatch"
    used = quantities(report)
    assert used["kinesis", "put_payload_units"] == 20
    assert used["lambda", "requests"] == 5
    assert used["dynamodb", "write_request_units"] == 10
    assert used["dynamodb", "read_request_units"] == 2
    assert report.figures.kinesis.records_in == 20
    assert report.figures.functions.errors == 2
    assert report.figures.sqs.sent == 3


async def test_an_unknown_stream_and_refused_metrics_are_notes(twin: RunningTwin) -> None:
    denied = {"code": "AccessDeniedException", "status": 400, "message": "not authorized"}
    twin.fault(service="cloudwatch", when="before", error=denied)
    notes: list[str] = []
    report = await watched(watch_of(twin, notes, stream="nowhere"), twin, accepted=20)
    unknown, refused = notes
    assert unknown.startswith("not watched: stream nowhere: ")
    assert refused.startswith("CloudWatch could not be read: ")
    assert report.figures.dynamodb.requests is None
    assert report.cost is not None  # the meter goes on


async def test_a_watch_that_never_began_has_nothing_to_say(twin: RunningTwin) -> None:
    watch = watch_of(twin, [])
    assert await watch.end(1) is None
    await watch.close()
    await watch.close()
