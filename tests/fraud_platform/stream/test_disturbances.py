from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast

import orjson
import pytest
from tests.fraud_platform.documents import document
from tests.fraud_platform.platform_process import Client
from tests.fraud_platform.stream.stream_platform import StreamPlatform, ask

from fraud_platform.agents.disturbance import AgentDisturbedError, DisturbanceBook
from fraud_platform.errors import StoreError
from fraud_platform.gateway.disturbances import NotDisturbableError
from fraud_platform.stream.adapters.disturbance_table import DynamoDisturbances, StoredLease
from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.backoff import Patience
from fraud_platform.stream.disturbances import Follower, TableDisturber

CONTROL = "/v1/_control/disturbances"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Table:
    """What ``DynamoDisturbances`` reads, by hand."""

    def __init__(self) -> None:
        self.held: dict[str, StoredLease] = {}
        self.reads = 0
        self.away = False

    def in_force(self) -> Mapping[str, StoredLease]:
        self.reads += 1
        if self.away:
            raise StoreError("the table is away")
        return self.held


def followed() -> tuple[Table, DisturbanceBook, Follower, Clock]:
    clock, table = Clock(), Table()
    book = DisturbanceBook(clock=clock)
    return table, book, Follower(cast(DynamoDisturbances, table), book, clock), clock


def fails(book: DisturbanceBook, agent: str = "compliance") -> bool:
    try:
        book.hold(agent)
    except AgentDisturbedError:
        return True
    return False


def test_an_environment_does_what_the_table_says() -> None:
    table, book, follower, clock = followed()
    table.held = {"d1": StoredLease({"agent": "compliance", "fails": True}, 15.0)}
    follower.follow()
    assert fails(book)
    assert not fails(book, "risk_assessor")
    clock.now += 10.0
    table.held = {"d1": StoredLease({"agent": "compliance", "fails": True}, 12.0)}
    follower.follow()
    clock.now += 10.0
    assert fails(book)  # it was renewed meanwhile
    table.held = {}
    follower.follow()
    assert not fails(book)


def test_it_looks_once_a_second_and_no_batch_depends_on_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table, book, follower, clock = followed()
    table.held = {"d1": StoredLease({"agent": "compliance", "fails": True}, 3.0)}
    for _ in range(50):
        follower.follow()
        clock.now += 0.1
    assert table.reads == 5
    table.away = True
    clock.now += 1.0
    follower.follow()
    assert "the table is away" in caplog.text
    assert fails(book)
    clock.now += 3.0
    assert not fails(book)  # its lease is over, whatever the table says


def table_of(platform: StreamPlatform, shift_s: float = 0.0) -> DynamoDisturbances:
    tables = Tables(platform.session, Patience(20.0))
    return DynamoDisturbances(
        tables, platform.names.coordination_table, lambda: time.time() + shift_s
    )


async def test_leases_in_the_table(platform: StreamPlatform) -> None:
    table = table_of(platform)
    what = {"agent": "nobody", "delay_ms": 5.0}
    table.put("one", what, 60.0)
    found = table.in_force()["one"]
    assert found.what == what
    assert 50.0 < found.left_s <= 60.0
    renewed = table.renew("one", 90.0)
    assert renewed == StoredLease(what, 90.0)
    assert table.in_force()["one"].left_s > 80.0
    later = table_of(platform, shift_s=120.0)
    assert "one" not in later.in_force()
    assert later.renew("one", 90.0) is None
    assert table.remove("one")
    assert not table.remove("one")
    assert table.renew("one", 90.0) is None


async def test_gateways_are_not_disturbed_in_stream_mode(platform: StreamPlatform) -> None:
    with pytest.raises(NotDisturbableError, match="in stream mode"):
        await TableDisturber(table_of(platform)).begin({"gateway": "away"}, 5.0)


async def test_an_agent_of_all_functions_fails_and_comes_back(platform: StreamPlatform) -> None:
    client = await Client.open(platform.port)
    what = orjson.dumps({"agent": "compliance", "fails": True, "lease_s": 60})
    begun = await client.request("POST", CONTROL, what)
    assert begun.status == 201
    numbers = iter(range(10_000))

    async def missing() -> bool:
        """Whether an agent was missing in the next decision."""
        decided = await ask(client, document(next(numbers), "disturbd"), 20)
        return "R90" in decided.json["reason_codes"]

    async def until(expected: bool) -> None:
        deadline = time.monotonic() + 40
        while await missing() is not expected:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)

    await until(True)
    listed: Any = (await client.get(CONTROL)).json["disturbances"]
    assert [one["id"] for one in listed] == [begun.json["id"]]
    assert (await client.request("DELETE", f"{CONTROL}/{begun.json['id']}")).status == 200
    await until(False)
    client.close()
