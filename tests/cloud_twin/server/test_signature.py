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


FRESH, PRIMED = (), (GOOD, f"{GOOD[:-64]}{'a1' * 32}")
"""What an instance has read before: nothing, or good signatures of the same credential."""
both = pytest.mark.parametrize("before", [FRESH, PRIMED], ids=["fresh", "primed"])


def read(authorization: str, before: tuple[str, ...] = FRESH, **headers: str) -> Scope | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    signatures = Signatures(ManualClock())
    for known in before:
        good = {"authorization": known, "x-amz-date": DATE}
        assert signatures.read(Request("POST", "/", headers=good)) is not None
    request = Request("POST", "/", headers={"authorization": authorization, **named})
    return signatures.read(request)


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
    (GOOD.replace("host;x-amz-date", ""), "requires 'SignedHeaders' parameter"),
]
MISMATCHED = [
    (GOOD.replace("aws4_request", "aws5_request"), "valid terminator"),
    (GOOD.replace("us-east-1", "Moon!"), "valid region"),
    (GOOD.replace("20250615", "2025-06-15"), "YYYYMMDD"),
    (GOOD.replace("20250615", "20250614"), "'20250614' != '20250615'"),
    (GOOD.replace("/kinesis/", "//"), "correct service"),
    (GOOD.replace("0f0f", "0F0F"), "does not match the signature you provided"),
    (GOOD[:-1], "does not match the signature you provided"),
]


@both
@pytest.mark.parametrize(("authorization", "message"), BROKEN)
def test_an_incomplete_signature_is_named_so(
    authorization: str, message: str, before: tuple[str, ...]
) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        read(authorization, before, x_amz_date=DATE)
    assert caught.value.code == "IncompleteSignatureException"


@both
@pytest.mark.parametrize(("authorization", "message"), MISMATCHED)
def test_a_signature_for_something_else_is_named_so(
    authorization: str, message: str, before: tuple[str, ...]
) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        read(authorization, before, x_amz_date=DATE)
    assert caught.value.code == "SignatureDoesNotMatch"


UNDATED: list[dict[str, str]] = [
    {},
    {"x_amz_date": "2025-06-15"},
    {"x_amz_date": "20250615garbage!"},
    {"x_amz_date": "20250615T120000z"},
    {"x_amz_date": "20250615T250000Z"},
    {"x_amz_date": "20250615T12000\N{SUPERSCRIPT TWO}Z"},
    {"date": "yesterday"},
]


@both
@pytest.mark.parametrize("headers", UNDATED, ids=str)
def test_a_signature_needs_its_date(headers: dict[str, str], before: tuple[str, ...]) -> None:
    with pytest.raises(AwsError) as caught:
        read(GOOD, before, **headers)
    assert caught.value.code == "IncompleteSignatureException"


@both
def test_a_date_must_be_of_the_scopes_day(before: tuple[str, ...]) -> None:
    yesterdays = GOOD.replace("20250615", "20250614")
    assert read(yesterdays, before, x_amz_date="20250614T235959Z") is not None
    with pytest.raises(AwsError, match="'20250614' != '20250615'"):
        read(yesterdays, before, x_amz_date=DATE)


def test_a_wrong_date_is_not_remembered_as_a_good_one() -> None:
    signatures = Signatures(ManualClock())
    for _ in range(2):
        request = Request(
            "POST", "/", headers={"authorization": GOOD, "x-amz-date": "20250615garbage!"}
        )
        with pytest.raises(AwsError, match="basic format"):
            signatures.read(request)


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


@pytest.mark.parametrize("stamp", ["20250615T150660Z", "20250615T156640Z", "20250631T150640Z"])
def test_a_presigned_date_must_be_one(stamp: str) -> None:
    day = f"key%2F{stamp[:8]}%2Fus-east-1%2Fs3%2Faws4_request"
    with pytest.raises(AwsError, match="basic format"):
        presigned(ManualClock(), **{"X-Amz-Date": stamp, "X-Amz-Credential": day})
