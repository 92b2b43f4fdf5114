"""Every refusal as botocore reads it: its code, and whether it is retried."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.retries import standard

GOOD: dict[str, Any] = {
    "TableName": "table",
    "AttributeDefinitions": [{"AttributeName": "h", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "h", "KeyType": "HASH"}],
}
ITEM = {"h": {"S": "a"}}


def provisioned(client: Any) -> None:
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    client.create_table(**GOOD, ProvisionedThroughput=units)


def classified(error: ClientError) -> str:
    """``throttle``, ``transient`` or ``final``, as botocore's standard mode sees it."""
    context = standard.RetryContext(
        attempt_number=1,
        operation_model=None,
        parsed_response=error.response,
        http_response=_Status(error.response["ResponseMetadata"]["HTTPStatusCode"]),
    )
    if standard.ThrottledRetryableChecker().is_retryable(context):
        return "throttle"
    if standard.TransientRetryableChecker().is_retryable(context):
        return "transient"
    return "final"


class _Status:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def failure(call: Any, **members: Any) -> ClientError:
    for _ in range(20):
        try:
            call(**members)
        except ClientError as error:
            return error
    raise AssertionError("the call was not refused in 20 attempts")


def test_provisioned_throttling(client: Any) -> None:
    provisioned(client)
    error = failure(client.put_item, TableName="table", Item=ITEM)
    assert isinstance(error, client.exceptions.ProvisionedThroughputExceededException)
    assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    (reason,) = error.response["ThrottlingReasons"]
    assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"
    assert reason["resource"].endswith(":table/table")
    assert classified(error) == "throttle"


def test_on_demand_throttling(client: Any, twin: Any) -> None:
    twin.control("PATCH", "limits", {"dynamodb": {"on_demand_write_units_s": 1}})
    client.create_table(**GOOD, BillingMode="PAY_PER_REQUEST")
    error = failure(client.put_item, TableName="table", Item=ITEM)
    assert isinstance(error, client.exceptions.ThrottlingException)
    (reason,) = error.response["throttlingReasons"]
    assert reason["reason"] == "TableWriteKeyRangeThroughputExceeded"
    assert classified(error) == "throttle"


def test_account_throttling(client: Any, twin: Any) -> None:
    twin.control("PATCH", "limits", {"dynamodb": {"table_write_units_s": 1}})
    client.create_table(**GOOD, BillingMode="PAY_PER_REQUEST")
    error = failure(client.put_item, TableName="table", Item=ITEM)
    assert isinstance(error, client.exceptions.RequestLimitExceeded)
    assert classified(error) == "throttle"


def test_a_condition_is_final(client: Any) -> None:
    provisioned(client)
    client.put_item(TableName="table", Item=ITEM)
    units = {"ReadCapacityUnits": 1000, "WriteCapacityUnits": 1000}
    client.update_table(TableName="table", ProvisionedThroughput=units)
    error = failure(_until_refused(client), TableName="table", Item=ITEM)
    assert isinstance(error, client.exceptions.ConditionalCheckFailedException)
    assert classified(error) == "final"


def _until_refused(client: Any) -> Any:
    """Conditional puts; throttling is waited out, for the table was small a moment ago."""

    def put(**members: Any) -> None:
        try:
            client.put_item(**members, ConditionExpression="attribute_not_exists(h)")
        except client.exceptions.ProvisionedThroughputExceededException:
            return

    return put


def test_a_cancelled_transaction_is_final(client: Any) -> None:
    client.create_table(**GOOD, BillingMode="PAY_PER_REQUEST")
    check = {"TableName": "table", "Key": ITEM, "ConditionExpression": "attribute_exists(h)"}
    error = failure(client.transact_write_items, TransactItems=[{"ConditionCheck": check}])
    assert isinstance(error, client.exceptions.TransactionCanceledException)
    assert error.response["CancellationReasons"][0]["Code"] == "ConditionalCheckFailed"
    assert error.response["Error"]["Message"].startswith("Transaction cancelled")
    assert classified(error) == "final"


def test_a_token_with_other_parameters_is_final(client: Any) -> None:
    client.create_table(**GOOD, BillingMode="PAY_PER_REQUEST")
    for number in range(2):
        item = {"h": {"S": str(number)}}
        call = {
            "TransactItems": [{"Put": {"TableName": "table", "Item": item}}],
            "ClientRequestToken": "token",
        }
        if number == 0:
            client.transact_write_items(**call)
    error = failure(client.transact_write_items, **call)
    assert isinstance(error, client.exceptions.IdempotentParameterMismatchException)
    assert classified(error) == "final"


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("get_item", {"TableName": "absent", "Key": ITEM}, "ResourceNotFoundException"),
        ("describe_table", {"TableName": "absent"}, "ResourceNotFoundException"),
        ("get_item", {"TableName": "table", "Key": {"x": {"S": "a"}}}, "ValidationException"),
        ("get_item", {"TableName": "table", "Key": {"h": {"N": "1"}}}, "ValidationException"),
        ("get_item", {"TableName": "table", "Key": {"h": {"S": ""}}}, "ValidationException"),
        ("put_item", {"TableName": "table", "Item": {"x": {"S": "a"}}}, "ValidationException"),
        (
            "put_item",
            {"TableName": "table", "Item": {"h": {"S": "a" * 2049}}},
            "ValidationException",
        ),
        (
            "put_item",
            {"TableName": "table", "Item": ITEM | {"p": {"S": "x" * 410_000}}},
            "ValidationException",
        ),
        (
            "put_item",
            {"TableName": "table", "Item": ITEM | {"n": {"N": "1e200"}}},
            "ValidationException",
        ),
        (
            "put_item",
            {
                "TableName": "table",
                "Item": ITEM,
                "Expected": {"h": {"Exists": False}},
            },
            "ValidationException",
        ),
        (
            "update_item",
            {
                "TableName": "table",
                "Key": ITEM,
                "AttributeUpdates": {"a": {"Value": {"S": "b"}, "Action": "PUT"}},
            },
            "ValidationException",
        ),
        ("create_table", GOOD | {"BillingMode": "PAY_PER_REQUEST"}, "ResourceInUseException"),
    ],
)
def test_wrong_requests_are_final(
    client: Any, operation: str, members: dict[str, Any], code: str
) -> None:
    client.create_table(**GOOD, BillingMode="PAY_PER_REQUEST")
    error = failure(getattr(client, operation), **members)
    assert error.response["Error"]["Code"] == code
    assert error.response["Error"]["Message"]
    assert classified(error) == "final"


@pytest.mark.parametrize(
    ("operation", "body", "type_"),
    [
        ("Unheard", b"{}", "UnknownOperationException"),
        ("GetItem", b"{", "SerializationException"),
        ("GetItem", b"{}", "ValidationException"),
        ("PutItem", b'{"TableName": "table", "Item": []}', "SerializationException"),
        ("PutItem", b'{"TableName": "table", "Item": {"h": "a"}}', "SerializationException"),
        ("PutItem", b'{"TableName": 5, "Item": {}}', "ValidationException"),
        ("BatchWriteItem", b'{"RequestItems": {"table": [5]}}', "ValidationException"),
        ("TransactWriteItems", b'{"TransactItems": [5]}', "SerializationException"),
        ("Query", b'{"TableName": "table", "KeyConditionExpression": 5}', "SerializationException"),
        ("Scan", b'{"TableName": "table", "Limit": "5"}', "SerializationException"),
        ("CreateTable", b'{"TableName": "other", "KeySchema": 5}', "ValidationException"),
        (
            "CreateTable",
            b'{"TableName": "other", "AttributeDefinitions": [5]}',
            "SerializationException",
        ),
        ("UpdateTimeToLive", b'{"TableName": "table"}', "ValidationException"),
        ("TagResource", b'{"ResourceArn": "table"}', "ValidationException"),
    ],
)
def test_malformed_bodies_get_awss_errors(
    client: Any, twin: Any, operation: str, body: bytes, type_: str
) -> None:
    client.create_table(**GOOD, BillingMode="PAY_PER_REQUEST")
    request = urllib.request.Request(
        twin.url,
        body,
        {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "X-Amz-Date": "20250101T000000Z",
            "Authorization": (
                "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/dynamodb/aws4_request, "
                "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
            ),
        },
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 400
    answer = json.loads(caught.value.read())
    assert answer["__type"].rpartition("#")[2] == type_
