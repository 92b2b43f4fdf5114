"""The boto3 resource: Python values, condition builders, batch writer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key


@pytest.fixture
def table(resource: Any) -> Any:
    table = resource.create_table(
        TableName="orders",
        AttributeDefinitions=[
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    return table


def test_python_values_come_back_as_they_were(table: Any) -> None:
    item = {
        "customer": "c1",
        "at": Decimal("1.5"),
        "amount": Decimal("99999999999999999999999999.123456789012"),
        "tags": {"a", "b"},
        "numbers": {Decimal(1), Decimal(2)},
        "nested": {"list": [None, True, "x", Decimal("-0.5")], "empty": ""},
        "data": b"\x00\xff",
    }
    table.put_item(Item=item)
    found = table.get_item(Key={"customer": "c1", "at": Decimal("1.50")})["Item"]
    assert found.pop("data").value == item.pop("data")
    assert found == item


def test_condition_builders(table: Any) -> None:
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(
                Item={
                    "customer": "c1",
                    "at": number,
                    "status": "even" if number % 2 == 0 else "odd",
                    "info": {"weight": number},
                    "words": ["x", f"w{number}"],
                }
            )
    first = table.query(
        KeyConditionExpression=Key("customer").eq("c1") & Key("at").between(10, 19),
        FilterExpression=Attr("status").eq("even") & ~Attr("info.weight").lt(14),
        ProjectionExpression="#a, info.weight",
        ExpressionAttributeNames={"#a": "at"},
    )
    assert [int(item["at"]) for item in first["Items"]] == [14, 16, 18]
    assert first["Items"][0] == {"at": 14, "info": {"weight": 14}}
    found = table.scan(
        FilterExpression=(
            Attr("status").is_in(["odd"])
            & Attr("words").contains("w7")
            & Attr("status").begins_with("o")
            & Attr("info").exists()
            & Attr("other").not_exists()
            & Attr("info").attribute_type("M")
            & Attr("words").size().gte(2)
            | Attr("at").eq(-1)
        )
    )
    assert [int(item["at"]) for item in found["Items"]] == [7]
    assert found["ScannedCount"] == 60


def test_conditional_updates(table: Any) -> None:
    key = {"customer": "c1", "at": 1}
    table.update_item(
        Key=key,
        UpdateExpression="SET balance = if_not_exists(balance, :zero) + :more",
        ConditionExpression=Attr("closed").not_exists(),
        ExpressionAttributeValues={":zero": 0, ":more": Decimal("12.30")},
    )
    assert table.get_item(Key=key)["Item"]["balance"] == Decimal("12.3")
    table.reload()
    assert table.item_count == 1
