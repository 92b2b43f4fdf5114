"""Tables and their settings, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud_twin.dynamodb.conftest import Harness

UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
GOOD: dict[str, Any] = {
    "TableName": "table",
    "AttributeDefinitions": [{"AttributeName": "h", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "h", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
INDEX: dict[str, Any] = {
    "IndexName": "by_g",
    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
G = {"AttributeName": "g", "AttributeType": "S"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TableName": "a"}, "Member must have length greater than or equal to 3"),
        ({"TableName": "a b c"}, "Member must satisfy regular expression pattern"),
        ({"KeySchema": []}, "Member must have length greater than or equal to 1"),
        (
            {"KeySchema": [{"AttributeName": "h", "KeyType": "RANGE"}]},
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            {"KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}]},
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [x]",
        ),
        (
            {"AttributeDefinitions": [*GOOD["AttributeDefinitions"], G]},
            "Number of attributes in KeySchema does not exactly match",
        ),
        (
            {"AttributeDefinitions": [{"AttributeName": "h", "AttributeType": "BOOL"}]},
            "Member must satisfy enum value set: [B, N, S]",
        ),
        ({"BillingMode": "FREE"}, "Member must satisfy enum value set: [PROVISIONED, PAY_PER"),
        ({"BillingMode": "PROVISIONED"}, "must both be specified when BillingMode is PROVISIONED"),
        ({"ProvisionedThroughput": UNITS}, "when BillingMode is PAY_PER_REQUEST"),
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": UNITS | {"ReadCapacityUnits": 0},
            },
            "Member must have value greater than or equal to 1",
        ),
        ({"GlobalSecondaryIndexes": []}, "List of GlobalSecondaryIndexes is empty"),
        (
            {"GlobalSecondaryIndexes": [INDEX]},
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [g]",
        ),
        ({"LocalSecondaryIndexes": [INDEX]}, "LocalSecondaryIndexes is not served"),
        ({"StreamSpecification": {"StreamEnabled": True}}, "StreamSpecification is not served"),
    ],
)
def test_wrong_tables_are_refused(database: Harness, changes: dict[str, Any], message: str) -> None:
    error = database.refused("CreateTable", **(GOOD | changes))
    assert error.code == "ValidationException"
    assert message in error.message
    assert database.call("ListTables") == {"TableNames": []}


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        ({}, "Unknown ProjectionType: null"),
        ({"ProjectionType": "SOME"}, "Member must satisfy enum value set"),
        ({"ProjectionType": "INCLUDE"}, "INCLUDE, but NonKeyAttributes is not specified"),
        ({"ProjectionType": "ALL", "NonKeyAttributes": ["x"]}, "but NonKeyAttributes is specified"),
    ],
)
def test_wrong_projections_are_refused(
    database: Harness, projection: dict[str, Any], message: str
) -> None:
    index = INDEX | {"Projection": projection}
    definitions = [*GOOD["AttributeDefinitions"], G]
    error = database.refused(
        "CreateTable",
        **(GOOD | {"GlobalSecondaryIndexes": [index], "AttributeDefinitions": definitions}),
    )
    assert message in error.message


def test_a_name_is_taken_once(database: Harness) -> None:
    database.call("CreateTable", **GOOD)
    error = database.refused("CreateTable", **GOOD)
    assert (error.code, error.message) == (
        "ResourceInUseException",
        "Table already exists: table",
    )


def test_account_quotas(database: Harness) -> None:
    database.service.set_limits({"tables": 1, "account_read_units_s": 100})
    big = GOOD | {"BillingMode": "PROVISIONED"}
    units = UNITS | {"ReadCapacityUnits": 101}
    error = database.refused("CreateTable", **big, ProvisionedThroughput=units)
    assert error.code == "LimitExceededException"
    assert "above its limit of 100" in error.message
    units = UNITS | {"WriteCapacityUnits": 40_001}
    error = database.refused("CreateTable", **big, ProvisionedThroughput=units)
    assert "exceeds the per-table maximum of 40000" in error.message
    database.call("CreateTable", **GOOD)
    error = database.refused("CreateTable", **(GOOD | {"TableName": "another"}))
    assert error.code == "LimitExceededException"


def test_a_table_may_take_time_to_be_made(database: Harness) -> None:
    database.service.set_limits({"table_creation_s": 5})
    database.call("CreateTable", **GOOD)

    def status() -> str:
        return str(database.call("DescribeTable", TableName="table")["Table"]["TableStatus"])

    assert status() == "CREATING"
    item = {"h": {"S": "a"}}
    assert database.refused("PutItem", TableName="table", Item=item).code == (
        "ResourceNotFoundException"
    )
    assert database.refused("DeleteTable", TableName="table").code == "ResourceInUseException"
    database.clock.advance(5)
    assert status() == "ACTIVE"
    database.put(item)


def test_an_index_that_is_added_gets_the_items_that_are_there(database: Harness) -> None:
    database.table()
    for number in range(120):
        item = {"h": {"S": f"k{number}"}, "g": {"S": "x"} if number % 2 else {"N": "1"}}
        database.put(item)
    database.call(
        "UpdateTable",
        TableName="table",
        AttributeDefinitions=[G],
        GlobalSecondaryIndexUpdates=[{"Create": INDEX}],
    )
    described = database.call("DescribeTable", TableName="table")["Table"]
    assert described["TableStatus"] == "UPDATING"
    assert described["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    scan = {"TableName": "table", "IndexName": "by_g"}
    assert "backfilling" in database.refused("Scan", **scan).message
    database.put({"h": {"S": "late"}, "g": {"S": "x"}})
    assert database.work() >= 3
    assert database.call("Scan", **scan)["Count"] == 61
    described = database.call("DescribeTable", TableName="table")["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["GlobalSecondaryIndexes"][0]["ItemCount"] == 61
    database.call(
        "UpdateTable",
        TableName="table",
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_g"}}],
    )
    described = database.call("DescribeTable", TableName="table")["Table"]
    assert "GlobalSecondaryIndexes" not in described
    assert described["AttributeDefinitions"] == GOOD["AttributeDefinitions"]


def test_counts_and_sizes_follow_every_change(database: Harness) -> None:
    database.table()

    def now() -> tuple[int, int]:
        table = database.call("DescribeTable", TableName="table")["Table"]
        return table["ItemCount"], table["TableSizeBytes"]

    database.put({"h": {"S": "a"}, "p": {"S": "x" * 10}})
    database.put({"h": {"S": "b"}})
    assert now() == (2, 15)
    database.put({"h": {"S": "a"}})
    assert now() == (2, 4)
    database.call("DeleteItem", TableName="table", Key={"h": {"S": "a"}})
    database.call("DeleteItem", TableName="table", Key={"h": {"S": "none"}})
    assert now() == (1, 2)


def test_billing_modes_can_be_changed(database: Harness) -> None:
    database.provisioned()
    database.call("UpdateTable", TableName="table", BillingMode="PAY_PER_REQUEST")
    described = database.call("DescribeTable", TableName="table")["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    for number in range(50):
        database.put({"h": {"S": f"k{number}"}})
        database.clock.advance(0.01)
    error = database.refused("UpdateTable", TableName="table", BillingMode="PROVISIONED")
    assert "must both be specified" in error.message
    database.call(
        "UpdateTable", TableName="table", BillingMode="PROVISIONED", ProvisionedThroughput=UNITS
    )
    described = database.call("DescribeTable", TableName="table")["Table"]
    assert described["ProvisionedThroughput"]["WriteCapacityUnits"] == 5
    error = database.refused("UpdateTable", TableName="table")
    assert "At least one of ProvisionedThroughput" in error.message


def test_protection_against_deletion(database: Harness) -> None:
    database.call("CreateTable", **GOOD, DeletionProtectionEnabled=True)
    error = database.refused("DeleteTable", TableName="table")
    assert "currently protected against deletion" in error.message
    database.call("UpdateTable", TableName="table", DeletionProtectionEnabled=False)
    answer = database.call("DeleteTable", TableName="table")
    assert answer["TableDescription"]["TableStatus"] == "DELETING"
    error = database.refused("DescribeTable", TableName="table")
    assert error.message == "Requested resource not found: Table: table not found"


def test_rows_of_deleted_tables_are_freed_in_steps(database: Harness) -> None:
    database.table()
    for number in range(1500):
        database.put({"h": {"S": f"k{number}"}})
    database.call("DeleteTable", TableName="table")
    assert database.work() >= 3
    database.table()
    assert database.call("Scan", TableName="table")["Count"] == 0


def test_names_of_tables_come_in_pages(database: Harness) -> None:
    names = [f"table-{number:03}" for number in range(105)]
    for name in reversed(names):
        database.table(name)
    first = database.call("ListTables")
    assert first == {"TableNames": names[:100], "LastEvaluatedTableName": names[99]}
    rest = database.call("ListTables", ExclusiveStartTableName=names[99])
    assert rest == {"TableNames": names[100:]}


def test_a_table_can_be_named_by_its_arn(database: Harness) -> None:
    database.table()
    arn = database.call("DescribeTable", TableName="table")["Table"]["TableArn"]
    database.put({"h": {"S": "a"}}, arn)
    assert database.get({"h": {"S": "a"}}, arn)["Item"] == {"h": {"S": "a"}}
