"""Checksums of bodies: taken from headers, verified, given back.

CRC32, SHA-1 and SHA-256 are computed here. CRC32C and CRC64NVME have no implementation in the
standard library: what the caller says is kept and given back, and not verified.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping

from cloud_twin.errors import AwsError
from cloud_twin.services.s3.refusals import invalid_request

PREFIX = "x-amz-checksum-"
ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
_SIZES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}

_COMPUTED: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


def md5_hex(data: bytes) -> str:
    """As in an ETag."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def verified(data: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums to keep with a body, by header.

    Raises ``BadDigest`` and ``InvalidDigest`` where the caller's figures are wrong.
    """
    _check_md5(data, headers.get("content-md5"))
    given = {name: headers[PREFIX + name] for name in ALGORITHMS if headers.get(PREFIX + name)}
    if len(given) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple found.")
    for name, value in given.items():
        if not _well_formed(name, value):
            raise invalid_request(f"Value for {PREFIX}{name} header is invalid.")
        compute = _COMPUTED.get(name)
        if compute is not None and base64.b64decode(value) != compute(data):
            message = f"The {name.upper()} you specified did not match the calculated checksum."
            raise AwsError("BadDigest", message)
    if not given:
        wanted = (headers.get("x-amz-sdk-checksum-algorithm") or _trailer(headers)).lower()
        if wanted in _COMPUTED:
            given[wanted] = _encoded(_COMPUTED[wanted](data))
    return {PREFIX + name: value for name, value in given.items()}


def composite(algorithm: str, parts: Iterable[Mapping[str, str]]) -> str | None:
    """The checksum of the parts' checksums, ``…-N``; None where it cannot be computed."""
    name = algorithm.lower()
    compute = _COMPUTED.get(name)
    values = [part.get(PREFIX + name) for part in parts]
    if compute is None or not all(values):
        return None
    joined = b"".join(base64.b64decode(value) for value in values if value)
    return f"{_encoded(compute(joined))}-{len(values)}"


def whole(algorithm: str, data: bytes) -> str | None:
    """The checksum of all bytes; None where it cannot be computed."""
    compute = _COMPUTED.get(algorithm.lower())
    return None if compute is None else _encoded(compute(data))


def _trailer(headers: Mapping[str, str]) -> str:
    trailer = headers.get("x-amz-trailer", "").strip().lower()
    return trailer.removeprefix(PREFIX) if trailer.startswith(PREFIX) else ""


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _well_formed(name: str, value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == _SIZES[name]
    except (binascii.Error, ValueError):
        return False


def _check_md5(data: bytes, given: str | None) -> None:
    if not given:
        return
    try:
        raw = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if raw != hashlib.md5(data, usedforsecurity=False).digest():
        message = "The Content-MD5 you specified did not match what we received."
        raise AwsError("BadDigest", message)
