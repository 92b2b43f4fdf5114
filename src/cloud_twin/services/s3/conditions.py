"""Conditions and ranges of requests: whether to answer, and with which bytes.

Source: S3 user guide, "Conditional requests", and RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import inf

from cloud_twin.errors import AwsError
from cloud_twin.services.s3.buckets import StoredObject
from cloud_twin.services.s3.refusals import no_such_key, not_implemented, precondition_failed

_RANGE = re.compile(r"bytes=(\d{0,20})-(\d{0,20})")


def check_read(headers: Mapping[str, str], stored: StoredObject, prefix: str = "") -> bool:
    """False when the caller's copy is good (304). Raises ``PreconditionFailed``.

    ``prefix``: of the headers of a copy's source (``x-amz-copy-source-``), where a copy that is not
    to be made is always a failed precondition.
    """
    match = headers.get(f"{prefix}if-match")
    none_match = headers.get(f"{prefix}if-none-match")
    if match is not None:
        if not _names(match, stored.etag):
            raise precondition_failed("If-Match")
    elif stored.modified_s >= _time(headers.get(f"{prefix}if-unmodified-since"), inf) + 1.0:
        raise precondition_failed("If-Unmodified-Since")
    unchanged = None
    if none_match is not None:
        unchanged = "If-None-Match" if _names(none_match, stored.etag) else None
    elif stored.modified_s < _time(headers.get(f"{prefix}if-modified-since"), -inf) + 1.0:
        unchanged = "If-Modified-Since"
    if unchanged and prefix:
        raise precondition_failed(unchanged)
    return unchanged is None


def check_write(headers: Mapping[str, str], key: str, stored: StoredObject | None) -> None:
    """Whether to write. Raises ``PreconditionFailed``, ``NoSuchKey`` or ``NotImplemented``."""
    none_match = headers.get("if-none-match")
    if none_match is not None:
        if none_match.strip() != "*":
            raise not_implemented("If-None-Match")
        if stored is not None:
            raise precondition_failed("If-None-Match")
    match = headers.get("if-match")
    if match is not None:
        if stored is None:
            raise no_such_key(key)
        if not _names(match, stored.etag):
            raise precondition_failed("If-Match")


def byte_range(text: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; None for all.

    What is not one well-formed range is ignored, as by S3. Raises ``InvalidRange``.
    """
    found = _RANGE.fullmatch(text.strip()) if text else None
    if found is None or (not found[1] and not found[2]):
        return None
    if found[1]:
        first = int(found[1])
        end = min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < first:
            return None
    else:
        first, end = max(0, size - int(found[2])), size
    if first >= size or first >= end:
        fields = {"RangeRequested": text, "ActualObjectSize": size}
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416, fields)
    return first, end


def _names(condition: str, etag: str) -> bool:
    given = (each.strip().removeprefix("W/").strip('"') for each in condition.split(","))
    return any(each in ("*", etag.strip('"')) for each in given)


def _time(text: str | None, otherwise: float) -> float:
    """Unix seconds; headers have no fractions, so a time stands for the whole second."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else otherwise
    except ValueError:
        return otherwise
