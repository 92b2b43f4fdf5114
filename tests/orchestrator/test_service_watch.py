"""The watch of a run on a running twin: this run's figures, and its bill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
from squall.orchestrator.service_watch import WHOLE_PERIODS, Aids, ServiceReport, ServiceWatch
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
    place = CloudPlace(
        Endpoint("127.0.0.1", port or twin.port), (stream,), (TABLE,), record_stream=stream
    )
    aids = Aids(notes.append, notes.append, time.time, sleep=at_once)
    return ServiceWatch(place, clients_of(twin), load_price_book(), aids)


async def at_once(_: float) -> None:
    """No waiting."""


async def watched(watch: ServiceWatch, twin: RunningTwin, accepted: int) -> ServiceReport:
    async with asyncio.timeout(PATIENCE_S):
        await watch.begin()
        await asyncio.to_thread(use_estate, twin)
        await watch.settle(accepted, time.time())
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
    assert [note.partition(":")[0] for note in notes] == [
        "waiting for CloudWatch, whose figures come minutes late"
    ]
    assert report.cost is not None
    assert report.cost.basis == "CloudWatch"
    assert report.cost.per_transaction_usd == pytest.approx(report.cost.total_usd / 20)
    assert report.cost.notes == (WHOLE_PERIODS,)
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
    assert unknown.startswith("not looked up: stream nowhere: ")
    assert refused.startswith("CloudWatch could not be read: ")
    assert report.figures.dynamodb.requests is None
    assert report.cost is not None  # the meter goes on


LATE_S = 95.0
"""How long after the end of a minute its figures can be read."""
ACCEPTED = 600_000


@dataclass
class LateAws:
    """An account whose CloudWatch shows a minute's figures late; all its clients in one."""

    now_s: float = 1_750_000_040.0
    late_s: float = LATE_S
    minutes: dict[int, float] = field(default_factory=dict)
    """Records that the stream took, by start of minute."""
    shards: int = 2
    reads: int = 0

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, wait_s: float) -> None:
        self.now_s += wait_s

    def load(self, seconds: int, rate_tps: float) -> None:
        for _ in range(seconds):
            minute = int(self.now_s // 60) * 60
            self.minutes[minute] = self.minutes.get(minute, 0.0) + rate_tps
            self.now_s += 1.0

    def __call__(self, service: str) -> LateAws:
        return self

    def describe_stream_summary(self, StreamName: str) -> dict[str, Any]:  # noqa: N803
        return {"StreamDescriptionSummary": {"StreamARN": "arn", "OpenShardCount": self.shards}}

    def list_event_source_mappings(self, **parameters: str) -> dict[str, Any]:
        return {"EventSourceMappings": []}

    def get_metric_data(self, **parameters: Any) -> dict[str, Any]:
        self.reads += 1
        low, high = parameters["StartTime"].timestamp(), parameters["EndTime"].timestamp()
        shown = {
            at: value
            for at, value in self.minutes.items()
            if low <= at < high and self.now_s >= at + 60 + self.late_s
        }
        return {
            "MetricDataResults": [
                {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(at, UTC) for at in shown],
                    "Values": list(shown.values()),
                }
                for query in parameters["MetricDataQueries"]
                if query["MetricStat"]["Metric"]["MetricName"] == "IncomingRecords"
            ]
        }


@dataclass
class Said:
    notes: list[str] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)


async def on_late_aws(
    aws: LateAws, said: Said, place: Callable[[Endpoint], CloudPlace], during: Callable[[], None]
) -> ServiceReport:
    """A minute of 10,000 a second that all were accepted."""
    async with without_a_meter() as port:
        aids = Aids(said.notes.append, said.progress.append, aws.clock, sleep=aws.sleep)
        watch = ServiceWatch(place(Endpoint("127.0.0.1", port)), aws, load_price_book(), aids)
        await watch.begin()
        during()
        await watch.settle(ACCEPTED, aws.now_s)
        report = await watch.end(ACCEPTED)
        await watch.close()
    assert report is not None
    return report


def of_a_stream(endpoint: Endpoint) -> CloudPlace:
    return CloudPlace(endpoint, streams=("transactions",), record_stream="transactions")


def behind_a_front(endpoint: Endpoint) -> CloudPlace:
    return CloudPlace(endpoint, streams=("transactions",))


@pytest.mark.parametrize("place", [of_a_stream, behind_a_front])
async def test_figures_that_come_late_are_waited_for(
    place: Callable[[Endpoint], CloudPlace],
) -> None:
    aws, said = LateAws(), Said()
    ended_s = aws.now_s + 60
    report = await on_late_aws(aws, said, place, lambda: aws.load(60, 10_000.0))
    assert aws.now_s - ended_s < 180
    assert report.figures.kinesis.records_in == ACCEPTED
    assert report.cost is not None
    used = {item.unit: item.quantity for item in report.cost.items}
    assert used["put_payload_units"] == ACCEPTED
    # The waiting is no part of the run.
    assert used["shard_hours"] == pytest.approx(2 / 60)
    assert report.cost.per_transaction_usd == pytest.approx(report.cost.total_usd / ACCEPTED)
    assert report.cost.total_usd > ACCEPTED * 1.4e-8
    assert report.cost.notes == (WHOLE_PERIODS,)
    assert said.notes == []
    shown = "it shows 0 of 600,000 records" if place is of_a_stream else "it shows 0 records"
    assert said.progress[0] == (
        f"waiting for CloudWatch, whose figures come minutes late: {shown}; at most 180 s more"
    )
    assert aws.reads < 30


async def test_what_cloudwatch_lacks_is_told_and_one_transaction_has_no_cost() -> None:
    aws, said = LateAws(late_s=175.0), Said()
    started_s = aws.now_s
    aws.now_s = started_s // 60 * 60 + 50  # ten seconds before a full minute
    report = await on_late_aws(aws, said, of_a_stream, lambda: aws.load(60, 10_000.0))
    cost = report.cost
    assert cost is not None
    assert cost.per_transaction_usd is None
    told = (
        "CloudWatch shows 100,000 of 600,000 records 180 s after the run: its figures and the bill "
        "lack the rest, so the cost of a transaction is not measured"
    )
    assert cost.notes == (told, WHOLE_PERIODS)
    assert said.notes == [told]


async def test_behind_a_front_figures_that_never_come_are_told() -> None:
    aws, said = LateAws(late_s=10_000.0), Said()
    report = await on_late_aws(aws, said, behind_a_front, lambda: aws.load(60, 10_000.0))
    assert report.cost is not None
    assert report.cost.per_transaction_usd is None
    assert said.notes[0].startswith("CloudWatch's figures were not all there 180 s after the run")


async def test_shards_that_came_during_the_run_are_billed_by_the_mean() -> None:
    aws, said = LateAws(late_s=0.0), Said()

    def loaded() -> None:
        aws.load(60, 10_000.0)
        aws.shards = 4

    report = await on_late_aws(aws, said, of_a_stream, loaded)
    assert report.cost is not None
    used = {item.unit: item.quantity for item in report.cost.items}
    assert used["shard_hours"] == pytest.approx(3 / 60)
    assert report.cost.notes == (
        "the stream transactions had 2 shards before the run and 4 after it; their mean is billed",
        WHOLE_PERIODS,
    )


async def test_a_wait_that_is_broken_off_leaves_a_bill_that_says_so() -> None:
    aws, said = LateAws(), Said()
    async with without_a_meter() as port:
        waiting = asyncio.Event()

        async def sleep(_: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        aids = Aids(said.notes.append, said.progress.append, aws.clock, sleep)
        place = of_a_stream(Endpoint("127.0.0.1", port))
        watch = ServiceWatch(place, aws, load_price_book(), aids)
        await watch.begin()
        aws.load(60, 10_000.0)
        settling = asyncio.create_task(watch.settle(ACCEPTED, aws.now_s))
        await asyncio.wait_for(waiting.wait(), PATIENCE_S)
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling
        report = await watch.end(ACCEPTED)
        await watch.close()
    assert report is not None
    assert report.cost is not None
    assert report.cost.per_transaction_usd is None
    assert said.notes[0].startswith("CloudWatch shows 0 of 600,000 records 0 s after the run")


async def test_the_twins_figures_are_not_waited_for(twin: RunningTwin) -> None:
    notes: list[str] = []
    await watched(watch_of(twin, notes), twin, accepted=1_000_000)
    assert notes == []


async def test_a_watch_that_never_began_has_nothing_to_say(twin: RunningTwin) -> None:
    watch = watch_of(twin, [])
    assert await watch.end(1) is None
    await watch.close()
    await watch.close()
