"""Every signature is the one that botocore makes."""

from __future__ import annotations

import datetime
from hashlib import sha256
from unittest.mock import patch
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from squall.targets.aws.signing import Keys, Scope, Shape, Signer, derived_key

KEYS = st.builds(
    Keys,
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=20),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60),
    st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
)
SCOPES = st.builds(
    Scope,
    st.sampled_from(["us-east-1", "eu-west-1", "ap-southeast-2"]),
    st.sampled_from(["kinesis", "lambda", "dynamodb", "monitoring"]),
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1)
OWN = {"authorization", "date", "x-amz-date", "x-amz-security-token", "host", "content-length"}
UNSIGNED = {"expect", "transfer-encoding", "user-agent", "x-amzn-trace-id", "connection"}
HEADERS = st.dictionaries(
    NAMES.filter(lambda name: name.lower() not in OWN | UNSIGNED | {"x-amz-content-sha256"}),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    max_size=4,
)
PATHS = st.lists(st.text(max_size=8), max_size=4).map(
    lambda parts: "/" + "/".join(quote(part, safe="") for part in parts)
)
QUERIES = st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), max_size=3)
TIMES = st.floats(1_000_000_000, 4_000_000_000)


def by_botocore(
    shape: Shape, scope: Scope, keys: Keys, body: bytes, now_s: float
) -> tuple[str, str]:
    """The Authorization and X-Amz-Date fields."""
    query = f"?{urlencode(shape.query, quote_via=quote)}" if shape.query else ""
    request = AWSRequest(
        method=shape.method,
        url=f"https://{shape.headers['Host']}{shape.path}{query}",
        headers=dict(shape.headers),
        data=body,
    )
    moment = datetime.datetime.fromtimestamp(int(now_s), datetime.UTC)
    credentials = Credentials(keys.access_key, keys.secret_key, keys.token)
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4Auth(credentials, scope.service, scope.region).add_auth(request)
    return request.headers["Authorization"], request.headers["X-Amz-Date"]


def fields_of(text: bytes) -> dict[str, str]:
    lines = text.decode().removesuffix("\r\n").split("\r\n")
    return dict(line.split(": ", 1) for line in lines)


def distinct(headers: dict[str, str]) -> bool:
    return len({name.lower() for name in headers}) == len(headers)


@given(
    keys=KEYS,
    scope=SCOPES,
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=PATHS,
    query=QUERIES,
    headers=HEADERS.filter(distinct),
    bodies=st.lists(st.tuples(st.binary(), TIMES), min_size=1, max_size=3),
)
def test_every_signature_is_botocores(
    keys: Keys,
    scope: Scope,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    bodies: list[tuple[bytes, float]],
) -> None:
    shape = Shape(method, path, {"Host": "service.example.com", **headers}, tuple(query))
    signer = Signer(shape, scope, keys)
    for body, now_s in bodies:
        fields = fields_of(signer.sign(body, now_s))
        authorization, stamp = by_botocore(shape, scope, keys, body, now_s)
        assert fields["Authorization"] == authorization
        assert fields["X-Amz-Date"] == stamp
        assert fields.get("X-Amz-Security-Token") == keys.token
        digest = sha256(body).hexdigest()
        assert fields_of(signer.sign_digest(digest, now_s)) == fields


@given(old=KEYS, new=KEYS, body=st.binary(), now_s=TIMES)
def test_new_keys_count_from_the_next_request_on(
    old: Keys, new: Keys, body: bytes, now_s: float
) -> None:
    shape, scope = Shape("POST", "/", {"Host": "h"}), Scope("us-east-1", "kinesis")
    signer = Signer(shape, scope, old)
    signer.sign(body, now_s)
    signer.keys = new
    assert signer.sign(body, now_s) == Signer(shape, scope, new).sign(body, now_s)


def test_the_derived_key_is_that_of_the_documentation() -> None:
    # AWS General Reference, "Examples of how to derive a signing key".
    key = derived_key(
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", Scope("us-east-1", "iam")
    )
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


def test_keys_keep_their_secrets() -> None:
    shown = repr(Keys("AKIDEXAMPLE", "very-secret", "token-too"))
    assert "secret" not in shown
    assert "token" not in shown


@pytest.mark.parametrize("moment", [1_700_000_000.0, 1_700_006_400.9])
def test_a_day_change_changes_the_scope(moment: float) -> None:
    signer = Signer(
        Shape("POST", "/", {"Host": "h"}), Scope("us-east-1", "kinesis"), Keys("A", "B")
    )
    signer.sign(b"", 1_699_920_000.0)
    fields = fields_of(signer.sign(b"", moment))
    day = datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y%m%d")
    assert f"A/{day}/us-east-1/kinesis/aws4_request" in fields["Authorization"]
