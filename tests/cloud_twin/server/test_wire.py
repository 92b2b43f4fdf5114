"""The port, byte by byte: what AWS's front door says to requests that SDKs do not send."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import cbor2
import pytest
from botocore.loaders import Loader
from tests.cloud_twin.conftest import RunningTwin

from cloud_twin.server.bindings import MOTO_TARGETS


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def xml(self, name: str) -> str | None:
        root = ElementTree.fromstring(self.body)
        return next((each.text for each in root.iter() if each.tag.endswith(name)), None)


def signed(service: str, region: str = "us-east-1") -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "Authorization": (
            f"AWS4-HMAC-SHA256 Credential=key/{now:%Y%m%d}/{region}/{service}/aws4_request,"
            f" SignedHeaders=host;x-amz-date, Signature={'0f' * 32}"
        ),
    }


def ask(
    twin: RunningTwin,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    host: str = "127.0.0.1",
) -> Answer:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{twin.port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    with socket.create_connection(("127.0.0.1", twin.port), 10) as line:
        line.sendall("\r\n".join(lines).encode() + body)
        received = b""
        while data := line.recv(65536):
            received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    first, *others = head.decode().split("\r\n")
    named = dict(other.split(": ", 1) for other in others)
    return Answer(int(first.split()[1]), named, rest)


def target(name: str) -> dict[str, str]:
    return {"X-Amz-Target": name, "Content-Type": "application/x-amz-json-1.1"}


KINESIS = target("Kinesis_20131202.ListStreams")
DYNAMODB = target("DynamoDB_20120810.ListTables")
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
LIST_METRICS = b"Action=ListMetrics&Version=2010-08-01"
RPC = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}

UNSIGNED = [
    ("POST", "/", KINESIS, b"{}", 400, "MissingAuthenticationTokenException"),
    (
        "POST", "/", DYNAMODB, b"{}", 400,
        "com.amazon.coral.service#MissingAuthenticationTokenException",
    ),
    ("GET", "/2015-03-31/functions", {}, b"", 403, "MissingAuthenticationTokenException"),
    ("POST", "/model/m/converse", {}, b"{}", 403, "MissingAuthenticationTokenException"),
    ("GET", "/bucket/key", {}, b"", 403, "AccessDenied"),
    ("POST", "/", FORM, LIST_METRICS, 403, "MissingAuthenticationToken"),
    ("GET", f"/?{LIST_METRICS.decode()}", {}, b"", 403, "MissingAuthenticationToken"),
    # moto's
    (
        "POST", "/", FORM, b"Action=CreateTopic&Name=a&Version=2010-03-31", 403,
        "MissingAuthenticationToken",
    ),
    (
        "POST", "/", FORM, b"Action=GetCallerIdentity&Version=2011-06-15", 403,
        "MissingAuthenticationToken",
    ),
    (
        "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {}, b"", 403,
        "MissingAuthenticationToken",
    ),
    (
        "POST", "/", target("Logs_20140328.DescribeLogGroups"), b"{}", 400,
        "MissingAuthenticationTokenException",
    ),
    (
        "POST", "/service/Logs_20140328/operation/DescribeLogGroups", RPC, b"\xa0", 400,
        "MissingAuthenticationTokenException",
    ),
]  # fmt: skip


def error_code(answer: Answer) -> str | None:
    if "x-amzn-errortype" in answer.headers:
        return answer.headers["x-amzn-errortype"]
    if "cbor" in answer.headers["content-type"]:
        return str(cbor2.loads(answer.body)["__type"])
    if "json" in answer.headers["content-type"]:
        return str(answer.json()["__type"])
    return answer.xml("Code")


@pytest.mark.parametrize(("method", "path", "headers", "body", "status", "code"), UNSIGNED)
def test_unsigned_requests_are_refused_as_the_service_would(
    twin: RunningTwin,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str,
) -> None:
    answer = ask(twin, method, path, headers, body)
    assert (answer.status, error_code(answer)) == (status, code)


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        (KINESIS, "/", 400, "IncompleteSignatureException"),
        (DYNAMODB, "/", 400, "com.amazon.coral.service#IncompleteSignatureException"),
        ({}, "/2015-03-31/functions", 403, "IncompleteSignatureException"),
        ({}, "/bucket/key", 400, "AuthorizationHeaderMalformed"),
        (target("Logs_20140328.DescribeLogGroups"), "/", 400, "IncompleteSignatureException"),
        (FORM, "/", 400, "IncompleteSignature"),
    ],
)
def test_half_a_signature_is_refused(
    twin: RunningTwin, headers: dict[str, str], path: str, status: int, code: str
) -> None:
    half = {"Authorization": "AWS4-HMAC-SHA256 Credential=key"}
    answer = ask(twin, "POST", path, {**headers, **half}, b"{}")
    assert (answer.status, error_code(answer)) == (status, code)


@pytest.mark.parametrize(
    ("service", "name", "code"),
    [
        ("kinesis", "Kinesis_20131202.PutEverything", "UnknownOperationException"),
        (
            "dynamodb",
            "DynamoDB_20120810.Join",
            "com.amazon.coral.service#UnknownOperationException",
        ),
        ("monitoring", "GraniteServiceVersion20100801.Guess", "UnknownOperationException"),
        ("kinesis", "Foo.Nope", "UnknownOperationException"),
        ("dynamodb", "Foo.Nope", "com.amazon.coral.service#UnknownOperationException"),
        ("sqs", "AmazonSQS.Nope", "com.amazon.coral.service#UnknownOperationException"),
        ("sqs", "Foo.Nope", "com.amazon.coral.service#UnknownOperationException"),
        ("monitoring", "Foo.Nope", "UnknownOperationException"),
    ],
)
def test_an_unknown_operation_is_named_so(
    twin: RunningTwin, service: str, name: str, code: str
) -> None:
    answer = ask(twin, "POST", "/", {**target(name), **signed(service)}, b"{}")
    assert (answer.status, answer.json()["__type"]) == (400, code)


@pytest.mark.parametrize("service", ["lambda", "bedrock", "fis", "xray"])
def test_an_unknown_path_is_an_unknown_operation(twin: RunningTwin, service: str) -> None:
    answer = ask(twin, "GET", "/2015-03-31/nothing", signed(service))
    assert (answer.status, error_code(answer)) == (404, "UnknownOperationException")
    assert b"GET /2015-03-31/nothing" in answer.body


@pytest.mark.parametrize(
    ("service", "version", "message"),
    [
        ("monitoring", "2010-08-01", "Could not find operation Nope"),
        ("sqs", "2012-11-05", "Unknown operation: Nope. The twin speaks AWS JSON with SQS"),
    ],
)
def test_a_forms_unknown_action_is_named(
    twin: RunningTwin, service: str, version: str, message: str
) -> None:
    form = f"Version={version}&Action=Nope".encode()
    answer = ask(twin, "POST", "/", {**FORM, **signed(service)}, form)
    assert (answer.status, error_code(answer)) == (400, "InvalidAction")
    assert message in (answer.xml("Message") or "")


def test_targets_of_other_services_under_our_names_are_motos() -> None:
    loader, found = Loader(), set()
    ours = {"kinesis", "dynamodb", "sqs", "lambda", "s3", "monitoring"}
    for name in loader.list_available_services("service-2"):
        metadata = loader.load_service_model(name, "service-2")["metadata"]
        if metadata.get("signingName", metadata["endpointPrefix"]) in ours:
            found.add(metadata.get("targetPrefix"))
    served = {"Kinesis_20131202", "DynamoDB_20120810", "AmazonSQS", "GraniteServiceVersion20100801"}
    assert {f"{prefix}." for prefix in found - served - {None}} == set(MOTO_TARGETS)


@pytest.mark.parametrize("body", [b'{"a":', b"[1]", b"3", b"\xff\xfe"])
@pytest.mark.parametrize(
    ("service", "headers", "code"),
    [
        ("kinesis", KINESIS, "SerializationException"),
        ("dynamodb", DYNAMODB, "com.amazon.coral.service#SerializationException"),
        (
            "monitoring",
            target("GraniteServiceVersion20100801.ListMetrics"),
            "SerializationException",
        ),
    ],
)
def test_what_is_not_a_json_object_is_refused(
    twin: RunningTwin, service: str, headers: dict[str, str], code: str, body: bytes
) -> None:
    answer = ask(twin, "POST", "/", {**headers, **signed(service)}, body)
    assert (answer.status, answer.json()["__type"]) == (400, code)


def test_lambda_refuses_malformed_json_in_its_own_words(twin: RunningTwin) -> None:
    answer = ask(twin, "POST", "/2015-03-31/functions", signed("lambda"), b"{")
    assert (answer.status, error_code(answer)) == (400, "InvalidRequestContentException")
    assert "Could not parse request body into json" in answer.json()["message"]


def test_malformed_cbor_is_refused(twin: RunningTwin) -> None:
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    headers = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
    answer = ask(twin, "POST", path, {**headers, **signed("monitoring")}, b"\xff\x00")
    assert answer.status == 400
    assert b"SerializationException" in answer.body


def test_every_answer_has_a_request_id(twin: RunningTwin) -> None:
    answer = ask(twin, "POST", "/", {**KINESIS, **signed("kinesis")}, b"{}")
    assert answer.status == 200
    assert len(answer.headers["x-amzn-requestid"]) == 36
    answer = ask(twin, "GET", "/no-such-bucket", signed("s3"))
    assert answer.status == 404
    assert answer.headers["x-amz-request-id"] == answer.xml("RequestId")
    assert answer.headers["x-amz-id-2"]


def test_dynamodb_answers_carry_their_checksum(twin: RunningTwin) -> None:
    for body in (b"{}", b"{"):
        answer = ask(twin, "POST", "/", {**DYNAMODB, **signed("dynamodb")}, body)
        assert answer.headers["x-amz-crc32"] == str(zlib.crc32(answer.body))


def test_a_bucket_may_stand_in_the_host(twin: RunningTwin) -> None:
    twin.client("s3").create_bucket(Bucket="audit")
    ask(twin, "PUT", "/a%20b", signed("s3"), b"content", host="audit.localhost")
    answer = ask(twin, "GET", "/a%20b", signed("s3"), host="audit.s3.localhost")
    assert answer.body == b"content"
    assert twin.client("s3").get_object(Bucket="audit", Key="a b")["Body"].read() == b"content"


def test_signed_chunks_of_an_upload_are_put_together(twin: RunningTwin) -> None:
    twin.client("s3").create_bucket(Bucket="audit")
    signature = ";chunk-signature=" + "0f" * 32
    body = (
        f"5{signature}\r\nhello\r\n0{signature}\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n".encode()
    )
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }
    answer = ask(twin, "PUT", "/audit/k", {**headers, **signed("s3")}, body)
    assert answer.status == 200, answer.body
    found = twin.client("s3").get_object(Bucket="audit", Key="k")
    assert found["Body"].read() == b"hello"
    assert found.get("ContentEncoding", "") == ""


def test_ten_megabytes_pass_both_ways(twin: RunningTwin) -> None:
    client = twin.client("s3")
    client.create_bucket(Bucket="audit")
    content = bytes(range(256)) * 40_960
    client.put_object(Bucket="audit", Key="large", Body=content)
    assert client.get_object(Bucket="audit", Key="large")["Body"].read() == content


def test_a_client_that_leaves_in_the_middle_harms_nobody(twin: RunningTwin) -> None:
    for cut in (10, 200, 400):
        with socket.create_connection(("127.0.0.1", twin.port), 10) as line:
            head = "".join(f"{n}: {v}\r\n" for n, v in {**KINESIS, **signed("kinesis")}.items())
            whole = f"POST / HTTP/1.1\r\nHost: twin\r\n{head}Content-Length: 99\r\n\r\n{{".encode()
            line.sendall(whole[:cut])
    assert ask(twin, "POST", "/", {**KINESIS, **signed("kinesis")}, b"{}").status == 200


def test_a_bedrock_key_is_as_good_as_a_signature(twin: RunningTwin) -> None:
    headers = {"Authorization": "Bearer some-key", "Content-Type": "application/json"}
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "?"}]}]}).encode()
    path = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
    answer = ask(twin, "POST", path, headers, body)
    assert answer.status == 200, answer.body
    assert answer.json()["usage"]["inputTokens"] > 0


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://shop.example", 403),
        ("http://localhost.example:8710", 403),
        ("null", 403),
        ("http://localhost:5173", 200),
        ("http://127.0.0.1:8080", 200),
    ],
)
@pytest.mark.parametrize("path", ["/_twin/health", "/2015-03-31/functions"])
def test_pages_of_other_sites_are_refused(
    twin: RunningTwin, origin: str, status: int, path: str
) -> None:
    assert ask(twin, "GET", path, {"Origin": origin, **signed("lambda")}).status == status


def test_an_encoded_slash_stays_inside_a_functions_name(twin: RunningTwin) -> None:
    answer = ask(twin, "GET", "/2015-03-31/functions/a%2Fb", signed("lambda"))
    assert answer.status in (400, 404)
    assert error_code(answer) in ("ValidationException", "ResourceNotFoundException")
