"""The front door of the services that moto serves: who gets in, and how a refusal is written.

moto asks nobody for a signature, and takes an unsigned call that it cannot place for one of S3. So
AWS's own first question is asked here. Of these services the twin has no model: how a caller
speaks is told from the request alone.
"""

from __future__ import annotations

import re
import uuid

import cbor2
import orjson

from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.server.wire import query_error
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.service import Protocols

_OPEN_TARGETS = ("AWSCognitoIdentityService.", "AWSCognitoIdentityProviderService.")
_OPEN_ACTIONS = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
_SIMPLE_DB = b"Version=2009-04-15"
"""SimpleDB's callers sign in the form itself, by version 2."""
_XML_SERVICES = re.compile(r"/(cloudfront|route53)/aws4_request")


def takes_unsigned(request: Request) -> bool:
    """Whether this is one of the calls that nobody signs, or of those signed in their body."""
    if request.headers.get("x-amz-target", "").startswith(_OPEN_TARGETS):
        return True
    return request.is_form and (request.action in _OPEN_ACTIONS or _SIMPLE_DB in request.body)


def protocol_of(request: Request) -> Protocols:
    """The protocol whose names and statuses the caller expects of an error."""
    if "x-amz-target" in request.headers or "smithy-protocol" in request.headers:
        return Protocols.JSON_1_1
    return Protocols.MODELLED if request.is_form else Protocols.REST_JSON


def encode_error(request: Request, error: AwsError) -> Encoded:
    """A refusal, written as the caller writes."""
    request_id = str(uuid.uuid4())
    if "smithy-protocol" in request.headers:
        members = {"__type": error.code, "message": error.message}
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        encoded = Encoded(error.status, headers, cbor2.dumps(members))
    elif request.is_form or _XML_SERVICES.search(request.headers.get("authorization", "")):
        encoded = query_error.encode(error, request_id)
    else:
        kind = request.headers.get("content-type", "")
        if not kind.startswith("application/x-amz-json-"):
            kind = "application/json"
        body = orjson.dumps({"__type": error.code, "message": error.message})
        headers = {"content-type": kind, "x-amzn-errortype": error.code}
        encoded = Encoded(error.status, headers, body)
    encoded.headers["x-amzn-requestid"] = request_id
    return encoded
