"""Who is throttled, when, and what is said about it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cloud_twin.dynamodb.conftest import Harness

from cloud_twin.clock import ManualClock
from cloud_twin.errors import TwinError
from cloud_twin.service import PartialFailure
from cloud_twin.services.dynamodb.quotas import Quotas
from cloud_twin.services.dynamodb.throughput import Direction, Setting, Throughput

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/table"


def key(number: int) -> dict[str, Any]:
    return {"h": {"S": f"k{number}"}}


@given(
    st.integers(1, 100),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), min_size=1, max_size=60),
)
def test_provisioned_units_never_exceed_rate_and_burst(
    rate: int, steps: list[tuple[float, int]]
) -> None:
    clock = ManualClock()
    setting = Setting(provisioned=True, units_s=rate)
    throughput = Throughput(ARN, "Table", Direction.WRITE, setting, Quotas(), clock)
    spent = 0.0
    for wait_s, units in steps:
        clock.advance(wait_s)
        if throughput.refusal(units, b"") is None:
            throughput.spend(units, b"")
            spent += units
        saved = min(rate + rate * clock.monotonic_s(), rate * 300 + rate * clock.monotonic_s())
        assert spent <= saved + 1e-6


def test_a_provisioned_table_throttles_and_recovers(database: Harness) -> None:
    database.provisioned(read=5, write=5)
    for number in range(5):
        database.put(key(number))
    error = database.refused("PutItem", TableName="table", Item=key(5))
    assert error.code == "ProvisionedThroughputExceededException"
    assert error.fields["ThrottlingReasons"] == [
        {"reason": "TableWriteProvisionedThroughputExceeded", "resource": ARN}
    ]
    assert database.metrics.sum("WriteThrottleEvents", TableName="table") == 1
    assert database.metrics.sum("ThrottledRequests", TableName="table", Operation="PutItem") == 1
    database.clock.advance(0.2)
    database.put(key(5))
    error = database.refused("PutItem", TableName="table", Item=key(6))
    assert error.code == "ProvisionedThroughputExceededException"
    for _ in range(12):
        database.get(key(0))
    assert database.refused("GetItem", TableName="table", Key=key(0)).status == 400
    assert database.metrics.sum("ReadThrottleEvents", TableName="table") == 1


def test_five_minutes_of_unused_capacity_are_kept(database: Harness) -> None:
    database.provisioned(read=5, write=1)
    database.clock.advance(10_000)
    for number in range(300):
        database.put(key(number))
    assert database.refused("PutItem", TableName="table", Item=key(300)).code == (
        "ProvisionedThroughputExceededException"
    )


def test_an_index_without_capacity_throttles_the_table(database: Harness) -> None:
    index = {
        "IndexName": "by_g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    }
    database.provisioned(5, 5, kinds={"g": "S"}, GlobalSecondaryIndexes=[index])
    database.put(key(0) | {"g": {"S": "a"}})
    error = database.refused("PutItem", TableName="table", Item=key(1) | {"g": {"S": "a"}})
    assert error.fields["ThrottlingReasons"] == [
        {"reason": "IndexWriteProvisionedThroughputExceeded", "resource": f"{ARN}/index/by_g"}
    ]
    database.put(key(2))
    assert (
        database.metrics.sum(
            "WriteThrottleEvents", TableName="table", GlobalSecondaryIndexName="by_g"
        )
        == 1
    )


def write(numbers: range) -> dict[str, Any]:
    return {"table": [{"PutRequest": {"Item": key(number)}} for number in numbers]}


def test_a_batch_is_throttled_only_where_every_item_is(database: Harness) -> None:
    database.provisioned(read=5, write=3)
    answer = database.call("BatchWriteItem", RequestItems=write(range(10)))
    assert answer["UnprocessedItems"] == write(range(3, 10))
    assert database.metrics.sum("WriteThrottleEvents", TableName="table") == 7
    throttled = {"TableName": "table", "Operation": "BatchWriteItem"}
    assert database.metrics.sum("ThrottledRequests", **throttled) == 0
    error = database.refused("BatchWriteItem", RequestItems=write(range(3, 10)))
    assert error.code == "ProvisionedThroughputExceededException"
    assert database.metrics.sum("ThrottledRequests", **throttled) == 1
    keys = [key(number) for number in range(20)]
    answer = database.call("BatchGetItem", RequestItems={"table": {"Keys": keys}})
    assert answer["UnprocessedKeys"] == {"table": {"Keys": keys[10:]}}
    assert len(answer["Responses"]["table"]) == 3
    error = database.refused("BatchGetItem", RequestItems={"table": {"Keys": keys}})
    assert error.code == "ProvisionedThroughputExceededException"


def partial(probability: float) -> PartialFailure:
    return PartialFailure(
        probability, "ProvisionedThroughputExceededException", "from a plan", random.Random(3)
    )


def test_a_fault_plan_fails_entries_of_batches(database: Harness) -> None:
    database.table()
    answer = database.call_under(partial(0.5), "BatchWriteItem", RequestItems=write(range(25)))
    unprocessed = answer["UnprocessedItems"]["table"]
    assert 0 < len(unprocessed) < 25
    assert database.call("Scan", TableName="table", Select="COUNT")["Count"] == 25 - len(
        unprocessed
    )
    keys = [key(number) for number in range(25)]
    answer = database.call_under(
        partial(0.5), "BatchGetItem", RequestItems={"table": {"Keys": keys}}
    )
    assert 0 < len(answer["UnprocessedKeys"]["table"]["Keys"]) < 25
    with pytest.raises(Exception, match="from a plan"):
        database.call_under(partial(1), "BatchWriteItem", RequestItems=write(range(25)))


def test_an_on_demand_table_takes_4000_at_first(database: Harness) -> None:
    database.table()
    batches = 0
    while True:
        answer = database.call(
            "BatchWriteItem", RequestItems=write(range(batches * 25, batches * 25 + 25))
        )
        if answer["UnprocessedItems"]:
            break
        batches += 1
        if batches == 160:
            break
    assert batches == 160
    error = database.refused("BatchWriteItem", RequestItems=write(range(25)))
    assert error.code == "ThrottlingException"
    assert error.fields["throttlingReasons"] == [
        {"reason": "TableWriteKeyRangeThroughputExceeded", "resource": ARN}
    ]


def on_demand(clock: ManualClock, quotas: Quotas | None = None, **setting: float) -> Throughput:
    return Throughput(
        ARN,
        "Table",
        Direction.WRITE,
        Setting(provisioned=False, **setting),
        quotas or Quotas(),
        clock,
    )


def test_an_on_demand_table_grows_to_twice_its_peak_of_half_an_hour_ago() -> None:
    clock = ManualClock()
    throughput = on_demand(clock)
    for _ in range(60):
        throughput.spend(4000, b"")
        clock.advance(1)
    for _ in range(29):
        assert throughput.refusal(1, b"") is None
        assert throughput.rate_s == 4000
        clock.advance(60)
    clock.advance(120)
    assert throughput.refusal(1, b"") is None
    assert throughput.rate_s == 8000
    clock.advance(1)
    assert throughput.refusal(8000, b"") is None


def test_a_warm_table_starts_higher_and_a_maximum_caps_it() -> None:
    clock = ManualClock()
    assert on_demand(clock, warm_s=20_000).rate_s == 20_000
    capped = on_demand(clock, max_s=100)
    capped.spend(100, b"")
    refusal = capped.refusal(1, b"")
    assert refusal is not None
    assert refusal.reason == "TableWriteMaxOnDemandThroughputExceeded"
    limited = on_demand(clock, Quotas(table_write_units_s=50))
    limited.spend(50, b"")
    refusal = limited.refusal(1, b"")
    assert refusal is not None
    assert refusal.reason == "TableWriteAccountLimitExceeded"


def test_account_limits_are_another_error(database: Harness) -> None:
    database.service.set_limits({"table_write_units_s": 2})
    database.table()
    database.put(key(0))
    database.put(key(1))
    error = database.refused("PutItem", TableName="table", Item=key(2))
    assert error.code == "RequestLimitExceeded"


def test_hot_partitions_throttle_where_that_is_asked_for(database: Harness) -> None:
    database.table(range="N")
    database.service.set_limits({"partition_limits": 1, "partition_write_units_s": 10})
    hot = [{"h": {"S": "hot"}, "r": {"N": str(number)}} for number in range(11)]
    for item in hot[:10]:
        database.put(item)
    error = database.refused("PutItem", TableName="table", Item=hot[10])
    assert error.code == "ThrottlingException"
    reasons = error.fields["throttlingReasons"]
    assert reasons == [{"reason": "TableWriteKeyRangeThroughputExceeded", "resource": ARN}]
    written = 0
    for number in range(50):
        item = {"h": {"S": f"cold{number}"}, "r": {"N": "0"}}
        written += bool(database.put(item) == {})
    assert written == 50


def test_quotas_can_be_read_and_changed_while_tables_are_there(database: Harness) -> None:
    database.table()
    assert database.service.limits()["on_demand_write_units_s"] == 4000
    database.service.set_limits({"on_demand_write_units_s": 1})
    database.put(key(0))
    assert database.refused("PutItem", TableName="table", Item=key(1)).status == 400
    with pytest.raises(TwinError, match="unknown limit 'speed' of dynamodb; known are account"):
        database.service.set_limits({"speed": 1})
    with pytest.raises(TwinError, match="must be a number of at least 0"):
        database.service.set_limits({"tables": -1})
    assert database.service.limits()["on_demand_write_units_s"] == 1


async def test_reset_forgets_tables_and_limits(database: Harness) -> None:
    database.table()
    database.service.set_limits({"tables": 1})
    await database.service.reset()
    assert database.call("ListTables")["TableNames"] == []
    assert database.service.limits()["tables"] == 2500
    await database.service.close()
    await database.service.close()


def test_a_transaction_without_capacity_is_cancelled(database: Harness) -> None:
    database.provisioned(read=5, write=1)
    put = {"Put": {"TableName": "table", "Item": key(0)}}
    for _ in range(3):
        database.clock.advance(2)
        database.call("TransactWriteItems", TransactItems=[put])
    error = database.refused("TransactWriteItems", TransactItems=[put])
    assert error.code == "TransactionCanceledException"
    reasons: Any = error.fields["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["ProvisionedThroughputExceeded"]
