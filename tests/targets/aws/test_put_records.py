"""What answers to PutRecords say of each record."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest

from squall.load_generator.engine.answer import AnswerParser
from squall.models import Outcome, Receipt
from squall.targets.aws.access import open_credentials
from squall.targets.aws.errors import AwsRefusal, kind_of, read_refusal
from squall.targets.aws.put_records import PutRecordsCalls
from squall.targets.aws.signed_calls import SignedCalls, json_shape
from squall.targets.aws.signing import Scope


@pytest.fixture
def calls(no_aws: None, monkeypatch: pytest.MonkeyPatch) -> PutRecordsCalls:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    shape = json_shape("kinesis.eu-west-1.amazonaws.com", "Kinesis_20131202.PutRecords")
    scope = Scope("eu-west-1", "kinesis")
    signed = SignedCalls(shape, scope, open_credentials(None), lambda: 1.7e9)
    return PutRecordsCalls(signed, 'a "stream"', 0.005)


def taken(number: int, shard: int = 0) -> dict[str, str]:
    return {"SequenceNumber": str(number), "ShardId": f"shardId-{shard:012d}"}


def answer(*entries: Mapping[str, str | None]) -> bytes:
    failed = sum(bool(entry.get("ErrorCode")) for entry in entries)
    return orjson.dumps({"FailedRecordCount": failed, "Records": entries})


def test_the_request_is_a_whole_call(calls: PutRecordsCalls) -> None:
    records = (b'{"Data":"YQ==","PartitionKey":"k"}', b'{"Data":"Yg==","PartitionKey":"l"}')
    head, _, body = b"".join(calls.request(records)).partition(b"\r\n\r\n")
    document = orjson.loads(body)
    assert document["StreamName"] == 'a "stream"'
    assert [record["PartitionKey"] for record in document["Records"]] == ["k", "l"]
    assert f"Content-Length: {len(body)}".encode() in head
    assert head.startswith(b"POST / HTTP/1.1\r\nHost: kinesis.eu-west-1.amazonaws.com\r\n")


def test_all_taken_by_two_shards(calls: PutRecordsCalls) -> None:
    reading = calls.read(200, answer(taken(12), taken(99, 1), taken(7), taken(100, 1)), 4)
    assert reading.outcome is Outcome.ACCEPTED
    assert not reading.refused
    assert set(reading.receipts) == {
        Receipt("shardId-000000000000", "7", "12", 2),
        Receipt("shardId-000000000001", "99", "100", 2),
    }


def test_some_refused(calls: PutRecordsCalls) -> None:
    throttled = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "m"}
    failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "m"}
    reading = calls.read(200, answer(taken(1), throttled, failed, taken(2)), 4)
    assert reading.outcome is Outcome.ACCEPTED
    assert reading.again
    assert reading.refused == {
        1: "throttle_provisioned_throughput_exceeded",
        2: "internal_failure",
    }
    assert reading.receipts == (Receipt("shardId-000000000000", "1", "2", 2),)


def test_empty_codes_are_no_refusals(calls: PutRecordsCalls) -> None:
    reading = calls.read(200, answer({**taken(1), "ErrorCode": None, "ErrorMessage": None}), 1)
    assert reading.outcome is Outcome.ACCEPTED
    assert not reading.refused


@pytest.mark.parametrize(
    ("status", "body", "outcome", "kind", "again"),
    [
        (
            400,
            b'{"__type":"ProvisionedThroughputExceededException","message":"m"}',
            Outcome.REJECTED,
            "throttle_provisioned_throughput_exceeded",
            True,
        ),
        (
            400,
            b'{"__type":"ResourceNotFoundException","message":"m"}',
            Outcome.REJECTED,
            "resource_not_found",
            False,
        ),
        (400, b'{"__type":"ExpiredTokenException"}', Outcome.REJECTED, "expired_token", True),
        (500, b'{"__type":"InternalFailure"}', Outcome.INDETERMINATE, "internal_failure", True),
        (503, b'{"__type":"ServiceUnavailable"}', Outcome.REJECTED, "service_unavailable", True),
        (502, b"<html>", Outcome.INDETERMINATE, "http_502", True),
        (413, b"", Outcome.REJECTED, "http_413", False),
        (429, b"{}", Outcome.REJECTED, "throttle_http_429", True),
        (200, b"[]", Outcome.INDETERMINATE, "unreadable_answer", False),
        (200, b"not json", Outcome.INDETERMINATE, "unreadable_answer", False),
        (200, b'{"Records":[]}', Outcome.INDETERMINATE, "answer_of_other_length", False),
        (200, b'{"Records":[7]}', Outcome.INDETERMINATE, "unreadable_answer", False),
        (200, b'{"Records":[{}]}', Outcome.INDETERMINATE, "unreadable_answer", False),
    ],
)
def test_calls_that_fail_as_a_whole(
    calls: PutRecordsCalls, status: int, body: bytes, outcome: Outcome, kind: str, again: bool
) -> None:
    reading = calls.read(status, body, 1)
    assert (reading.outcome, reading.kind, reading.again) == (outcome, kind, again)


def test_the_sample_answer_is_an_answer(calls: PutRecordsCalls) -> None:
    parsed = AnswerParser().feed(calls.sample_answer(3))
    assert parsed is not None
    reading = calls.read(parsed.status, parsed.body, 3)
    assert reading.outcome is Outcome.ACCEPTED
    assert sum(receipt.records for receipt in reading.receipts) == 3


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ProvisionedThroughputExceededException", "throttle_provisioned_throughput_exceeded"),
        ("KMSThrottlingException", "throttle_kms_throttling"),
        ("ValidationException", "validation"),
        ("KMSAccessDeniedException", "kms_access_denied"),
        ("http_503", "http_503"),
    ],
)
def test_kinds(code: str, kind: str) -> None:
    assert kind_of(code) == kind


def test_codes_with_a_namespace() -> None:
    refusal = read_refusal(
        400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}'
    )
    assert refusal == AwsRefusal(400, "ThrottlingException")
    assert refusal.throttle
