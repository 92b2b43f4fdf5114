"""The form of signatures, held to those that botocore makes."""

from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.clock import ManualClock, SystemClock
from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.server.signature import Scope, Signatures

GOOD = (
    "AWS4-HMAC-SHA256 Credential=key/20250615/us-east-1/kinesis/aws4_request,"
    f" SignedHeaders=host;x-amz-date, Signature={'0f' * 32}"
)
DATE = "20250615T120000Z"


def read(authorization: str, **headers: str) -> Scope | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("POST", "/", headers={"authorization": authorization, **named})
    return Signatures(ManualClock()).read(request)


@given(
    key=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=20),
    region=st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "ap-southeast-4"]),
    service=st.sampled_from(["kinesis", "dynamodb", "s3", "bedrock", "monitoring"]),
    presigned=st.booleans(),
)
def test_what_botocore_signs_is_read(key: str, region: str, service: str, presigned: bool) -> None:
    asked = AWSRequest("POST", "http://127.0.0.1:1/x", headers={"Host": "127.0.0.1:1"})
    signer = SigV4QueryAuth if presigned else SigV4Auth
    signer(Credentials(key, "secret"), service, region).add_auth(asked)
    url = asked.prepare().url
    headers = {name.lower(): value for name, value in asked.headers.items()}
    request = Request("POST", "/x", url.partition("?")[2], headers)
    signatures = Signatures(SystemClock())
    for _ in range(2):  # the second time it is known
        scope = signatures.read(request)
        assert scope is not None
        assert (scope.access_key, scope.region, scope.service) == (key, region, service)


def test_without_a_signature_there_is_no_scope() -> None:
    assert Signatures(ManualClock()).read(Request("GET", "/b?list-type=2")) is None


def test_version_two_means_s3() -> None:
    scope = read("AWS key:c2lnbmF0dXJl")
    assert scope is not None
    assert (scope.access_key, scope.service) == ("key", "s3")


BROKEN = [
    ("Basic dXNlcjpwYXNz", "requires 'AWS4-HMAC-SHA256' algorithm"),
    ("AWS4-HMAC-SHA256", "requires 'Credential' parameter.*'Signature'.*'SignedHeaders'"),
    (GOOD.replace(", Signature=", ", Sig="), "requires 'Signature' parameter"),
    (GOOD.replace("/aws4_request", ""), "exactly 5 slash-delimited elements"),
    (GOOD.replace("host;", ""), "'Host' must be a 'SignedHeader'"),
]
MISMATCHED = [
    (GOOD.replace("aws4_request", "aws5_request"), "valid terminator"),
    (GOOD.replace("us-east-1", "Moon!"), "valid region"),
    (GOOD.replace("20250615", "2025-06-15"), "YYYYMMDD"),
    (GOOD.replace("20250615", "20250614"), "'20250614' != '20250615'"),
    (GOOD.replace("/kinesis/", "//"), "correct service"),
    (GOOD.replace("0f0f", "0F0F"), "does not match the signature you provided"),
]


@pytest.mark.parametrize(("authorization", "message"), BROKEN)
def test_an_incomplete_signature_is_named_so(authorization: str, message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        read(authorization, x_amz_date=DATE)
    assert caught.value.code == "IncompleteSignatureException"


@pytest.mark.parametrize(("authorization", "message"), MISMATCHED)
def test_a_signature_for_something_else_is_named_so(authorization: str, message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        read(authorization, x_amz_date=DATE)
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "headers", [{}, {"x_amz_date": "2025-06-15"}, {"date": "yesterday"}], ids=str
)
def test_a_signature_needs_its_date(headers: dict[str, str]) -> None:
    with pytest.raises(AwsError) as caught:
        read(GOOD, **headers)
    assert caught.value.code == "IncompleteSignatureException"


def test_the_date_may_come_in_the_http_header() -> None:
    assert read(GOOD, date="Sun, 15 Jun 2025 12:00:00 GMT") is not None


def presigned(clock: ManualClock, **changes: str) -> Scope | None:
    arguments = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "key%2F20250615%2Fus-east-1%2Fs3%2Faws4_request",
        "X-Amz-Date": "20250615T150640Z",
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0f" * 32,
    } | changes
    query = "&".join(f"{name}={value}" for name, value in arguments.items() if value)
    return Signatures(clock).read(Request("GET", "/b/k", query))


def test_a_presigned_address_expires() -> None:
    clock = ManualClock(1_750_000_000.0)  # 2025-06-15T15:06:40Z
    assert presigned(clock) is not None
    clock.advance(61)
    with pytest.raises(AwsError, match="Request has expired") as caught:
        presigned(clock)
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)


@pytest.mark.parametrize("missing", ["X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders"])
def test_a_presigned_address_must_be_whole(missing: str) -> None:
    with pytest.raises(AwsError, match=f"must include '{missing}'"):
        presigned(ManualClock(), **{missing: ""})
