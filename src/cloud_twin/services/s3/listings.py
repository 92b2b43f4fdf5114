"""ListObjects and ListObjectsV2: keys in order, grouped at a delimiter, in pages."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cloud_twin.service import Answer
from cloud_twin.services.s3.buckets import Bucket
from cloud_twin.services.s3.documents import Entry, document, iso_time
from cloud_twin.services.s3.refusals import invalid_argument

PAGE = 1000


@dataclass(slots=True)
class Page:
    """Keys and common prefixes, together at most as many as asked for."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    """The last of them all; a next page starts behind it."""
    truncated: bool = False

    @property
    def size(self) -> int:
        """Keys and prefixes."""
        return len(self.keys) + len(self.prefixes)


def page(keys: Sequence[str], prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """One page of ``keys``, which are sorted.

    ``after``: only what comes behind it; a common prefix that starts with it is behind it only if
    it is not that prefix itself.
    """
    found = Page()
    place = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
    if after and delimiter and after.startswith(prefix) and after.endswith(delimiter):
        group = _group(after, prefix, delimiter)
        if group == after:
            place = max(place, bisect_left(keys, _behind(after)))
    while place < len(keys) and keys[place].startswith(prefix):
        if found.size >= limit:
            found.truncated = limit > 0
            break
        key = keys[place]
        group = _group(key, prefix, delimiter) if delimiter else None
        if group is None:
            found.keys.append(key)
            found.last = key
            place += 1
        else:
            found.prefixes.append(group)
            found.last = group
            place = bisect_left(keys, _behind(group), place)
    return found


def _behind(group: str) -> str:
    """The least text that is behind every key which starts with ``group``."""
    trimmed = group.rstrip(chr(0x10FFFF))
    return trimmed[:-1] + chr(ord(trimmed[-1]) + 1) if trimmed else chr(0x10FFFF) * (len(group) + 1)


def _group(key: str, prefix: str, delimiter: str) -> str | None:
    cut = key.find(delimiter, len(prefix))
    return None if cut < 0 else key[: cut + len(delimiter)]


def list_objects_v2(bucket: Bucket, parameters: Mapping[str, Any], owner: str) -> Answer:
    """Raises ``InvalidArgument``."""
    token = parameters.get("continuation-token")
    start_after = parameters.get("start-after", "")
    after = _decoded(token) if token is not None else start_after
    asked = _Asked.of(parameters)
    found = page(bucket.keys, asked.prefix, asked.delimiter, after, asked.limit)
    entries: list[Entry] = [("Name", bucket.name), ("Prefix", asked.text(asked.prefix))]
    if start_after:
        entries.append(("StartAfter", asked.text(start_after)))
    if token is not None:
        entries.append(("ContinuationToken", token))
    if found.truncated:
        entries.append(("NextContinuationToken", _encoded(found.last)))
    entries += [("KeyCount", found.size), *asked.entries(found)]
    with_owner = parameters.get("fetch-owner") == "true"
    return _answer(bucket, found, asked, entries, owner if with_owner else None)


def list_objects(bucket: Bucket, parameters: Mapping[str, Any], owner: str) -> Answer:
    """The first version. Raises ``InvalidArgument``."""
    marker = parameters.get("marker", "")
    asked = _Asked.of(parameters)
    found = page(bucket.keys, asked.prefix, asked.delimiter, marker, asked.limit)
    entries: list[Entry] = [
        ("Name", bucket.name),
        ("Prefix", asked.text(asked.prefix)),
        ("Marker", asked.text(marker)),
    ]
    if found.truncated and asked.delimiter:
        entries.append(("NextMarker", asked.text(found.last)))
    entries += asked.entries(found)
    return _answer(bucket, found, asked, entries, owner)


@dataclass(frozen=True, slots=True)
class _Asked:
    prefix: str
    delimiter: str
    limit: int
    quoted: bool

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> _Asked:
        encoding = parameters.get("encoding-type")
        if encoding not in (None, "", "url"):
            raise invalid_argument(
                "Invalid Encoding Method specified in Request", "encoding-type", encoding
            )
        return cls(
            parameters.get("prefix", ""),
            parameters.get("delimiter", ""),
            page_size(parameters, "max-keys"),
            encoding == "url",
        )

    def text(self, value: str) -> str:
        return quote(value, safe="/") if self.quoted else value

    def entries(self, found: Page) -> list[Entry]:
        entries: list[Entry] = [("MaxKeys", self.limit), ("IsTruncated", found.truncated)]
        if self.delimiter:
            entries.insert(0, ("Delimiter", self.text(self.delimiter)))
        if self.quoted:
            entries.append(("EncodingType", "url"))
        return entries


def page_size(parameters: Mapping[str, Any], name: str) -> int:
    """At most 1,000. Raises ``InvalidArgument``."""
    text = parameters.get(name)
    if text in (None, ""):
        return PAGE
    if not str(text).isdecimal() or int(text) > 2**31 - 1:
        raise invalid_argument(
            f"Argument {name} must be an integer between 0 and 2147483647", name, str(text)
        )
    return min(int(text), PAGE)


def _answer(
    bucket: Bucket, found: Page, asked: _Asked, entries: list[Entry], owner: str | None
) -> Answer:
    for key in found.keys:
        stored = bucket.objects[key]
        children: list[Entry] = [
            ("Key", asked.text(key)),
            ("LastModified", iso_time(stored.modified_s)),
            ("ETag", stored.etag),
            ("Size", stored.size),
            ("StorageClass", stored.headers.get("x-amz-storage-class", "STANDARD")),
        ]
        if owner is not None:
            children.append(("Owner", [("ID", owner)]))
        entries.append(("Contents", children))
    entries += [("CommonPrefixes", [("Prefix", asked.text(each))]) for each in found.prefixes]
    return document("ListBucketResult", entries)


def _encoded(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token
        ) from None
