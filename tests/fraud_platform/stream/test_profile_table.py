"""Profiles are stored whatever a cancelled transaction says, or the batch is told."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.fraud_platform.stream.fakes import FakeOwners
from tests.fraud_platform.stream.function_parts import SHARD, World, packed, plain_agents
from tests.fraud_platform.stream.test_customers import counted, payments, remembered

from fraud_platform.errors import StoreError
from fraud_platform.learning.model import LearnedModel
from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.adapters.profile_table import DynamoProfiles
from fraud_platform.stream.aws_wire import AwsCallError
from fraud_platform.stream.backoff import Backoff, Patience
from fraud_platform.stream.customers import Customers
from fraud_platform.stream.memory import StreamMemory
from fraud_platform.stream.ports import ProfileRow
from fraud_platform.stream.session import AwsSession

BUSY = ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")
OVERTAKEN = "ConditionalCheckFailed"


def rows(count: int, version: int = 0) -> list[ProfileRow]:
    return [ProfileRow(f"u-{n}", version, b"profile %d" % n) for n in range(count)]


class Clock:
    """Sleeping takes no time, and is written down."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits_s: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        self.now_s += wait_s
        self.waits_s.append(wait_s)


@dataclass
class Scripted:
    """Answers each transaction with the next reasons by user; None: it is carried out."""

    script: list[Callable[[str], str] | None]
    written: list[list[str]] = field(default_factory=list)
    attempts: int = 0

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        assert operation == "TransactWriteItems"
        users = [one["Put"]["Item"]["user_id"]["S"] for one in parameters["TransactItems"]]
        step = self.script[min(self.attempts, len(self.script) - 1)]
        self.attempts += 1
        if step is None:
            self.written.append(users)
            return {}
        reasons = [{"Code": step(user)} for user in users]
        raise AwsCallError(
            "TransactionCanceledException", "cancelled", {"CancellationReasons": reasons}
        )


def table(clock: Clock, wire: Scripted, patience_s: float = 300.0) -> DynamoProfiles:
    session = AwsSession("us-east-1", "http://127.0.0.1:1")
    tables = Tables(session, Patience(patience_s, clock), sleep=clock.sleep)
    tables.wire = wire  # type: ignore[assignment]
    return DynamoProfiles(tables, "profiles")


@pytest.mark.parametrize("why", BUSY)
def test_what_is_refused_for_a_while_is_written_after_waits(why: str) -> None:
    """Sixty times in a row: more than it was ever tried, and none is given up."""
    clock, wire = Clock(), Scripted([*[lambda _: why] * 60, None])
    assert table(clock, wire, 3_600.0).write(rows(3)) == []
    assert wire.written == [["u-0", "u-1", "u-2"]]
    backoff = Backoff()
    assert len(clock.waits_s) == 60
    for failures, wait_s in enumerate(clock.waits_s, 1):
        assert 0.0 <= wait_s < min(backoff.longest_s, backoff.base_s * 2.0**failures)
    assert len(set(clock.waits_s)) == 60
    assert sum(clock.waits_s) > 60.0


@pytest.mark.parametrize("why", BUSY)
def test_when_patience_ends_the_batch_is_told(why: str) -> None:
    clock, wire = Clock(), Scripted([lambda _: why])
    with pytest.raises(StoreError, match="table profiles takes no profiles"):
        table(clock, wire).write(rows(3))
    assert 250.0 < clock.now_s <= 300.0
    assert wire.written == []


def test_only_those_with_another_version_are_overtaken() -> None:
    """One of three is; another is throttled in the same transaction, then meets another writer."""
    clock = Clock()
    wire = Scripted(
        [
            {"u-0": "None", "u-1": OVERTAKEN, "u-2": "ThrottlingError"}.__getitem__,
            {"u-0": "None", "u-2": "TransactionConflict"}.__getitem__,
            None,
        ]
    )
    assert table(clock, wire).write(rows(3)) == ["u-1"]
    assert wire.written == [["u-0", "u-2"]]
    assert len(clock.waits_s) == 2


def test_versions_alone_cost_no_wait() -> None:
    clock = Clock()
    wire = Scripted([{"u-0": OVERTAKEN, "u-1": "None"}.__getitem__, None])
    assert table(clock, wire).write(rows(2)) == ["u-0"]
    assert clock.waits_s == []


@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied", "None"])
def test_a_cancellation_that_does_not_pass_is_not_repeated(code: str) -> None:
    clock, wire = Clock(), Scripted([lambda _: code])
    with pytest.raises(StoreError, match="TransactionCanceledException"):
        table(clock, wire).write(rows(2))
    assert wire.attempts == 1


class BreaksOff:
    """A table of which one write fails."""

    def __init__(self, fails: int) -> None:
        self.items: dict[str, tuple[int, bytes]] = {}
        self._fails = fails
        self._writes = 0

    def read(self, users: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        return {user: self.items[user] for user in users if user in self.items}

    def write(self, rows: Sequence[ProfileRow]) -> list[str]:
        self._writes += 1
        if self._writes == self._fails:
            raise StoreError("throttled for longer than patience")
        overtaken = []
        for row in rows:
            if self.items.get(row.user, (0, b""))[0] == row.version:
                self.items[row.user] = (row.version + 1, row.content)
            else:
                overtaken.append(row.user)
        return overtaken


def test_a_store_that_breaks_off_half_way_is_finished(model: LearnedModel) -> None:
    stored = BreaksOff(fails=2)
    customers = Customers("env", StreamMemory(model.scales), stored, FakeOwners())
    users = [f"u-{n}" for n in range(250)]
    customers.bring(dict.fromkeys(users, "lane-01"))
    with pytest.raises(StoreError):
        customers.store(users)
    assert len(stored.items) == 100
    customers.store(users)
    assert len(stored.items) == 250
    assert customers.overtaken == 0


# --- on the twin ----------------------------------------------------------------------------


class Twin:
    """A table of profiles on the twin."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"t{uuid4().hex[:8]}-profiles"
        self.session = AwsSession("us-east-1", url)
        self._client = self.session.client("dynamodb")

    def make(self) -> None:
        self._client.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._client.get_waiter("table_exists").wait(TableName=self.name)

    def remove(self) -> None:
        self._client.delete_table(TableName=self.name)

    def profiles(self, patience_s: float = 30.0) -> DynamoProfiles:
        return DynamoProfiles(Tables(self.session, Patience(patience_s)), self.name)

    def throttle(self, code: str, actions: int, count: int) -> str:
        """Cancel the next ``count`` transactions of so many actions, all for this reason."""
        reasons = [{"Code": code, "Message": "planned"}] * actions
        plan = {
            "service": "dynamodb", "operation": "TransactWriteItems", "resource": self.name,
            "count": count, "when": "before", "lease_s": 60,
            "error": {
                "code": "TransactionCanceledException", "status": 400, "message": "cancelled",
                "fields": {"CancellationReasons": reasons},
            },
        }  # fmt: skip
        return str(self._ask("POST", "/_twin/faults", plan)["id"])

    def hits(self, plan: str) -> int:
        (found,) = [p for p in self._ask("GET", "/_twin/faults")["faults"] if p["id"] == plan]
        return int(found["hits"])

    @contextmanager
    def limit(self, name: str, value: float) -> Iterator[None]:
        """The twin is shared: its limits are put back."""
        before = self._ask("GET", "/_twin/limits")["dynamodb"][name]
        self._ask("PATCH", "/_twin/limits", {"dynamodb": {name: value}})
        try:
            yield
        finally:
            self._ask("PATCH", "/_twin/limits", {"dynamodb": {name: before}})

    def throttled(self) -> float:
        """Refused writes so far."""
        now = datetime.now(UTC)
        points = self.session.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/DynamoDB", MetricName="WriteThrottleEvents",
            Dimensions=[{"Name": "TableName", "Value": self.name}], Period=3600,
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
            Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        return float(sum(point["Sum"] for point in points))

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


@pytest.fixture
def twin(twin_url: str) -> Iterator[Twin]:
    made = Twin(twin_url)
    yield made
    made.remove()


@pytest.mark.parametrize("code", BUSY)
def test_a_planned_throttle_heals_and_nothing_is_lost(
    twin: Twin, model: LearnedModel, code: str
) -> None:
    """Profiles count what the table of decisions says, and every version is of one write."""
    twin.make()
    world = World()
    world.profiles = twin.profiles()  # type: ignore[assignment]
    environment = world.environment(model, plain_agents())
    environment.process(SHARD, packed(payments(20), 100))
    plan = twin.throttle(code, actions=5, count=6)
    environment.process(SHARD, packed(payments(40)[20:], 200))
    assert twin.hits(plan) == 6
    stored = twin.profiles().read([f"u-{n}" for n in range(5)])
    world.profiles.items = stored
    assert remembered(world) == counted(world)
    assert {version for version, _ in stored.values()} == {2}
    world.close()


def test_a_throttle_that_outlasts_patience_fails_the_batch_and_its_repetition_stores_all(
    twin: Twin, model: LearnedModel
) -> None:
    twin.make()
    world = World()
    world.profiles = twin.profiles(0.2)  # type: ignore[assignment]
    environment = world.environment(model, plain_agents())
    records = packed(payments(20), 100)
    twin.throttle("ThrottlingError", actions=5, count=30)
    failed = 0
    while True:  # patience is over from the first failure on, as in an invocation that ends
        try:
            environment.process(SHARD, records)
            break
        except StoreError:
            failed += 1
            assert failed < 50
    assert failed
    world.profiles.items = twin.profiles().read([f"u-{n}" for n in range(5)])
    assert remembered(world) == counted(world)
    world.close()


def test_a_table_without_capacity_takes_all_profiles_in_the_end(twin: Twin) -> None:
    """Eight writers at once, each with 200 write units' worth, on 400 units a second."""
    writers = 8
    made = [
        [ProfileRow(f"u-{writer}-{n}", 0, b"x" * 500) for n in range(100)]
        for writer in range(writers)
    ]
    tables = [twin.profiles(60.0) for _ in range(writers)]
    with twin.limit("table_write_units_s", 400.0), ThreadPoolExecutor(writers) as pool:
        twin.make()
        found = list(pool.map(DynamoProfiles.write, tables, made))
    assert found == [[]] * writers
    users = [row.user for part in made for row in part]
    assert len(twin.profiles().read(users)) == len(users)
    assert twin.throttled() > 0
