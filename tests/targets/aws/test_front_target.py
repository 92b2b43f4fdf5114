"""An HTTP front that acknowledges; its decisions come out on the twin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.targets.aws.stand_in import Idempotent
from tests.targets.aws.test_runs import _is_active, scenario, wait_until
from tests.targets.servers import response, tcp_server

from squall.cli.run import real_parts
from squall.errors import TargetError, TargetFileError
from squall.load_generator.target_spec import decides_later
from squall.models import TestResults
from squall.orchestrator import StressTestOrchestrator
from squall.orchestrator.ports import CloudTarget
from squall.targets import open_target, stream_platform_target
from squall.targets.aws import FrontTarget

TARGET = """
name: front
url: http://127.0.0.1:{port}
request: {{path: /v1/transactions}}
answer: {{accepted_statuses: [202], id: transaction_id}}
decisions:
  stream: kinesis://decisions
  endpoint_url: {twin}/
  region: us-east-1
  watch: {{streams: [transactions], functions: [decide]}}
health: /health
"""


class Front:
    """Acknowledges everything, decides it idempotently and puts decisions on the stream."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._decide = Idempotent()
        self._waiting: list[dict[str, Any]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length)) if length else b""
            if not body:
                writer.write(response(200))
                continue
            try:
                transaction = orjson.loads(body)
                wire_id = transaction["transaction_id"]
            except (ValueError, KeyError, TypeError):
                writer.write(response(422))
                continue
            self._waiting += self._decide(transaction)
            writer.write(response(202, orjson.dumps({"transaction_id": wire_id})))

    async def publish(self) -> None:
        """Put decisions on the stream, a little after they were made."""
        while True:
            events, self._waiting = self._waiting[:400], self._waiting[400:]
            if events:
                records = [
                    {"Data": orjson.dumps(event), "PartitionKey": event["transaction_id"]}
                    for event in events
                ]
                await asyncio.to_thread(
                    self._client.put_records, StreamName="decisions", Records=records
                )
            await asyncio.sleep(0.05)


@asynccontextmanager
async def front(twin: RunningTwin) -> AsyncIterator[int]:
    client = twin.client("kinesis", attempts=8)
    for name in ("transactions", "decisions"):
        client.create_stream(StreamName=name, ShardCount=2)
        wait_until(partial(_is_active, client, name))
    serving = Front(client)
    publishing = asyncio.create_task(serving.publish())
    try:
        async with tcp_server(serving) as port:
            yield port
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)


async def test_acknowledged_transactions_are_followed_to_their_decision(
    twin: RunningTwin, tmp_path: Path
) -> None:
    async with front(twin) as port:
        file = tmp_path / "front.yaml"
        file.write_text(TARGET.format(port=port, twin=twin.url))
        config = scenario().model_copy(update={"target": str(file)})
        results: TestResults = await asyncio.wait_for(
            StressTestOrchestrator(config, real_parts()).run(), timeout=60
        )
    accounting, decision = results.accounting, results.latency_ms.decision
    assert accounting.accepted + accounting.rejected == accounting.planned == 800
    assert accounting.reconciled
    assert (accounting.lost, accounting.duplicated, accounting.unexpected) == (0, 0, 0)
    assert accounting.amount_difference_minor == 0
    assert decision.count > 700
    assert (decision.p50 or 0) > (results.latency_ms.response.p50 or 0)
    assert results.detection.legitimate
    edges = results.detection.edge_cases.values()
    assert sum(edge.as_documented for edge in edges) > 0
    assert results.business.cost is not None
    assert results.business.cost.basis == "the twin's meter"
    assert results.services is not None
    assert any("decide" in note for note in results.notes)  # the function is not there


async def test_it_says_what_it_is_made_of(twin: RunningTwin, tmp_path: Path) -> None:
    file = tmp_path / "front.yaml"
    file.write_text(TARGET.format(port=9, twin=twin.url))
    target = open_target(str(file))
    assert isinstance(target, FrontTarget)
    assert isinstance(target, CloudTarget)
    assert target.cloud.streams == ("transactions", "decisions")
    assert target.cloud.functions == ("decide",)
    assert str(target.cloud.endpoint) == twin.url.removeprefix("http://")
    assert decides_later(target.spec)
    assert target.access.endpoint_url == twin.url
    assert target.reader("k3v9x2ab") is None  # neither a table nor seen is named


async def test_what_is_missing_is_said_before_the_load(twin: RunningTwin, tmp_path: Path) -> None:
    async with front(twin) as port:
        file = tmp_path / "front.yaml"
        text = TARGET.format(port=port, twin=twin.url)
        file.write_text(text.replace("kinesis://decisions", "nowhere"))
        with pytest.raises(TargetError, match="there is no stream nowhere in us-east-1"):
            await open_target(str(file)).check()


def test_the_platform_in_stream_mode_is_such_a_front(twin: RunningTwin) -> None:
    target = stream_platform_target("http://127.0.0.1:8700", twin.url, "us-east-1")
    assert decides_later(target.spec)
    assert target.cloud.streams == ("transactions", "decisions")
    assert target.cloud.tables == ("decisions", "profiles")
    assert target.cloud.buckets == (("fraud-platform-audit", "EntireBucket"),)
    assert target.cloud.queues == ("dead-letters",)
    assert target.cloud.models == ()
    assert target.cloud.record_stream == ""  # the gateway packs many transactions into a record
    assert target.reader("k3v9x2ab") is not None
    assert target.agents_url == "/v1/agents"


def test_the_model_that_the_platform_asks_is_watched(twin: RunningTwin) -> None:
    target = stream_platform_target(
        "http://127.0.0.1:8700", twin.url, "us-east-1", "amazon.nova-micro-v1:0"
    )
    assert target.cloud.models == ("amazon.nova-micro-v1:0",)
    assert target.cloud.tables == ("decisions", "profiles")


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("decisions: {}", "3: decisions: give stream, table or both"),
        ("decisions: {stream: a b}", "3: decisions.stream: must be a stream's name"),
        ("decisions: {table: x}", "3: decisions.table: must be a table's name"),
        ("decisions: {stream: s, endpoint_url: h}", "must be http(s)://host:port"),
        ("decisions: {stream: s, poll_ms: 1}", "3: decisions.poll_ms: must be at least 200, not 1"),
        (
            "decisions: {stream: s, watch: {buckets: [A]}}",
            "decisions.watch.buckets[0]: must be a bucket's name, or NAME/FILTER",
        ),
        (
            "decisions: {stream: s, decided_at: at}",
            "decided_at is an attribute of a table: give table too",
        ),
        (
            "decisions: {stream: s, table: kept, decided_at: at}",
            "decided_at and stream are given",
        ),
        ("decisions: {steam: s}", "3: decisions.steam: is not a known key; did you mean stream?"),
        (
            "answer: {score: s}\ndecisions: {stream: s}",
            "answer.score and decisions are given: take one out",
        ),
        (
            "seen: {path: /s}\ndecisions: {table: table}",
            "seen and decisions.table are given: take one out",
        ),
    ],
)
def test_a_wrong_place_of_decisions_is_told(tmp_path: Path, part: str, told: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(f"name: mine\nurl: http://127.0.0.1:8080\n{part}\n")
    with pytest.raises(TargetFileError) as error:
        open_target(str(file))
    assert told in str(error.value)
