"""Error answers as SDKs read them: botocore's own retry classification of every known shape."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.retries.standard import (
    ModeledRetryErrorDetector,
    RetryContext,
    RetryEventAdapter,
    ThrottledRetryableChecker,
    TransientRetryableChecker,
)
from tests.cloud_twin.conftest import RunningTwin

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
CALLS: dict[tuple[str, str], dict[str, Any]] = {
    ("dynamodb", "PutItem"): {"TableName": "decisions", "Item": {"id": {"S": "1"}}},
    ("kinesis", "PutRecord"): {"StreamName": "payments", "Data": b"x", "PartitionKey": "1"},
    ("kinesis", "GetRecords"): {"ShardIterator": "any"},
    ("lambda", "Invoke"): {"FunctionName": "decide"},
    ("bedrock-runtime", "Converse"): {
        "modelId": MODEL,
        "messages": [{"role": "user", "content": [{"text": "?"}]}],
    },
    ("s3", "GetObject"): {"Bucket": "audit", "Key": "a"},
    ("s3", "HeadObject"): {"Bucket": "audit", "Key": "a"},
    ("sqs", "SendMessage"): {"QueueUrl": "http://q/000000000000/dead", "MessageBody": "m"},
    ("cloudwatch", "ListMetrics"): {},
}
METHODS = {
    "PutItem": "put_item",
    "PutRecord": "put_record",
    "GetRecords": "get_records",
    "Invoke": "invoke",
    "Converse": "converse",
    "GetObject": "get_object",
    "HeadObject": "head_object",
    "SendMessage": "send_message",
    "ListMetrics": "list_metrics",
}

SHAPES = [
    ("dynamodb", "PutItem", "ProvisionedThroughputExceededException", 400, "throttle"),
    ("dynamodb", "PutItem", "ThrottlingException", 400, "throttle"),
    ("dynamodb", "PutItem", "RequestLimitExceeded", 400, "throttle"),
    ("dynamodb", "PutItem", "InternalServerError", 500, "transient"),
    ("dynamodb", "PutItem", "ConditionalCheckFailedException", 400, "no"),
    ("kinesis", "PutRecord", "ProvisionedThroughputExceededException", 400, "throttle"),
    ("kinesis", "GetRecords", "ExpiredIteratorException", 400, "no"),
    ("kinesis", "PutRecord", "InternalFailure", 500, "transient"),
    ("lambda", "Invoke", "TooManyRequestsException", 429, "throttle"),
    ("lambda", "Invoke", "ServiceException", 500, "transient"),
    ("lambda", "Invoke", "ResourceConflictException", 409, "no"),
    ("bedrock-runtime", "Converse", "ThrottlingException", 429, "throttle"),
    ("bedrock-runtime", "Converse", "ModelNotReadyException", 429, "transient"),
    ("bedrock-runtime", "Converse", "ServiceUnavailableException", 503, "transient"),
    ("bedrock-runtime", "Converse", "ModelTimeoutException", 408, "no"),
    ("bedrock-runtime", "Converse", "ServiceQuotaExceededException", 400, "no"),
    ("s3", "GetObject", "SlowDown", 503, "throttle"),
    ("s3", "GetObject", "InternalError", 500, "transient"),
    ("sqs", "SendMessage", "RequestThrottled", 400, "throttle"),
    ("sqs", "SendMessage", "OverLimit", 400, "no"),
    ("cloudwatch", "ListMetrics", "Throttling", 400, "throttle"),
    ("cloudwatch", "ListMetrics", "InternalServiceError", 500, "transient"),
]


class Seen:
    """The retry context of the last attempt, as botocore's own retry handler gets it."""

    def __init__(self) -> None:
        self.context: RetryContext | None = None

    def __call__(self, **arguments: Any) -> None:
        self.context = RetryEventAdapter().create_retry_context(**arguments)


@pytest.fixture
def seen(twin: RunningTwin) -> Iterator[Seen]:
    recorder = Seen()
    clients = [twin.client(service) for service, _ in CALLS]
    for client in clients:
        client.meta.events.register_first("needs-retry", recorder)
    yield recorder
    for client in clients:
        client.meta.events.unregister("needs-retry", recorder)


def classified(context: RetryContext) -> str:
    modelled = ModeledRetryErrorDetector().detect_error_type(context)
    if (
        modelled == ModeledRetryErrorDetector.THROTTLING_ERROR
        or ThrottledRetryableChecker().is_retryable(context)
    ):
        return "throttle"
    transient = TransientRetryableChecker().is_retryable(context)
    return "transient" if modelled or transient else "no"


def call(twin: RunningTwin, service: str, operation: str) -> Any:
    return getattr(twin.client(service), METHODS[operation])(**CALLS[service, operation])


@pytest.mark.parametrize(("service", "operation", "code", "status", "kind"), SHAPES)
def test_errors_are_classified_as_on_aws(
    twin: RunningTwin, seen: Seen, service: str, operation: str, code: str, status: int, kind: str
) -> None:
    twin.fault(service=service, operation=operation, when="before", error={"code": code})
    with pytest.raises(ClientError) as caught:
        call(twin, service, operation)
    told = caught.value.response
    assert told["Error"]["Code"] == code
    assert told["Error"]["Message"]
    assert told["ResponseMetadata"]["HTTPStatusCode"] == status
    assert told["ResponseMetadata"]["RequestId"]
    assert seen.context is not None
    assert classified(seen.context) == kind


@pytest.mark.parametrize(("service", "operation", "code"), [row[:3] for row in SHAPES])
def test_modelled_errors_become_their_own_exceptions(
    twin: RunningTwin, service: str, operation: str, code: str
) -> None:
    client = twin.client(service)
    model = client.meta.service_model
    names = {
        shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes
    }
    twin.fault(service=service, operation=operation, when="before", error={"code": code})
    with pytest.raises(ClientError) as caught:
        call(twin, service, operation)
    assert (type(caught.value) is not ClientError) == (code in names)


def test_a_refused_head_has_a_status_only(twin: RunningTwin, seen: Seen) -> None:
    twin.fault(service="s3", operation="HeadObject", when="before", error={"code": "SlowDown"})
    with pytest.raises(ClientError) as caught:
        call(twin, "s3", "HeadObject")
    assert caught.value.response["Error"]["Code"] == "503"
    assert seen.context is not None
    assert classified(seen.context) == "transient"


def test_further_members_reach_the_caller(twin: RunningTwin) -> None:
    twin.fault(service="lambda", when="before", error={"code": "TooManyRequestsException"})
    with pytest.raises(ClientError) as caught:
        call(twin, "lambda", "Invoke")
    response: dict[str, Any] = dict(caught.value.response)
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert response["Type"] == "User"


@pytest.mark.parametrize(("service", "operation"), list(CALLS))
def test_a_dropped_connection_is_transient(
    twin: RunningTwin, seen: Seen, service: str, operation: str
) -> None:
    twin.fault(service=service, operation=operation, when="drop")
    with pytest.raises(ConnectionClosedError):
        call(twin, service, operation)
    assert seen.context is not None
    assert classified(seen.context) == "transient"


@pytest.mark.parametrize(("service", "operation"), [key for key in CALLS if key[0] != "s3"])
def test_sdks_retry_by_themselves_and_the_attempts_are_seen(
    twin: RunningTwin, service: str, operation: str
) -> None:
    twin.fault(service=service, operation=operation, when="drop", attempts=[1])
    client = twin.client(service, attempts=2)
    with contextlib.suppress(ClientError):  # the second attempt is served; it may be refused
        getattr(client, METHODS[operation])(**CALLS[service, operation])
    listed = twin.control("GET", f"attempts?service={service}&retried=true")
    (made,) = listed["calls"]
    assert [attempt["attempt"] for attempt in made["attempts"]] == [1, 2]
    assert made["attempts"][0]["status"] is None
    assert made["attempts"][1]["status"] >= 200
    assert made["attempts"][0]["at_s"] < made["attempts"][1]["at_s"]
