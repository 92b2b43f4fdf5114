"""The form of an AWS signature: who asks which service of which region.

Version 4 in the header or the query, and version 2 as S3 still takes it. The signature itself is
not recomputed (any credentials do); everything that AWS checks before it does is. Messages are
AWS's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request

_ALGORITHM = "AWS4-HMAC-SHA256"
_ASYMMETRIC = "AWS4-ECDSA-P256-SHA256"
_REGION = re.compile(r"[a-z0-9-]{1,64}|\*")
_SERVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_KNOWN_LIMIT = 4096

INCOMPLETE = "IncompleteSignatureException"


@dataclass(frozen=True, slots=True)
class Scope:
    """The credential scope: ``date`` is ``YYYYMMDD``, empty in version 2."""

    access_key: str
    date: str
    region: str
    service: str


class Signatures:
    """Reads scopes; remembers those it has read, as clients send the same ones all day.

    What it remembers is the whole header up to the digest, the signed names among it: all that is
    looked at of one header is in the other too.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Scope] = {}
        self._good_stamp = ""
        """The newest ``X-Amz-Date`` of the right form: callers share it for a second."""

    def read(self, request: Request) -> Scope | None:
        """The scope a request is signed for; None where it is not signed.

        Raises ``AwsError`` (``IncompleteSignatureException``, ``SignatureDoesNotMatch``) for a
        signature of the wrong form, and ``AccessDenied`` for a presigned address that has expired.
        """
        authorization = request.headers.get("authorization")
        if authorization is None:
            return self._presigned(request)
        if authorization.startswith("Bearer "):  # a Bedrock API key
            return None
        head, _, digest = authorization.rpartition(", Signature=")
        known = self._known.get(head)
        if known is not None and _SIGNATURE.fullmatch(digest):
            scope = known  # the usual way to write it, seen before
        else:
            scope = self._parse(authorization)
            if head and len(self._known) < _KNOWN_LIMIT:
                self._known[head] = scope
        if not scope.date:
            return scope
        stamp = request.headers.get("x-amz-date")
        if stamp is None or stamp != self._good_stamp or not stamp.startswith(scope.date):
            stamp = _stamp_of(request, stamp)
            _check_date(stamp, scope)
            self._good_stamp = stamp
        return scope

    def _parse(self, authorization: str) -> Scope:
        algorithm, _, rest = authorization.partition(" ")
        if algorithm == "AWS" and ":" in rest:
            return Scope(rest.partition(":")[0], "", "us-east-1", "s3")
        if algorithm == _ASYMMETRIC:
            return _parse_scope(_members(rest).get("Credential", ""), regional=False)
        if algorithm != _ALGORITHM:
            raise _incomplete(
                f"Authorization header requires '{_ALGORITHM}' algorithm."
                f" Authorization={algorithm or authorization}"
            )
        members = _members(rest)
        missing = [
            f"Authorization header requires '{name}' parameter."
            for name in ("Credential", "Signature", "SignedHeaders")
            if not members.get(name)
        ]
        if missing:
            raise _incomplete(" ".join((*missing, f"Authorization={algorithm}")))
        scope = _parse_scope(members["Credential"], regional=True)
        if "host" not in members["SignedHeaders"].lower().split(";"):
            raise _incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.")
        if not _SIGNATURE.fullmatch(members["Signature"]):
            raise AwsError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided."
                " Check your AWS Secret Access Key and signing method. Consult the service"
                " documentation for details.",
                403,
            )
        return scope

    def _presigned(self, request: Request) -> Scope | None:
        if "X-Amz-" not in request.query and "AWSAccessKeyId=" not in request.query:
            return None
        arguments = request.arguments()
        if "AWSAccessKeyId" in arguments:
            return self._presigned_v2(arguments)
        credential = arguments.get("X-Amz-Credential")
        if credential is None and "X-Amz-Signature" not in arguments:
            return None
        missing = [
            f"AWS query-string parameters must include '{name}'."
            for name in (
                "X-Amz-Algorithm",
                "X-Amz-Credential",
                "X-Amz-Signature",
                "X-Amz-SignedHeaders",
                "X-Amz-Date",
            )
            if not arguments.get(name)
        ]
        if missing:
            raise _incomplete(" ".join((*missing, "Re-examine the query-string parameters.")))
        assert credential is not None, "it is among those that must be there"
        scope = _parse_scope(credential, regional=arguments["X-Amz-Algorithm"] != _ASYMMETRIC)
        stamp, life_s = arguments["X-Amz-Date"], arguments.get("X-Amz-Expires", "86400")
        signed = _check_date(stamp, scope)
        if not (life_s.isdecimal() and len(life_s) < 10):
            raise AwsError("AuthorizationQueryParametersError", "X-Amz-Expires must be a number")
        self._check_expiry(signed.timestamp() + int(life_s))
        return scope

    def _presigned_v2(self, arguments: Mapping[str, str]) -> Scope:
        expires = arguments.get("Expires", "")
        if not (arguments.get("Signature") and expires.isdigit() and len(expires) < 12):
            raise AwsError(
                "AccessDenied",
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId"
                " parameters",
                403,
            )
        self._check_expiry(float(expires))
        return Scope(arguments["AWSAccessKeyId"], "", "us-east-1", "s3")

    def _check_expiry(self, expires_s: float) -> None:
        if self._clock.wall_s() > expires_s:
            raise AwsError("AccessDenied", "Request has expired", 403)


def _members(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.split(","))
    return {name: value for name, _, value in pairs}


def _parse_scope(credential: str, *, regional: bool) -> Scope:
    parts = credential.split("/")
    count = 5 if regional else 4
    if len(parts) > count:  # an access key may hold slashes
        parts = ["/".join(parts[: 1 - count]), *parts[1 - count :]]
    if len(parts) != count:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g."
            f" keyid/date/region/service/term, got '{credential}'"
        )
    key, date, region, service, term = parts if regional else (*parts[:2], "us-east-1", *parts[2:])
    if term != "aws4_request":
        raise _mismatch(
            f"Credential should be scoped with a valid terminator: 'aws4_request', not '{term}'."
        )
    if not (key and _SERVICE.fullmatch(service)):
        raise _mismatch(f"Credential should be scoped to correct service: '{service}'.")
    if not _REGION.fullmatch(region):
        raise _mismatch(f"Credential should be scoped to a valid region, not '{region}'.")
    if not (len(date) == 8 and date.isdigit()):
        raise _mismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from"
            f" HTTP: '{date}'."
        )
    return Scope(key, date, region, service)


def _stamp_of(request: Request, stamp: str | None) -> str:
    if stamp is not None:
        return stamp
    date = request.headers.get("date")
    if date is None:
        raise _incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            f" Authorization={_ALGORITHM}"
        )
    try:
        return parsedate_to_datetime(date).strftime("%Y%m%dT%H%M%SZ")
    except ValueError:
        return date


def _check_date(stamp: str, scope: Scope) -> datetime:
    """The moment it names. Raises where it names none, or one of another day than the scope's."""
    moment = _moment(stamp)
    if moment is None:
        raise _incomplete(
            "Date must be in ISO-8601 'basic format'."
            f" Got '{stamp}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )
    if stamp[:8] != scope.date:
        raise _mismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from"
            f" HTTP: '{scope.date}' != '{stamp[:8]}', from '{stamp}'."
        )
    return moment


def _moment(stamp: str) -> datetime | None:
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:  # such as the 31st of June
        return None


def _incomplete(message: str) -> AwsError:
    return AwsError(INCOMPLETE, message)


def _mismatch(message: str) -> AwsError:
    return AwsError("SignatureDoesNotMatch", message, 403)
