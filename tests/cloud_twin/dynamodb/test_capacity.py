"""What calls cost, what they are told, and what is billed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cloud_twin.dynamodb.conftest import Harness

from cloud_twin.meter import UsageKey
from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import measure_item


def item_of(size: int, key: str = "k") -> dict[str, Any]:
    """An item of exactly this size."""
    item = {"h": {"S": key}, "p": {"S": ""}}
    item["p"]["S"] = "x" * (size - measure_item(item))
    assert measure_item(item) == size
    return item


@given(st.integers(0, 400 * 1024))
def test_units_cover_the_size_and_no_more(size: int) -> None:
    written = rows.write_units(size)
    assert written == max(1, math.ceil(size / 1024))
    read = rows.read_units(size, consistent=True)
    assert read == max(1, math.ceil(size / 4096))
    assert rows.read_units(size, consistent=False) == read / 2


@pytest.mark.parametrize(
    ("size", "written", "read"),
    [(10, 1, 1), (1024, 1, 1), (1025, 2, 1), (4096, 4, 1), (4097, 5, 2), (400 * 1024, 400, 100)],
)
def test_an_items_costs(database: Harness, size: int, written: float, read: float) -> None:
    database.table()
    item = item_of(size)
    key = {"h": item["h"]}
    database.service.set_limits({"on_demand_write_units_s": 40_000})

    def cost(answer: Any) -> float:
        return float(answer["ConsumedCapacity"]["CapacityUnits"])

    total = {"ReturnConsumedCapacity": "TOTAL"}
    assert cost(database.put(item, **total)) == written
    assert cost(database.get(key, **total)) == read / 2
    assert cost(database.get(key, **total, ConsistentRead=True)) == read
    small = {"h": item["h"]}
    assert cost(database.put(small, **total)) == written, "the larger of before and after counts"
    assert cost(database.put(item, **total)) == written
    assert cost(database.call("DeleteItem", TableName="table", Key=key, **total)) == written
    assert cost(database.call("DeleteItem", TableName="table", Key=key, **total)) == 1


def test_beyond_400_kb_an_item_is_refused(database: Harness) -> None:
    database.table()
    error = database.refused("PutItem", TableName="table", Item=item_of(400 * 1024 + 1))
    assert error.message == "Item size has exceeded the maximum allowed size"
    database.put(item_of(300 * 1024))
    error = database.refused(
        "UpdateItem",
        TableName="table",
        Key={"h": {"S": "k"}},
        UpdateExpression="SET q = p",
    )
    assert error.message == "Item size to update has exceeded the maximum allowed size"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(10, 5000)), min_size=1, max_size=12),
    st.booleans(),
)
def test_the_bill_is_the_sum_of_what_callers_are_told(
    steps: list[tuple[int, int]], indexed: bool
) -> None:
    database = Harness()
    index = {
        "IndexName": "by_p",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    if indexed:
        database.table(kinds={"g": "S"}, GlobalSecondaryIndexes=[index])
    else:
        database.table()
    read = write = 0.0
    for kind, size in steps:
        key = {"h": {"S": f"k{size % 3}"}}
        total = {"TableName": "table", "ReturnConsumedCapacity": "INDEXES"}
        if kind == 0:
            item = item_of(size, f"k{size % 3}") | {"g": {"S": str(size % 2)}}
            used = database.call("PutItem", Item=item, **total)["ConsumedCapacity"]
        elif kind == 1:
            used = database.call("DeleteItem", Key=key, **total)["ConsumedCapacity"]
        elif kind == 2:
            used = database.call("GetItem", Key=key, **total)["ConsumedCapacity"]
        else:
            used = database.call("Scan", **total)["ConsumedCapacity"]
        parts = [used["Table"], *used.get("GlobalSecondaryIndexes", {}).values()]
        assert used["CapacityUnits"] == sum(part["CapacityUnits"] for part in parts)
        if kind < 2:
            write += used["CapacityUnits"]
        else:
            read += used["CapacityUnits"]
        database.clock.advance(1)
    usage = database.meter.read()
    assert usage.get(UsageKey("dynamodb", "write_request_units", "table"), 0) == write
    assert usage.get(UsageKey("dynamodb", "read_request_units", "table"), 0) == read
    sums = (
        database.metrics.sum("ConsumedWriteCapacityUnits", TableName="table"),
        database.metrics.sum(
            "ConsumedWriteCapacityUnits", TableName="table", GlobalSecondaryIndexName="by_p"
        ),
    )
    assert sum(sums) == write


def test_an_index_entry_costs_by_what_happens_to_it(database: Harness) -> None:
    index = {
        "IndexName": "by_g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["p"]},
    }
    database.table(kinds={"g": "S"}, GlobalSecondaryIndexes=[index])

    def cost(**attributes: str) -> float:
        item = {"h": {"S": "k"}} | {name: {"S": value} for name, value in attributes.items()}
        used = database.put(item, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
        entry = used.get("GlobalSecondaryIndexes", {}).get("by_g", {"CapacityUnits": 0})
        return float(entry["CapacityUnits"])

    assert cost(p="1") == 0, "not in the index"
    assert cost(g="a", p="1") == 1, "appears"
    assert cost(g="a", p="1", other="x") == 0, "nothing projected changes"
    assert cost(g="a", p="2") == 1, "changes"
    assert cost(g="b", p="2") == 2, "moves"
    assert cost(p="2") == 1, "goes"


def test_batches_and_transactions_cost_by_item(database: Harness) -> None:
    database.table()
    put = [{"PutRequest": {"Item": item_of(1500, f"k{n}")}} for n in range(4)]
    answer = database.call(
        "BatchWriteItem", RequestItems={"table": put}, ReturnConsumedCapacity="TOTAL"
    )
    assert answer["ConsumedCapacity"] == [{"TableName": "table", "CapacityUnits": 8}]
    keys = [{"h": {"S": f"k{n}"}} for n in range(4)]
    answer = database.call(
        "BatchGetItem",
        RequestItems={"table": {"Keys": keys, "ConsistentRead": True}},
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"] == [{"TableName": "table", "CapacityUnits": 4}]
    answer = database.call(
        "TransactWriteItems",
        TransactItems=[{"Put": {"TableName": "table", "Item": item_of(1500)}}],
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"] == [
        {"TableName": "table", "CapacityUnits": 4, "WriteCapacityUnits": 4}
    ]
    answer = database.call(
        "TransactGetItems",
        TransactItems=[{"Get": {"TableName": "table", "Key": keys[0]}}],
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"] == [
        {"TableName": "table", "CapacityUnits": 2, "ReadCapacityUnits": 2}
    ]


def test_a_page_costs_by_its_total(database: Harness) -> None:
    database.table(range="N")
    for number in range(5):
        database.put(item_of(1000) | {"r": {"N": str(number)}})
    query: dict[str, Any] = {
        "TableName": "table",
        "KeyConditionExpression": "h = :h",
        "ExpressionAttributeValues": {":h": {"S": "k"}},
        "ReturnConsumedCapacity": "TOTAL",
    }
    answer = database.call("Query", **query, ConsistentRead=True)
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 2  # 5,015 bytes
    answer = database.call("Query", **query, Select="COUNT")
    assert (answer["Count"], answer["ConsumedCapacity"]["CapacityUnits"]) == (5, 1)
    assert "Items" not in answer


def test_a_failed_condition_is_paid_for(database: Harness) -> None:
    database.table()
    database.put(item_of(2000))
    before = database.metrics.sum("ConsumedWriteCapacityUnits", TableName="table")
    error = database.refused(
        "PutItem",
        TableName="table",
        Item={"h": {"S": "k"}},
        ConditionExpression="attribute_not_exists(h)",
    )
    assert error.code == "ConditionalCheckFailedException"
    after = database.metrics.sum("ConsumedWriteCapacityUnits", TableName="table")
    assert after - before == 2
    assert database.metrics.sum("ConditionalCheckFailedRequests", TableName="table") == 1


def test_provisioned_tables_are_billed_by_the_hour(database: Harness) -> None:
    database.provisioned(read=10, write=4)
    database.clock.advance(1800)
    units = {"ReadCapacityUnits": 20, "WriteCapacityUnits": 4}
    database.call("UpdateTable", TableName="table", ProvisionedThroughput=units)
    database.clock.advance(1800)
    database.put({"h": {"S": "k"}})
    database.work()
    usage = database.meter.read()
    assert usage == {
        UsageKey("dynamodb", "provisioned_read_unit_hours", "table"): pytest.approx(15),
        UsageKey("dynamodb", "provisioned_write_unit_hours", "table"): pytest.approx(4),
    }
