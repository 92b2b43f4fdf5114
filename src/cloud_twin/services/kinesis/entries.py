"""The records of a put request as columns, checked in bulk.

This is where a stream's CPU goes, so the usual request is checked with a few passes in C over
whole columns; only one that fails is looked at record by record, to name the culprit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, itemgetter, or_
from typing import Any

try:  # the interpreter's own MD5 takes a third of OpenSSL's time on texts this short
    from _md5 import md5  # type: ignore[import-not-found]
except ImportError:  # an interpreter built without it
    from hashlib import md5

from cloud_twin.errors import AwsError
from cloud_twin.services.kinesis.hash_range import KEY_SPACE
from cloud_twin.services.kinesis.parameters import HASH_KEY, optional_text, text
from cloud_twin.services.kinesis.refusals import invalid, unserializable, violation

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_KEY = itemgetter("PartitionKey")
_DATA = itemgetter("Data")
_LONGEST_KEY = 256


@dataclass(frozen=True, slots=True)
class Entries:
    """Columns of one length."""

    keys: Sequence[str]
    data: Sequence[str]
    """Base64 text, checked."""
    sizes_bytes: Sequence[int]
    """Of each: data, decoded, and partition key."""
    explicit: Sequence[str | None] | None
    """ExplicitHashKey of each; None where no record has one."""

    def digests(self) -> list[bytes]:
        """The hash key of each record: 16 bytes, big end first."""
        digests = [md5(key.encode()).digest() for key in self.keys]
        for place, hash_key in enumerate(self.explicit or ()):
            if hash_key is not None:
                digests[place] = int(hash_key).to_bytes(16, "big")
        return digests


def read_entries(records: list[Any], most_bytes: int, where: str = "records.{}.member.") -> Entries:
    """Columns of decoded request entries. Raises ``AwsError`` for the first bad one.

    ``most_bytes``: the largest record, data and partition key. ``where`` is how an error names
    the n-th entry.
    """
    try:
        keys = list(map(_KEY, records))
        data = list(map(_DATA, records))
        data_sizes = _decoded_sizes(data)
        key_text = "".join(keys)
        key_lengths = list(map(len, keys))
    except (KeyError, TypeError, UnicodeEncodeError):
        data_sizes = None
    if (
        data_sizes is None
        or min(key_lengths) < 1
        or max(key_lengths) > _LONGEST_KEY
        or not _is_encodable(key_text)
    ):
        raise _first_fault(records, most_bytes, where)
    if not key_text.isascii():
        key_lengths = [len(key.encode()) for key in keys]
    sizes = list(map(add, data_sizes, key_lengths))
    explicit = None
    if max(map(len, records)) > 2:
        explicit = [_explicit(record, where.format(n)) for n, record in enumerate(records, 1)]
    if max(sizes) > most_bytes:
        raise _first_fault(records, most_bytes, where)
    return Entries(keys, data, sizes, explicit)


def _decoded_sizes(data: list[str]) -> list[int] | None:
    """How many bytes each base64 text stands for; None if any is not base64.

    The texts are checked as lines of one: what the alphabet leaves of a line must be at most two
    ``=``, and the line must end with them.
    """
    lengths = list(map(len, data))
    if reduce(or_, lengths, 0) & 3:
        return None
    left = "\n".join(data).encode("ascii").translate(None, _BASE64)
    if left == b"\n" * (len(data) - 1):
        return [length * 3 >> 2 for length in lengths]
    padding = left.decode().split("\n")
    pads = list(map(len, padding))
    if len(padding) != len(data) or max(pads) > 2 or left.strip(b"=\n"):
        return None
    if not all(map(str.endswith, data, padding)):
        return None
    return [(length * 3 >> 2) - pad for length, pad in zip(lengths, pads, strict=True)]


def _is_encodable(key_text: str) -> bool:
    """Whether text has no lone surrogates (JSON can spell them; UTF-8 cannot)."""
    if key_text.isascii():
        return True
    try:
        key_text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _explicit(record: dict[str, Any], at: str) -> str | None:
    at += "explicitHashKey"
    hash_key = optional_text(record, "ExplicitHashKey", HASH_KEY, 39, at)
    if hash_key is not None and int(hash_key) >= KEY_SPACE:
        raise invalid(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
            f"Specified value was {hash_key}"
        )
    return hash_key


def _first_fault(records: list[Any], most_bytes: int, where: str) -> AwsError:
    """The error of the first bad record."""
    for number, record in enumerate(records, 1):
        at = where.format(number)
        if not isinstance(record, dict):
            return unserializable(f"{at.rstrip('.')} must be a structure")
        try:
            key = text(record, "PartitionKey", None, _LONGEST_KEY, f"{at}partitionKey")
        except AwsError as error:
            return error
        data = record.get("Data")
        if data is None:
            return violation(None, f"{at}data", "Member must not be null")
        if not isinstance(data, str):
            return unserializable(f"{at}data must be a string of base64")
        size_bytes = _decoded_sizes([data]) if data.isascii() else None
        if size_bytes is None:
            return unserializable(f"{at}data can not be converted to a Blob: it is not base64")
        if not _is_encodable(key):
            return unserializable(f"{at}partitionKey is not Unicode text")
        if size_bytes[0] + len(key.encode()) > most_bytes:
            constraint = f"Member must have length less than or equal to {most_bytes}"
            return AwsError(
                "ValidationException",
                f"1 validation error detected: Value at '{at}data' failed to satisfy constraint: "
                f"{constraint}",
            )
    raise AssertionError("called only where a record is bad")
