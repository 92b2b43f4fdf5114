"""Signature Version 4, written for many requests that differ only in body and time.

Everything that stays the same is prepared once: the canonical request up to the date, the list
of signed header fields, and the derived key, which is good for one day. What is left for a request
is two SHA-256 digests and one HMAC. A property test holds every signature to botocore's.
Source: AWS General Reference, "Create a signed AWS API request".
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
_DATE_PLACE = "\x00date\x00"


@dataclass(frozen=True, slots=True)
class Keys:
    """One set of credentials. ``token`` is the session token of temporary ones."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Keys({self.access_key[:4]}…)"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where signatures are good: region and the service's signing name."""

    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What stays the same in all requests of one kind.

    ``path`` is as on the wire (already percent-encoded), ``headers`` are all that are signed
    apart from the date and the session token; ``Host`` must be among them.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()


class Signer:
    """Signs requests of one shape. ``keys`` may be replaced at any time."""

    def __init__(self, shape: Shape, scope: Scope, keys: Keys) -> None:
        self._shape = shape
        self._scope = scope
        self._second = -1
        self.keys = keys

    @property
    def keys(self) -> Keys:
        """The credentials in use."""
        return self._keys

    @keys.setter
    def keys(self, keys: Keys) -> None:
        self._keys = keys
        self._day = ""
        self._second = -1
        shape = self._shape
        fields = dict(canonical_headers(shape.headers.items()))
        fields["x-amz-date"] = _DATE_PLACE
        if keys.token is not None:
            fields["x-amz-security-token"] = keys.token
        lines = "".join(f"{name}:{fields[name]}\n" for name in sorted(fields))
        signed = ";".join(sorted(fields))
        whole = "\n".join(
            (shape.method, canonical_path(shape.path), _canonical_query(shape.query), lines, signed)
        )
        self._before, _, self._after = whole.partition(_DATE_PLACE)
        self._signed = signed

    def sign(self, body: bytes | bytearray | memoryview, now_s: float) -> bytes:
        """The header fields that a request with this body needs now, each with its line end.

        ``now_s`` is Unix time.
        """
        return self.sign_digest(sha256(body).hexdigest(), now_s)

    def sign_digest(self, body_sha256: str, now_s: float) -> bytes:
        """As ``sign``, for a body whose SHA-256 is known."""
        second = int(now_s)
        if second != self._second:
            self._enter_second(second)
        canonical = sha256(b"%b\n%b" % (self._canonical, body_sha256.encode())).hexdigest()
        signature = hmac.digest(self._key, self._to_sign + canonical.encode(), "sha256").hex()
        return self._fields + signature.encode() + b"\r\n"

    def _enter_second(self, second: int) -> None:
        """Prepare all that changes with the date."""
        self._second = second
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        day = stamp[:8]
        region, service = self._scope.region, self._scope.service
        scope = f"{day}/{region}/{service}/aws4_request"
        if day != self._day:
            self._day = day
            self._key = derived_key(self._keys.secret_key, day, self._scope)
        self._canonical = (self._before + stamp + self._after).encode()
        self._to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n".encode()
        token = self._keys.token
        self._fields = (
            f"X-Amz-Date: {stamp}\r\n"
            + (f"X-Amz-Security-Token: {token}\r\n" if token is not None else "")
            + f"Authorization: {ALGORITHM} Credential={self._keys.access_key}/{scope}, "
            f"SignedHeaders={self._signed}, Signature="
        ).encode()


def derived_key(secret_key: str, day: str, scope: Scope) -> bytes:
    """The signing key of one day (``YYYYMMDD``), region and service."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names in lower case, values trimmed and with single spaces, in order of name."""
    return sorted((name.lower(), " ".join(value.split())) for name, value in headers)


def canonical_path(path: str) -> str:
    """A wire path, encoded once more, as every service but S3 wants it."""
    return quote(_normalised(path), safe="/~")


def _normalised(path: str) -> str:
    """RFC 3986, section 5.2.4, and single slashes."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    inner = "/".join(parts)
    if not inner:
        return "/"
    return f"/{inner}{'/' if path.endswith('/') else ''}"


def _canonical_query(query: Iterable[tuple[str, str]]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)
