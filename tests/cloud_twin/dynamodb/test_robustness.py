"""Whatever is sent, the answer is an answer or an error of AWS's, and nothing breaks."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud_twin.dynamodb.conftest import Harness

from cloud_twin.services.dynamodb.service import OPERATIONS

KEY = {"h": {"S": "a"}, "r": {"N": "1"}}
NAMED: dict[str, Any] = {"TableName": "table"}
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/table"
INDEX = {
    "IndexName": "by_g",
    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["p"]},
}
G = {"AttributeName": "g", "AttributeType": "S"}
CONDITION: dict[str, Any] = {
    "ConditionExpression": "attribute_not_exists(#p) OR p = :p",
    "ExpressionAttributeNames": {"#p": "p"},
    "ExpressionAttributeValues": {":p": {"S": "xy"}},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
SEARCH: dict[str, Any] = {
    "Limit": 2,
    "FilterExpression": "size(p) > :n",
    "ProjectionExpression": "h, m.x[0]",
    "ReturnConsumedCapacity": "INDEXES",
    "ExclusiveStartKey": KEY,
}
CALLS: dict[str, dict[str, Any]] = {
    "BatchGetItem": {
        "RequestItems": {"table": {"Keys": [KEY], "ProjectionExpression": "h"}},
    },
    "BatchWriteItem": {
        "RequestItems": {"table": [{"PutRequest": {"Item": KEY | {"p": {"SS": ["a"]}}}}]}
    },
    "CreateTable": {
        "TableName": "other",
        "AttributeDefinitions": [{"AttributeName": "h", "AttributeType": "S"}, G],
        "KeySchema": [{"AttributeName": "h", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [INDEX],
        "OnDemandThroughput": {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 10},
        "WarmThroughput": {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000},
        "Tags": [{"Key": "a", "Value": "b"}],
    },
    "DeleteItem": NAMED | CONDITION | {"Key": KEY, "ReturnValues": "ALL_OLD"},
    "DeleteTable": NAMED,
    "DescribeContinuousBackups": NAMED,
    "DescribeLimits": {},
    "DescribeTable": NAMED,
    "DescribeTimeToLive": NAMED,
    "GetItem": NAMED | {"Key": KEY, "ProjectionExpression": "h, p", "ConsistentRead": True},
    "ListTables": {"Limit": 5, "ExclusiveStartTableName": "a"},
    "ListTagsOfResource": {"ResourceArn": ARN},
    "PutItem": NAMED
    | CONDITION
    | {"Item": KEY | {"m": {"M": {"x": {"L": [{"NS": ["1"]}, {"B": "AAE="}]}}}}},
    "Query": NAMED
    | SEARCH
    | {
        "KeyConditionExpression": "h = :h AND r >= :n",
        "ExpressionAttributeValues": {":h": {"S": "a"}, ":n": {"N": "0"}},
        "ScanIndexForward": True,
        "Select": "SPECIFIC_ATTRIBUTES",
    },
    "Scan": NAMED
    | SEARCH
    | {
        "ExpressionAttributeValues": {":n": {"N": "0"}},
        "Segment": 0,
        "TotalSegments": 1,
    },
    "TagResource": {"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "b"}]},
    "TransactGetItems": {
        "TransactItems": [{"Get": NAMED | {"Key": KEY, "ProjectionExpression": "h"}}]
    },
    "TransactWriteItems": {
        "ClientRequestToken": "token",
        "TransactItems": [
            {"Update": NAMED | {"Key": KEY, "UpdateExpression": "REMOVE p"}},
            {"Put": NAMED | {"Item": {"h": {"S": "b"}, "r": {"N": "2"}}}},
        ],
    },
    "UntagResource": {"ResourceArn": ARN, "TagKeys": ["a"]},
    "UpdateItem": NAMED
    | {
        "Key": KEY,
        "UpdateExpression": "SET m.y = :p, p = :p ADD n :n",
        "ExpressionAttributeValues": {":p": {"S": "x"}, ":n": {"N": "1"}},
        "ReturnValues": "UPDATED_NEW",
    },
    "UpdateTable": NAMED
    | {
        "AttributeDefinitions": [G],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexUpdates": [{"Create": INDEX}],
    },
    "UpdateTimeToLive": NAMED
    | {"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}},
}

junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "#p", ":p", "(("]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["S", "N", "x", "h"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside."""
    inside = list(node.items() if isinstance(node, dict) else enumerate(node))
    found = [(*path, name) for name, _ in inside]
    for name, value in inside:
        if isinstance(value, dict | list):
            found += places(value, (*path, name))
    return found


def made() -> Harness:
    database = Harness()
    database.table(range="N")
    item = KEY | {"p": {"S": "xy"}, "m": {"M": {"x": {"L": [{"S": "1"}]}}}}
    database.put(item)
    return database


def test_every_operation_is_tried() -> None:
    assert CALLS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", CALLS)
def test_each_call_is_right_as_it_stands(operation: str) -> None:
    made().call(operation, **CALLS[operation])


@settings(max_examples=250)
@given(st.data())
def test_no_call_breaks_the_service(data: st.DataObject) -> None:
    database = made()
    operation = data.draw(st.sampled_from(sorted(CALLS)))
    members = copy.deepcopy(CALLS[operation])
    for _ in range(data.draw(st.integers(1, 2))):
        all_places = places(members)
        if not all_places:
            break
        *path, last = data.draw(st.sampled_from(all_places))
        node: Any = members
        for step in path:
            node = node[step]
        node[last] = data.draw(junk)
    error = database.attempt(operation, **members)
    if error is not None:
        assert error.code
        assert error.message
        assert error.status == 400
    database.work()
