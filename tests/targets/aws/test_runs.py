"""Whole runs on the twin: streams that refuse and split, lost answers, careless consumers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.targets.aws.stand_in import Decide, Idempotent, StandIn, decision

from squall.cli.run import real_parts
from squall.errors import TargetError
from squall.models import ClientSpec, RetryPolicy, StressTestConfig, TestResults, TestScenario
from squall.models.load_spec import SustainedSpec
from squall.models.scenario import MixSpec
from squall.orchestrator import StressTestOrchestrator
from squall.orchestrator.service_watch import WHOLE_PERIODS
from squall.targets import HttpClient, open_target

TARGET = "kinesis://transactions?decisions=kinesis://decisions"
RATE_TPS = 400.0


@pytest.fixture
def streams(twin: RunningTwin) -> RunningTwin:
    client = twin.client("kinesis", attempts=5)
    for name in ("transactions", "decisions"):
        client.create_stream(StreamName=name, ShardCount=2)
    for name in ("transactions", "decisions"):
        wait_until(partial(_is_active, client, name))
    return twin


def _is_active(client: Any, stream: str) -> bool:
    described = client.describe_stream_summary(StreamName=stream)
    return bool(described["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")


def wait_until(met: Callable[[], bool], deadline_s: float = 10.0) -> None:
    deadline = time.monotonic() + deadline_s
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def scenario(
    attempts: int = 1, edge_cases: float = 0.1, duration_s: float = 2.0, drain_s: float = 20.0
) -> StressTestConfig:
    retry = RetryPolicy(max_attempts=attempts, base_ms=20, max_ms=500)
    plan = TestScenario(
        name="on_the_twin",
        title="On the twin",
        why="To see that every record is accounted for.",
        load=SustainedSpec(type="sustained", rate_tps=RATE_TPS, duration_s=duration_s),
        mix=MixSpec(fraud=0.2, edge_cases=edge_cases),
        client=ClientSpec(connections=4, timeout_s=2.0, retry=retry),
        drain_s=drain_s,
    )
    return StressTestConfig(scenario=plan, target=TARGET, workers=1)


async def run(
    config: StressTestConfig, twin: RunningTwin, decide: Decide | None = None
) -> TestResults:
    client = twin.client("kinesis", attempts=8)
    platform = StandIn(client, "transactions", "decisions", decide or Idempotent())
    with platform:
        return await asyncio.wait_for(
            StressTestOrchestrator(config, real_parts()).run(), timeout=60
        )


async def test_refusals_expired_iterators_throttled_reads_and_a_split_lose_nothing(
    streams: RunningTwin,
) -> None:
    throttle = {"code": "ProvisionedThroughputExceededException"}
    faults: list[dict[str, Any]] = [
        {"operation": "PutRecords", "resource": "transactions", "probability": 0.2,
         "when": "body", "error": throttle},
        {"operation": "PutRecords", "resource": "transactions", "probability": 0.1,
         "when": "before", "error": throttle},
        {"operation": "GetRecords", "resource": "decisions", "count": 3, "when": "before",
         "error": {"code": "ExpiredIteratorException"}},
        {"operation": "GetRecords", "resource": "decisions", "probability": 0.2,
         "when": "before", "error": throttle},
    ]  # fmt: skip
    for fault in faults:
        streams.fault(service="kinesis", **fault)
    client = streams.client("kinesis", attempts=8)
    split = threading.Timer(
        2.5,
        client.update_shard_count,
        kwargs={
            "StreamName": "decisions",
            "TargetShardCount": 4,
            "ScalingType": "UNIFORM_SCALING",
        },
    )
    split.start()
    try:
        results = await run(scenario(attempts=20), streams)
    finally:
        split.join()
    assert len(client.list_shards(StreamName="decisions")["Shards"]) == 6
    accounting = results.accounting
    assert accounting.accepted == accounting.planned == RATE_TPS * 2
    assert accounting.reconciled
    assert (accounting.lost, accounting.duplicated, accounting.unexpected) == (0, 0, 0)
    assert accounting.amount_difference_minor == 0
    assert results.retried["throttle_provisioned_throughput_exceeded"] > 100
    assert results.errors == {}
    assert sum(receipt.records for receipt in results.receipts) == accounting.accepted
    assert {receipt.place for receipt in results.receipts} == {
        "shardId-000000000000",
        "shardId-000000000001",
    }
    refusals = sum(edge.as_documented for edge in results.detection.edge_cases.values())
    decided = results.latency_ms.decision.count
    assert accounting.seen is not None
    assert accounting.seen - refusals <= decided < accounting.seen
    assert (results.latency_ms.decision.p50 or 0) > (results.latency_ms.response.p50 or 0)
    assert results.detection.legitimate
    assert results.detection.recall == 0.0


async def test_refused_for_good_and_answers_lost_after_the_commit(streams: RunningTwin) -> None:
    fault = {"service": "kinesis", "operation": "PutRecords", "resource": "transactions"}
    internal = {"code": "InternalFailure"}
    streams.fault(**fault, probability=0.3, when="body", error=internal)
    streams.fault(**fault, probability=0.1, when="after")
    results = await run(scenario(edge_cases=0.0), streams)
    accounting = results.accounting
    assert accounting.rejected == results.errors["internal_failure"] > 50
    assert accounting.indeterminate > 0
    assert accounting.recovered is not None
    assert 0 < accounting.recovered <= accounting.indeterminate
    assert accounting.seen == accounting.accepted + accounting.recovered
    assert accounting.reconciled


async def test_what_a_consumer_loses_and_doubles_is_found(streams: RunningTwin) -> None:
    """Every 50th decision never comes, every 40th comes with another, the rest come twice."""

    def careless(transaction: dict[str, Any]) -> list[dict[str, Any]]:
        number = int(transaction["transaction_id"].rpartition("-")[2])
        event = decision(transaction)
        if number % 50 == 3:
            return []
        if number % 40 == 4:
            return [event, {**event, "decision": "DECLINE"}]
        return [event, event]

    results = await run(scenario(edge_cases=0.0, drain_s=3.0), streams, careless)
    accounting = results.accounting
    planned = range(accounting.planned)
    assert accounting.lost == sum(number % 50 == 3 for number in planned)
    assert accounting.duplicated == sum(number % 40 == 4 and number % 50 != 3 for number in planned)
    assert not accounting.reconciled


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("kinesis://nowhere", "there is no stream nowhere in us-east-1 at http://127.0.0.1"),
        ("kinesis://transactions?decisions=nope", "there is no stream nope in us-east-1"),
        ("kinesis://transactions?table=absent", "there is no table absent in us-east-1"),
        ("lambda://absent", "there is no function absent in us-east-1"),
    ],
)
async def test_what_is_not_there_is_said(streams: RunningTwin, target: str, told: str) -> None:
    with pytest.raises(TargetError, match=told):
        await open_target(target).check()


async def test_nobody_answers(streams: RunningTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("squall.targets.aws.service_client.ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(TargetError, match=r"nothing listens at 127\.0\.0\.1:1"):
        await open_target("kinesis://transactions").check()


async def test_a_table_is_read_for_the_final_read(kept: RunningTwin) -> None:
    """The table has every decision but three; its attributes are named by the user."""
    keep = _keeper(kept.client("dynamodb"))
    config = scenario(edge_cases=0.0, duration_s=1.0, drain_s=4.0)
    config = config.model_copy(update={"target": f"{TARGET}&table=dynamodb://kept"})
    results = await run(config, kept, keep)
    accounting = results.accounting
    assert accounting.seen == accounting.planned - 3
    assert accounting.lost == 3
    assert accounting.amount_difference_minor == 0
    assert results.latency_ms.decision.count == accounting.planned


class LateTable:
    """Writes decisions to a table ``late_s`` after they were made, from a thread of its own."""

    def __init__(self, client: Any, late_s: float, lose: frozenset[int] = frozenset()) -> None:
        self._client = client
        self._late_s = late_s
        self._lose = lose
        self._waiting: list[tuple[float, dict[str, Any]]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._decide = Idempotent()

    def __call__(self, transaction: dict[str, Any]) -> list[dict[str, Any]]:
        events = self._decide(transaction)
        now_s = time.time()
        for event in events:
            if int(event["transaction_id"].rpartition("-")[2]) in self._lose or event["replay"]:
                continue
            item = {
                "key": {"S": event["transaction_id"]},
                "transaction_id": {"S": event["transaction_id"]},
                "amount": {"N": str(event["amount"])},
                "decided_ms": {"N": str(round(now_s * 1000))},
            }
            self._waiting.append((now_s + self._late_s, item))
        return events

    def _write(self) -> None:
        while not self._over.wait(0.02):
            while self._waiting and self._waiting[0][0] <= time.time():
                self._client.put_item(TableName="kept", Item=self._waiting.pop(0)[1])

    def __enter__(self) -> LateTable:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20)


@pytest.fixture
def kept(streams: RunningTwin) -> RunningTwin:
    """The streams, and a table for decisions."""
    client = streams.client("dynamodb")
    client.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    wait_until(lambda: client.describe_table(TableName="kept")["Table"]["TableStatus"] == "ACTIVE")
    return streams


@pytest.mark.parametrize(
    ("target", "late_s"),
    [
        ("kinesis://transactions?table=kept&decided_at=decided_ms", 1.0),
        (f"{TARGET}&table=kept", 3.0),
    ],
)
async def test_a_table_that_is_late_is_read_until_nothing_is_owed(
    kept: RunningTwin, target: str, late_s: float
) -> None:
    config = scenario(edge_cases=0.0, duration_s=1.0).model_copy(update={"target": target})
    with LateTable(kept.client("dynamodb"), late_s) as table:
        results = await run(config, kept, table)
    accounting = results.accounting
    assert accounting.seen == accounting.accepted == accounting.planned == 400
    assert accounting.lost == 0
    assert accounting.reconciled
    assert accounting.amount_difference_minor == 0
    assert any(note.startswith("the target's records were read ") for note in results.notes)
    decision = results.latency_ms.decision
    assert decision.count == 400
    by_the_table = any("decided_ms in the table kept, for 400 of 400" in n for n in results.notes)
    assert by_the_table == ("decided_at" in target)
    assert 0 < (decision.p50 or 0) < 10_000
    assert results.business.cost is not None


async def test_a_table_alone_shows_what_was_lost_and_no_latency(kept: RunningTwin) -> None:
    config = scenario(edge_cases=0.0, duration_s=1.0, drain_s=4.0)
    config = config.model_copy(update={"target": "kinesis://transactions?table=kept"})
    with LateTable(kept.client("dynamodb"), 0.0, lose=frozenset({5, 6, 7})) as table:
        results = await run(config, kept, table)
    assert results.accounting.lost == 3
    assert results.latency_ms.decision.count == 0
    assert results.latency_ms.decision.p50 is None


async def test_without_a_meter_cloudwatchs_figures_are_waited_for(
    streams: RunningTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_meter(client: HttpClient) -> None:
        return None

    monkeypatch.setattr("squall.orchestrator.service_watch.read_twin_meter", no_meter)
    monkeypatch.setattr("squall.metrics.collectors.cloudwatch.arrival.STILL_S", 0.05)
    results = await run(scenario(edge_cases=0.0, duration_s=1.0), streams)
    cost = results.business.cost
    assert cost is not None
    assert cost.basis == "CloudWatch"
    assert cost.per_transaction_usd == pytest.approx(cost.total_usd / 400)
    assert cost.notes == (WHOLE_PERIODS,)
    used = {(item.unit, item.resource): item.quantity for item in cost.items}
    assert used["put_payload_units", "transactions"] == 400
    assert 0 < used["shard_hours", "transactions"] < 2 * 60 / 3600
    assert not any("not measured" in note for note in results.notes)


def _keeper(client: Any) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    def keep(transaction: dict[str, Any]) -> list[dict[str, Any]]:
        wire_id = transaction["transaction_id"]
        if int(wire_id.rpartition("-")[2]) not in (5, 6, 7):
            client.put_item(
                TableName="kept",
                Item={
                    "key": {"S": f"k/{wire_id}"},
                    "transaction_id": {"S": wire_id},
                    "amount": {"N": str(transaction["amount"])},
                },
            )
        return [decision(transaction)]

    return keep
