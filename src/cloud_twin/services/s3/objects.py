"""Operations on single objects: put, get, head, copy, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer
from cloud_twin.services.s3.bodies import BodyStore
from cloud_twin.services.s3.buckets import Bucket, Buckets, StoredObject, check_key
from cloud_twin.services.s3.checksums import md5_hex, verified
from cloud_twin.services.s3.conditions import byte_range, check_read, check_write
from cloud_twin.services.s3.documents import document, http_time, iso_time, parse
from cloud_twin.services.s3.refusals import (
    invalid_argument,
    invalid_request,
    malformed_xml,
    not_implemented,
)

METADATA_LIMIT_BYTES = 2048
DELETES_LIMIT = 1000
_META = "x-amz-meta-"
_KEPT = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_OVERRIDES = {f"response-{name}": name for name in _KEPT[:6]}
_REFUSED = ("x-amz-tagging", "x-amz-server-side-encryption-customer-algorithm")
"""Headers that would have to be honoured later."""
_OWNER_ACL = "bucket-owner-full-control"
_DEFAULT_TYPE = "binary/octet-stream"


class Objects:
    """What can be done with objects; the bodies are in ``bodies``."""

    def __init__(self, buckets: Buckets, bodies: BodyStore) -> None:
        self._buckets = buckets
        self._bodies = bodies

    def put(
        self, bucket: Bucket, key: str, headers: Mapping[str, str], data: bytes, now_s: float
    ) -> Answer:
        """PutObject."""
        check_key(key)
        check_write(headers, key, bucket.objects.get(key))
        kept = kept_headers(headers)
        checksums = verified(data, headers)
        etag = f'"{md5_hex(data)}"'
        body = self._bodies.keep(data)
        self.replace(bucket, StoredObject(key, body, len(data), etag, now_s, kept, checksums))
        answer = {"etag": etag, **checksums}
        if checksums:
            answer["x-amz-checksum-type"] = "FULL_OBJECT"
        return Answer(b"", 200, answer)

    def get(
        self,
        bucket: Bucket,
        key: str,
        headers: Mapping[str, str],
        parameters: Mapping[str, Any],
        head: bool,
    ) -> Answer:
        """GetObject and HeadObject."""
        if "partNumber" in parameters:
            raise not_implemented("partNumber")
        stored = bucket.get(key)
        if not check_read(headers, stored):
            return Answer(
                b"", 304, {"etag": stored.etag, "last-modified": http_time(stored.modified_s)}
            )
        answer = _described(stored)
        for parameter, name in _OVERRIDES.items():
            if parameters.get(parameter):
                answer[name] = parameters[parameter]
        part = byte_range(headers.get("range"), stored.size)
        first, end = part or (0, stored.size)
        if part is not None:
            answer["content-range"] = f"bytes {first}-{end - 1}/{stored.size}"
        elif headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and stored.checksums:
            answer |= stored.checksums
            answer["x-amz-checksum-type"] = stored.checksum_type
        status = 206 if part is not None else 200
        if head:
            answer["content-length"] = str(end - first)
            return Answer(b"", status, answer)
        return Answer(self._bodies.read(stored.body, first, end), status, answer)

    def copy(self, bucket: Bucket, key: str, headers: Mapping[str, str], now_s: float) -> Answer:
        """CopyObject."""
        check_key(key)
        source_bucket, source = self.source_of(headers)
        directive = headers.get("x-amz-metadata-directive", "COPY").upper()
        if directive not in ("COPY", "REPLACE"):
            raise invalid_argument(
                "Unknown metadata directive.", "x-amz-metadata-directive", directive
            )
        if source_bucket is bucket and source.key == key and directive == "COPY":
            raise invalid_request(
                "This copy request is illegal because it is trying to copy an object to itself"
                " without changing the object's metadata, storage class, website redirect location"
                " or encryption attributes."
            )
        check_write(headers, key, bucket.objects.get(key))
        kept = kept_headers(headers) if directive == "REPLACE" else source.headers
        data = self._bodies.read(source.body)
        body = self._bodies.keep(data)
        etag = f'"{md5_hex(data)}"'
        self.replace(
            bucket, StoredObject(key, body, len(data), etag, now_s, kept, source.checksums,
                                 source.checksum_type)
        )  # fmt: skip
        return document("CopyObjectResult", [("LastModified", iso_time(now_s)), ("ETag", etag)])

    def delete(self, bucket: Bucket, key: str, headers: Mapping[str, str]) -> Answer:
        """DeleteObject: also a success when there was none."""
        if "if-match" in headers:
            check_write(headers, key, bucket.objects.get(key))
        self.remove(bucket, key)
        return Answer(b"", 204)

    def delete_many(self, bucket: Bucket, body: bytes) -> Answer:
        """DeleteObjects."""
        tree = parse(body, "Delete")
        keys = [element.findtext("Key") for element in tree.findall("Object")]
        if not keys or len(keys) > DELETES_LIMIT or not all(keys):
            raise malformed_xml()
        quiet = tree.findtext("Quiet", "").strip().lower() == "true"
        for key in keys:
            self.remove(bucket, str(key))
        deleted = [] if quiet else [("Deleted", [("Key", str(key))]) for key in keys]
        return document("DeleteResult", deleted)

    # --- shared with multipart uploads ------------------------------------------------------

    def source_of(self, headers: Mapping[str, str]) -> tuple[Bucket, StoredObject]:
        """Where a copy comes from. Raises when it is not there or its conditions fail."""
        text = headers.get("x-amz-copy-source", "")
        path, _, version = text.partition("?")
        if version:
            raise not_implemented("versionId")
        name, _, key = unquote(path).lstrip("/").partition("/")
        if not name or not key:
            raise invalid_argument(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                "x-amz-copy-source",
                text,
            )
        bucket = self._buckets.get(name)
        stored = bucket.get(key)
        check_read(headers, stored, "x-amz-copy-source-")
        return bucket, stored

    def replace(self, bucket: Bucket, stored: StoredObject) -> None:
        """Put an object in and drop the body of the one before it."""
        before = bucket.put(stored)
        if before is not None:
            self._bodies.drop(before.body)

    def remove(self, bucket: Bucket, key: str) -> None:
        """Take an object out, if it is there."""
        before = bucket.remove(key)
        if before is not None:
            self._bodies.drop(before.body)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What is stored with an object. Raises ``MetadataTooLarge``, ``InvalidRequest``."""
    if any(name.startswith("x-amz-object-lock-") for name in headers):
        raise invalid_request("Bucket is missing Object Lock Configuration")
    for name in _REFUSED:
        if headers.get(name):
            raise not_implemented(name)
    if headers.get("x-amz-acl", _OWNER_ACL) not in ("private", _OWNER_ACL):
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")
    kept = {name: headers[name] for name in _KEPT if headers.get(name)}
    kept.setdefault("content-type", _DEFAULT_TYPE)
    codings = [each.strip() for each in kept.pop("content-encoding", "").split(",")]
    if coding := ",".join(each for each in codings if each and each != "aws-chunked"):
        kept["content-encoding"] = coding
    if kept.get("x-amz-storage-class") == "STANDARD":
        del kept["x-amz-storage-class"]
    own = {name: value for name, value in headers.items() if name.startswith(_META)}
    size = sum(len(name) - len(_META) + len(value.encode()) for name, value in own.items())
    if size > METADATA_LIMIT_BYTES:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        fields = {"Size": size, "MaxSizeAllowed": METADATA_LIMIT_BYTES}
        raise AwsError("MetadataTooLarge", message, 400, fields)
    return kept | own


def _described(stored: StoredObject) -> dict[str, str]:
    return {
        **stored.headers,
        "etag": stored.etag,
        "last-modified": http_time(stored.modified_s),
        "accept-ranges": "bytes",
    }
