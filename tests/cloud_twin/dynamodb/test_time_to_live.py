"""Expired items go in small steps, and stay visible until they do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cloud_twin.dynamodb.conftest import Harness

ENABLED = {"AttributeName": "until", "Enabled": True}


def enable(database: Harness) -> None:
    database.call("UpdateTimeToLive", TableName="table", TimeToLiveSpecification=ENABLED)
    database.work()


def put(database: Harness, number: int, after_s: float | None) -> None:
    item: dict[str, Any] = {"h": {"S": f"k{number}"}}
    if after_s is not None:
        item["until"] = {"N": str(database.clock.wall_s() + after_s)}
    database.put(item)


def count(database: Harness) -> int:
    return int(database.call("Scan", TableName="table", Select="COUNT")["Count"])


@given(
    st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(1, 100)), max_size=30),
    st.booleans(),
)
def test_exactly_the_expired_items_go(
    writes: list[tuple[int, int | None]], enabled_first: bool
) -> None:
    database = Harness()
    database.table()
    if enabled_first:
        enable(database)
    latest: dict[int, int | None] = {}
    for number, after_s in writes:
        put(database, number, after_s)
        latest[number] = after_s
    if not enabled_first:
        enable(database)
    database.clock.advance(50.5)
    assert count(database) == len(latest), "expired items are returned until they are swept"
    database.work()
    left = {number for number, after_s in latest.items() if after_s is None or after_s > 49}
    found = database.call("Scan", TableName="table")["Items"]
    assert {int(item["h"]["S"][1:]) for item in found} == left


def test_a_sweep_goes_in_small_steps_and_costs_nothing(database: Harness) -> None:
    database.table()
    enable(database)
    for number in range(300):
        put(database, number, 10)
    used = database.metrics.sum("ConsumedWriteCapacityUnits", TableName="table")
    database.clock.advance(20)
    database.service.step()
    assert 250 < count(database) < 300
    assert database.work() >= 10
    assert count(database) == 0
    assert database.metrics.sum("TimeToLiveDeletedItemCount", TableName="table") == 300
    assert database.metrics.sum("ConsumedWriteCapacityUnits", TableName="table") == used


def test_the_sweep_waits_as_long_as_it_is_told(database: Harness) -> None:
    database.table()
    enable(database)
    database.service.set_limits({"ttl_delay_s": 60})
    put(database, 1, 10)
    database.clock.advance(30)
    database.work()
    assert count(database) == 1
    database.clock.advance(60)
    database.work()
    assert count(database) == 0


def test_a_time_of_long_ago_is_taken_for_a_mistake(database: Harness) -> None:
    database.table()
    enable(database)
    put(database, 1, -6 * 365 * 86_400)
    put(database, 2, -4 * 365 * 86_400)
    database.put({"h": {"S": "text"}, "until": {"S": "1"}})
    database.work()
    assert count(database) == 2


def test_swept_items_leave_their_indexes(database: Harness) -> None:
    index = {
        "IndexName": "by_g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    database.table(kinds={"g": "S"}, GlobalSecondaryIndexes=[index])
    enable(database)
    until = {"N": str(database.clock.wall_s() + 1)}
    database.put({"h": {"S": "a"}, "g": {"S": "x"}, "until": until})
    database.clock.advance(5)
    database.work()
    assert database.call("Scan", TableName="table", IndexName="by_g")["Count"] == 0


def test_enabling_and_disabling(database: Harness) -> None:
    database.table()

    def described() -> Any:
        return database.call("DescribeTimeToLive", TableName="table")["TimeToLiveDescription"]

    def changed(**changes: Any) -> str:
        return database.refused(
            "UpdateTimeToLive", TableName="table", TimeToLiveSpecification=ENABLED | changes
        ).message

    assert described() == {"TimeToLiveStatus": "DISABLED"}
    assert changed(Enabled=False) == "TimeToLive is already disabled"
    enable(database)
    assert described() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    assert changed() == "TimeToLive is already enabled"
    assert "active on a different AttributeName" in changed(Enabled=False, AttributeName="x")
    put(database, 1, 1)
    disabled = ENABLED | {"Enabled": False}
    database.call("UpdateTimeToLive", TableName="table", TimeToLiveSpecification=disabled)
    database.clock.advance(10)
    database.work()
    assert count(database) == 1


@pytest.mark.parametrize("name", ["", "x" * 256, 5])
def test_the_attribute_needs_a_name(database: Harness, name: Any) -> None:
    database.table()
    specification = {"AttributeName": name, "Enabled": True}
    error = database.refused(
        "UpdateTimeToLive", TableName="table", TimeToLiveSpecification=specification
    )
    assert error.code == "ValidationException"
