"""Every operation through boto3, on the twin and on moto."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

TABLE = {
    "AttributeDefinitions": [
        {"AttributeName": "h", "AttributeType": "S"},
        {"AttributeName": "r", "AttributeType": "N"},
        {"AttributeName": "g", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "h", "KeyType": "HASH"},
        {"AttributeName": "r", "KeyType": "RANGE"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def key(hash_: str = "a", range_: int = 1) -> dict[str, Any]:
    return {"h": {"S": hash_}, "r": {"N": str(range_)}}


@pytest.fixture
def table(either: Any) -> str:
    either.create_table(TableName="orders", **TABLE)
    either.get_waiter("table_exists").wait(TableName="orders")
    return "orders"


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_describe_and_list(either: Any, table: str) -> None:
    described = either.describe_table(TableName=table)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["KeySchema"] == TABLE["KeySchema"]
    assert described["AttributeDefinitions"] == TABLE["AttributeDefinitions"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["TableArn"].endswith(":table/orders")
    (index,) = described["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["IndexStatus"]) == ("by_g", "ACTIVE")
    assert either.list_tables()["TableNames"] == [table]


def test_delete_table(either: Any, table: str) -> None:
    either.delete_table(TableName=table)
    either.get_waiter("table_not_exists").wait(TableName=table)
    with pytest.raises(ClientError) as caught:
        either.describe_table(TableName=table)
    assert code_of(caught) == "ResourceNotFoundException"
    with pytest.raises(ClientError) as caught:
        either.get_item(TableName=table, Key=key())
    assert code_of(caught) == "ResourceNotFoundException"


def test_update_table(either: Any, table: str) -> None:
    units = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 9}
    either.create_table(
        TableName="small",
        AttributeDefinitions=[{"AttributeName": "h", "AttributeType": "B"}],
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    either.update_table(TableName="small", ProvisionedThroughput=units)
    described = either.describe_table(TableName="small")["Table"]["ProvisionedThroughput"]
    assert {name: described[name] for name in units} == units


def test_put_get_and_delete_an_item(either: Any, table: str) -> None:
    item = key() | {
        "text": {"S": "ünïcode"},
        "number": {"N": "1.5"},
        "data": {"B": b"\x00\x01\xff"},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": "a"}, {"N": "1"}]},
        "map": {"M": {"inner": {"S": "b"}}},
    }
    assert "Attributes" not in either.put_item(TableName=table, Item=item)
    assert either.get_item(TableName=table, Key=key())["Item"] == item
    answer = either.put_item(TableName=table, Item=key(), ReturnValues="ALL_OLD")
    assert answer["Attributes"] == item
    answer = either.delete_item(TableName=table, Key=key(), ReturnValues="ALL_OLD")
    assert answer["Attributes"] == key()
    assert "Item" not in either.get_item(TableName=table, Key=key())


def test_project_a_get(either: Any, table: str) -> None:
    either.put_item(
        TableName=table,
        Item=key() | {"a": {"S": "x"}, "m": {"M": {"p": {"S": "q"}, "z": {"S": "w"}}}},
    )
    answer = either.get_item(
        TableName=table,
        Key=key(),
        ProjectionExpression="a, #m.p, absent",
        ExpressionAttributeNames={"#m": "m"},
        ConsistentRead=True,
    )
    assert answer["Item"] == {"a": {"S": "x"}, "m": {"M": {"p": {"S": "q"}}}}


@pytest.mark.parametrize(
    ("returning", "attributes"),
    [
        ("NONE", None),
        ("ALL_OLD", key() | {"n": {"N": "1"}, "x": {"S": "old"}}),
        ("ALL_NEW", key() | {"n": {"N": "3"}, "x": {"S": "old"}}),
        ("UPDATED_OLD", {"n": {"N": "1"}}),
        ("UPDATED_NEW", {"n": {"N": "3"}}),
    ],
)
def test_update_returns_what_is_asked_for(
    either: Any, table: str, returning: str, attributes: dict[str, Any] | None
) -> None:
    either.put_item(TableName=table, Item=key() | {"n": {"N": "1"}, "x": {"S": "old"}})
    answer = either.update_item(
        TableName=table,
        Key=key(),
        UpdateExpression="SET n = n + :two",
        ExpressionAttributeValues={":two": {"N": "2"}},
        ReturnValues=returning,
    )
    assert answer.get("Attributes") == attributes


def test_update_makes_an_item(either: Any, table: str) -> None:
    either.update_item(
        TableName=table,
        Key=key(),
        UpdateExpression="ADD visits :one SET seen = if_not_exists(seen, :now)",
        ExpressionAttributeValues={":one": {"N": "1"}, ":now": {"S": "today"}},
    )
    item = either.get_item(TableName=table, Key=key())["Item"]
    assert item == key() | {"visits": {"N": "1"}, "seen": {"S": "today"}}


@pytest.mark.parametrize("verb", ["put", "update", "delete"])
def test_conditions_stop_writes(either: Any, table: str, verb: str) -> None:
    either.put_item(TableName=table, Item=key() | {"version": {"N": "1"}})
    condition: dict[str, Any] = {
        "TableName": table,
        "ConditionExpression": "version = :v",
        "ExpressionAttributeValues": {":v": {"N": "2"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    writes: dict[str, tuple[Any, dict[str, Any]]] = {
        "put": (either.put_item, {"Item": key()}),
        "update": (either.update_item, {"Key": key(), "UpdateExpression": "REMOVE version"}),
        "delete": (either.delete_item, {"Key": key()}),
    }
    write, members = writes[verb]
    with pytest.raises(either.exceptions.ConditionalCheckFailedException) as caught:
        write(**members, **condition)
    assert caught.value.response["Error"]["Message"] == "The conditional request failed"
    assert caught.value.response["Item"] == key() | {"version": {"N": "1"}}
    assert "version" in either.get_item(TableName=table, Key=key())["Item"]


def test_batches(either: Any, table: str) -> None:
    puts = [{"PutRequest": {"Item": key("b", number)}} for number in range(25)]
    answer = either.batch_write_item(RequestItems={table: puts})
    assert answer["UnprocessedItems"] == {}
    deletes = [{"DeleteRequest": {"Key": key("b", number)}} for number in range(5)]
    either.batch_write_item(RequestItems={table: deletes})
    wanted = [key("b", number) for number in range(10)]
    answer = either.batch_get_item(RequestItems={table: {"Keys": wanted}})
    found = sorted(int(item["r"]["N"]) for item in answer["Responses"][table])
    assert found == [5, 6, 7, 8, 9]
    assert answer["UnprocessedKeys"] == {}


def test_too_large_and_repeating_batches(client: Any) -> None:
    client.create_table(TableName="orders", **TABLE)
    table = "orders"
    puts = [{"PutRequest": {"Item": key("b", number)}} for number in range(26)]
    for entries in (puts, [puts[0], puts[0]]):
        with pytest.raises(ClientError) as caught:
            client.batch_write_item(RequestItems={table: entries})
        assert code_of(caught) == "ValidationException"
    keys = [key("b", number) for number in range(101)]
    for wanted in (keys, [keys[0], keys[0]]):
        with pytest.raises(ClientError) as caught:
            client.batch_get_item(RequestItems={table: {"Keys": wanted}})
        assert code_of(caught) == "ValidationException"


def test_query(either: Any, table: str) -> None:
    for number in (5, 1, 3, 2, 4):
        either.put_item(TableName=table, Item=key("a", number) | {"g": {"S": f"g{number % 2}"}})
    either.put_item(TableName=table, Item=key("b", 1))
    of_a: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "h = :h AND r BETWEEN :low AND :high",
        "ExpressionAttributeValues": {":h": {"S": "a"}, ":low": {"N": "2"}, ":high": {"N": "4"}},
    }
    answer = either.query(**of_a)
    assert [item["r"]["N"] for item in answer["Items"]] == ["2", "3", "4"]
    assert (answer["Count"], answer["ScannedCount"]) == (3, 3)
    answer = either.query(**of_a, ScanIndexForward=False, Limit=2)
    assert [item["r"]["N"] for item in answer["Items"]] == ["4", "3"]
    answer = either.query(
        **of_a, ScanIndexForward=False, ExclusiveStartKey=answer["LastEvaluatedKey"]
    )
    assert [item["r"]["N"] for item in answer["Items"]] == ["2"]
    answer = either.query(
        TableName=table,
        IndexName="by_g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "g1"}},
    )
    assert sorted(item["r"]["N"] for item in answer["Items"]) == ["1", "3", "5"]


def test_scan_and_its_paginator(either: Any, table: str) -> None:
    for number in range(10):
        either.put_item(TableName=table, Item=key("a", number) | {"n": {"N": str(number)}})
    answer = either.scan(
        TableName=table,
        FilterExpression="n >= :n AND contains(h, :a)",
        ExpressionAttributeValues={":n": {"N": "7"}, ":a": {"S": "a"}},
    )
    assert (answer["Count"], answer["ScannedCount"]) == (3, 10)
    pages = either.get_paginator("scan").paginate(TableName=table, PaginationConfig={"PageSize": 3})
    numbers = [int(item["n"]["N"]) for page in pages for item in page["Items"]]
    assert numbers == list(range(10))


def test_transactions(either: Any, table: str) -> None:
    put = {"Put": {"TableName": table, "Item": key("a", 1) | {"n": {"N": "1"}}}}
    check = {
        "ConditionCheck": {
            "TableName": table,
            "Key": key("a", 2),
            "ConditionExpression": "attribute_exists(h)",
        }
    }
    with pytest.raises(either.exceptions.TransactionCanceledException) as caught:
        either.transact_write_items(TransactItems=[put, check])
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert caught.value.response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed]"
    )
    assert "Item" not in either.get_item(TableName=table, Key=key("a", 1))
    update = {
        "Update": {
            "TableName": table,
            "Key": key("a", 2),
            "UpdateExpression": "SET n = :n",
            "ExpressionAttributeValues": {":n": {"N": "2"}},
        }
    }
    either.transact_write_items(TransactItems=[put, update])
    gets = [{"Get": {"TableName": table, "Key": key("a", number)}} for number in (1, 2, 3)]
    answer = either.transact_get_items(TransactItems=gets)
    numbers = [response.get("Item", {}).get("n") for response in answer["Responses"]]
    assert numbers == [{"N": "1"}, {"N": "2"}, None]


def test_time_to_live(either: Any, table: str) -> None:
    def described() -> dict[str, str]:
        return dict(either.describe_time_to_live(TableName=table)["TimeToLiveDescription"])

    assert described() == {"TimeToLiveStatus": "DISABLED"}
    specification = {"AttributeName": "until", "Enabled": True}
    answer = either.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)
    assert answer["TimeToLiveSpecification"] == specification
    assert described() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}


def test_tags(either: Any, table: str) -> None:
    arn = either.describe_table(TableName=table)["Table"]["TableArn"]
    tags = [{"Key": "team", "Value": "fraud"}, {"Key": "run", "Value": "7"}]
    either.tag_resource(ResourceArn=arn, Tags=tags)
    assert either.list_tags_of_resource(ResourceArn=arn)["Tags"] == tags
    either.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert either.list_tags_of_resource(ResourceArn=arn)["Tags"] == tags[1:]
    with pytest.raises(ClientError) as caught:
        either.list_tags_of_resource(ResourceArn=arn + "x")
    assert code_of(caught) == "ResourceNotFoundException"


def test_limits_and_backups(client: Any) -> None:
    limits = client.describe_limits()
    assert limits["TableMaxWriteCapacityUnits"] == 40_000
    assert limits["AccountMaxReadCapacityUnits"] == 80_000
    client.create_table(TableName="orders", **TABLE)
    backups = client.describe_continuous_backups(TableName="orders")
    described = backups["ContinuousBackupsDescription"]
    assert described["ContinuousBackupsStatus"] == "DISABLED"
    with pytest.raises(client.exceptions.TableNotFoundException):
        client.describe_continuous_backups(TableName="absent")


def test_consumed_capacity(either: Any, table: str) -> None:
    answer = either.put_item(TableName=table, Item=key(), ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 1.0}


def test_expired_items_are_swept_while_the_twin_runs(client: Any) -> None:
    import time

    client.create_table(TableName="orders", **TABLE)
    specification = {"AttributeName": "until", "Enabled": True}
    client.update_time_to_live(TableName="orders", TimeToLiveSpecification=specification)
    old = str(int(time.time()) - 100)
    client.put_item(TableName="orders", Item=key() | {"until": {"N": old}})
    deadline = time.monotonic() + 10
    while "Item" in client.get_item(TableName="orders", Key=key()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
