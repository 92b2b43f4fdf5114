"""Query and Scan: order, ranges, pages, segments, indexes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud_twin.dynamodb.conftest import Harness

BY_G = {
    "IndexName": "by_g",
    "KeySchema": [
        {"AttributeName": "g", "KeyType": "HASH"},
        {"AttributeName": "s", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "ALL"},
}


def pages(database: Harness, operation: str, **members: Any) -> list[dict[str, Any]]:
    """All pages, one after the other."""
    found = []
    while True:
        page = database.call(operation, TableName="table", **members)
        found.append(page)
        if "LastEvaluatedKey" not in page:
            return found
        members["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        assert len(found) < 1000


def items(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for page in found for item in page["Items"]]


sort_numbers = st.lists(
    st.decimals(-1000, 1000, places=1).map(lambda number: number.normalize()),
    unique=True,
    max_size=25,
)


@settings(max_examples=60)
@given(sort_numbers, st.booleans(), st.integers(1, 9), st.integers(-1000, 1000))
def test_pages_of_a_query_are_the_whole_in_order(
    numbers: list[Decimal], forward: bool, limit: int, bound: int
) -> None:
    database = Harness()
    database.table(range="N")
    for number in numbers:
        database.put({"h": {"S": "a"}, "r": {"N": str(number)}})
        database.put({"h": {"S": "b"}, "r": {"N": str(number)}})
    tests: dict[str, Callable[[Decimal], bool]] = {
        "h = :h": lambda number: True,
        "h = :h AND r < :b": lambda number: number < bound,
        "h = :h AND r <= :b": lambda number: number <= bound,
        "h = :h AND r > :b": lambda number: number > bound,
        ":b <= r AND :h = h": lambda number: number >= bound,
        "h = :h AND r = :b": lambda number: number == bound,
        "h = :h AND r BETWEEN :b AND :c": lambda number: bound <= number <= bound + 500,
    }
    for text, within in tests.items():
        values = {":h": {"S": "a"}, ":b": {"N": str(bound)}, ":c": {"N": str(bound + 500)}}
        found = pages(
            database,
            "Query",
            KeyConditionExpression=text,
            ExpressionAttributeValues={k: v for k, v in values.items() if k in text},
            ScanIndexForward=forward,
            Limit=limit,
        )
        expected = sorted((n for n in numbers if within(n)), reverse=not forward)
        assert [Decimal(item["r"]["N"]) for item in items(found)] == expected
        assert all(page["Count"] <= limit for page in found)


@settings(max_examples=60)
@given(
    st.sets(st.tuples(st.text(min_size=1, max_size=2), st.text(min_size=1, max_size=2))),
    st.integers(1, 5),
    st.integers(1, 7),
)
def test_segments_of_a_scan_are_the_whole(
    keys: set[tuple[str, str]], segments: int, limit: int
) -> None:
    database = Harness()
    database.table(range="S", kinds={"g": "S", "s": "N"}, GlobalSecondaryIndexes=[BY_G])
    for at, (hash_, range_) in enumerate(sorted(keys)):
        item = {"h": {"S": hash_}, "r": {"S": range_}, "s": {"N": str(at % 3)}}
        database.put(item | ({"g": {"S": "x"}} if at % 2 else {}))

    def scanned(**members: Any) -> list[tuple[str, str]]:
        parts = [
            (item["h"]["S"], item["r"]["S"])
            for segment in range(segments)
            for item in items(
                pages(
                    database,
                    "Scan",
                    Segment=segment,
                    TotalSegments=segments,
                    Limit=limit,
                    **members,
                )
            )
        ]
        assert len(set(parts)) == len(parts), "nothing twice"
        return parts

    assert set(scanned()) == keys
    assert set(scanned(IndexName="by_g")) == set(sorted(keys)[1::2])


def test_a_page_ends_at_a_megabyte(database: Harness) -> None:
    database.table(range="N")
    for number in range(30):
        database.put(
            {"h": {"S": "a"}, "r": {"N": str(number)}, "p": {"S": "x" * 100_000}},
            ReturnConsumedCapacity="TOTAL",
        )
        database.clock.advance(1)
    found = pages(
        database,
        "Query",
        KeyConditionExpression="h = :h",
        ExpressionAttributeValues={":h": {"S": "a"}},
    )
    assert [page["Count"] for page in found] == [10, 10, 10]
    assert [int(item["r"]["N"]) for item in items(found)] == list(range(30))


def test_a_limit_counts_before_the_filter(database: Harness) -> None:
    database.table(range="N")
    for number in range(10):
        database.put({"h": {"S": "a"}, "r": {"N": str(number)}, "even": {"BOOL": number % 2 == 0}})
    page = database.call(
        "Query",
        TableName="table",
        KeyConditionExpression="h = :h",
        FilterExpression="even = :t",
        ExpressionAttributeValues={":h": {"S": "a"}, ":t": {"BOOL": True}},
        Limit=4,
    )
    assert (page["Count"], page["ScannedCount"]) == (2, 4)
    assert page["LastEvaluatedKey"] == {"h": {"S": "a"}, "r": {"N": "3"}}


def test_the_next_page_begins_even_if_its_start_is_gone(database: Harness) -> None:
    database.table(range="N")
    for number in range(4):
        database.put({"h": {"S": "a"}, "r": {"N": str(number)}})
    page = database.call("Scan", TableName="table", Limit=2)
    last = page["LastEvaluatedKey"]
    database.call("DeleteItem", TableName="table", Key=last)
    rest = database.call("Scan", TableName="table", ExclusiveStartKey=last)
    assert [item["r"]["N"] for item in rest["Items"]] == ["2", "3"]


def test_begins_with_and_binary_sort_keys(database: Harness) -> None:
    database.table(range="S")
    for text in ("a", "ab", "abc", "b", "á"):
        database.put({"h": {"S": "k"}, "r": {"S": text}})
    found = database.call(
        "Query",
        TableName="table",
        KeyConditionExpression="h = :h AND begins_with(r, :p)",
        ExpressionAttributeValues={":h": {"S": "k"}, ":p": {"S": "ab"}},
    )
    assert [item["r"]["S"] for item in found["Items"]] == ["ab", "abc"]


@pytest.mark.parametrize(
    ("projection", "names"),
    [
        ({"ProjectionType": "ALL"}, {"h", "g", "p", "q"}),
        ({"ProjectionType": "KEYS_ONLY"}, {"h", "g"}),
        ({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["p"]}, {"h", "g", "p"}),
    ],
)
def test_an_index_has_what_is_projected(
    database: Harness, projection: dict[str, Any], names: set[str]
) -> None:
    index = {
        "IndexName": "by_g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": projection,
    }
    database.table(kinds={"g": "N"}, GlobalSecondaryIndexes=[index])
    item = {"h": {"S": "a"}, "g": {"N": "1"}, "p": {"S": "x"}, "q": {"S": "y"}}
    database.put(item)
    database.put({"h": {"S": "b"}})
    query: dict[str, Any] = {
        "TableName": "table",
        "IndexName": "by_g",
        "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"N": "1.0"}},
    }
    found = database.call("Query", **query)
    assert [set(item) for item in found["Items"]] == [names]
    assert database.call("Scan", TableName="table", IndexName="by_g")["Count"] == 1
    database.call(
        "UpdateItem",
        TableName="table",
        Key={"h": {"S": "a"}},
        UpdateExpression="SET g = :n",
        ExpressionAttributeValues={":n": {"N": "2"}},
    )
    assert database.call("Query", **query)["Count"] == 0
    error = database.refused("Query", **query, ConsistentRead=True)
    assert error.message == "Consistent reads are not supported on global secondary indexes"
    error = database.refused("PutItem", TableName="table", Item=item | {"g": {"S": "text"}})
    assert "Type mismatch for Index Key g Expected: N Actual: S IndexName: by_g" in error.message


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"KeyConditionExpression": "r = :r"}, "Query condition missed key schema element: h"),
        ({"KeyConditionExpression": "h > :h"}, "Query key condition not supported"),
        ({"KeyConditionExpression": "h = :h AND x = :r"}, "missed key schema element: r"),
        ({"KeyConditionExpression": "h = :h OR r = :r"}, "Invalid operator used in KeyCondition"),
        ({"KeyConditionExpression": "h = :h AND r <> :r"}, "Invalid operator used in KeyCondition"),
        ({"KeyConditionExpression": "h = :h AND h = :h"}, "must only contain one condition per"),
        ({"KeyConditionExpression": "h = :r"}, "Condition parameter type does not match schema"),
        ({"KeyConditionExpression": "h = :h AND begins_with(r, :r)"}, "operand type: N"),
        (
            {"KeyConditionExpression": "h = :h", "FilterExpression": "r = :r"},
            "Filter Expression can only contain non-primary key attributes",
        ),
        ({}, "Either the KeyConditions or KeyConditionExpression parameter must be specified"),
        ({"KeyConditions": {}}, "The legacy parameter KeyConditions is not served"),
        ({"KeyConditionExpression": "h = :h", "IndexName": "no"}, "does not have the specified"),
        ({"KeyConditionExpression": "h = :h", "Limit": 0}, "greater than or equal to 1"),
        ({"KeyConditionExpression": "h = :h", "Select": "ALL"}, "satisfy enum value set"),
        (
            {"KeyConditionExpression": "h = :h", "ExclusiveStartKey": {"h": {"S": "a"}}},
            "The provided starting key is invalid",
        ),
        (
            {
                "KeyConditionExpression": "h = :h",
                "ExclusiveStartKey": {"h": {"S": "z"}, "r": {"N": "1"}},
            },
            "The provided starting key is outside query boundaries",
        ),
    ],
)
def test_wrong_queries_are_refused(
    database: Harness, members: dict[str, Any], message: str
) -> None:
    database.table(range="N")
    text = str(members)
    values = {":h": {"S": "a"}, ":r": {"N": "1"}}
    values = {name: value for name, value in values.items() if name in text}
    if values:
        members = members | {"ExpressionAttributeValues": values}
    error = database.refused("Query", TableName="table", **members)
    assert error.code == "ValidationException"
    assert message in error.message


def test_wrong_scans_are_refused(database: Harness) -> None:
    database.table()
    for members, message in (
        ({"Segment": 1}, "The TotalSegments parameter is required"),
        ({"Segment": 2, "TotalSegments": 2}, "Segment: 2 is not less than TotalSegments: 2"),
        ({"Select": "SPECIFIC_ATTRIBUTES"}, "Must specify the AttributesToGet or Projection"),
        ({"ProjectionExpression": "a", "Select": "COUNT"}, "Cannot specify the Projection"),
        ({"ProjectionExpression": "a, a"}, "Two document paths overlap"),
    ):
        error = database.refused("Scan", TableName="table", **members)
        assert message in error.message
