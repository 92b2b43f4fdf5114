"""Multipart uploads: parts in any order, joined on completion."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from uuid import uuid4

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer
from cloud_twin.services.s3.bodies import BodyStore
from cloud_twin.services.s3.buckets import Bucket, Part, StoredObject, Upload, check_key
from cloud_twin.services.s3.checksums import PREFIX, composite, md5_hex, verified, whole
from cloud_twin.services.s3.conditions import byte_range, check_write
from cloud_twin.services.s3.documents import Entry, document, iso_time, parse
from cloud_twin.services.s3.listings import page_size
from cloud_twin.services.s3.objects import Objects, kept_headers
from cloud_twin.services.s3.refusals import (
    invalid_argument,
    invalid_request,
    malformed_xml,
    no_such_upload,
)

PARTS_LIMIT = 10_000
PART_MIN_BYTES = 5 * 1024 * 1024


class Multipart:
    """Uploads that are under way. ``part_min_bytes`` holds for every part but the last."""

    def __init__(self, objects: Objects, bodies: BodyStore) -> None:
        self._objects = objects
        self._bodies = bodies
        self.part_min_bytes = PART_MIN_BYTES

    def create(self, bucket: Bucket, key: str, headers: Mapping[str, str], now_s: float) -> Answer:
        """CreateMultipartUpload."""
        check_key(key)
        algorithm = headers.get("x-amz-checksum-algorithm", "").upper() or None
        kind = headers.get("x-amz-checksum-type", "").upper()
        if kind not in ("", "COMPOSITE", "FULL_OBJECT"):
            raise invalid_request(f"Value for x-amz-checksum-type header is invalid: {kind}")
        upload = Upload(
            uuid4().hex, key, now_s, kept_headers(headers), algorithm, kind == "FULL_OBJECT"
        )
        bucket.uploads[upload.upload_id] = upload
        answer = document(
            "InitiateMultipartUploadResult",
            [("Bucket", bucket.name), ("Key", key), ("UploadId", upload.upload_id)],
        )
        if algorithm:
            answer.headers = {
                **answer.headers,
                "x-amz-checksum-algorithm": algorithm,
                "x-amz-checksum-type": kind or "COMPOSITE",
            }
        return answer

    def upload_part(
        self,
        bucket: Bucket,
        key: str,
        parameters: Mapping[str, Any],
        headers: Mapping[str, str],
        data: bytes,
        now_s: float,
    ) -> Answer:
        """UploadPart; and UploadPartCopy, whose bytes are another object's."""
        upload = _upload(bucket, key, parameters)
        text = str(parameters.get("partNumber"))
        number = int(text) if text.isdecimal() and len(text) <= 5 else 0
        if not 1 <= number <= PARTS_LIMIT:
            raise invalid_argument(
                f"Part number must be an integer between 1 and {PARTS_LIMIT}, inclusive",
                "partNumber",
                text,
            )
        copied = "x-amz-copy-source" in headers
        checksums: Mapping[str, str] = {}
        if copied:
            _, source = self._objects.source_of(headers)
            first, end = byte_range(headers.get("x-amz-copy-source-range"), source.size) or (
                0,
                source.size,
            )
            data = self._bodies.read(source.body, first, end)
        else:
            checksums = verified(data, headers)
        etag = f'"{md5_hex(data)}"'
        before = upload.parts.get(number)
        body = self._bodies.keep(data)
        upload.parts[number] = Part(number, body, len(data), etag, now_s, checksums)
        if before is not None:
            self._bodies.drop(before.body)
        if copied:
            return document("CopyPartResult", [("LastModified", iso_time(now_s)), ("ETag", etag)])
        return Answer(b"", 200, {"etag": etag, **checksums})

    def complete(
        self,
        bucket: Bucket,
        key: str,
        parameters: Mapping[str, Any],
        headers: Mapping[str, str],
        body: bytes,
        now_s: float,
    ) -> Answer:
        """CompleteMultipartUpload."""
        upload = _upload(bucket, key, parameters)
        parts = self._named_parts(upload, body)
        check_write(headers, key, bucket.objects.get(key))
        data = b"".join(self._bodies.read(part.body) for part in parts)
        digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
        digest = hashlib.md5(digests, usedforsecurity=False).hexdigest()
        etag = f'"{digest}-{len(parts)}"'
        checksums = _checksum(upload, parts, data, headers)
        kind = "FULL_OBJECT" if upload.full_object else "COMPOSITE"
        self._forget(bucket, upload)
        kept = self._bodies.keep(data)
        stored = StoredObject(key, kept, len(data), etag, now_s, upload.headers, checksums, kind)
        self._objects.replace(bucket, stored)
        entries: list[Entry] = [("Bucket", bucket.name), ("Key", key), ("ETag", etag)]
        for name, value in checksums.items():
            entries.append((f"Checksum{name.removeprefix(PREFIX).upper()}", value))
        if checksums:
            entries.append(("ChecksumType", kind))
        return document("CompleteMultipartUploadResult", entries)

    def abort(self, bucket: Bucket, key: str, parameters: Mapping[str, Any]) -> Answer:
        """AbortMultipartUpload."""
        self._forget(bucket, _upload(bucket, key, parameters))
        return Answer(b"", 204)

    def list_parts(
        self, bucket: Bucket, key: str, parameters: Mapping[str, Any], owner: str
    ) -> Answer:
        """ListParts."""
        upload = _upload(bucket, key, parameters)
        limit = page_size(parameters, "max-parts")
        marker = str(parameters.get("part-number-marker") or 0)
        if not marker.isdecimal():
            raise invalid_argument(
                "Part number marker must be a number", "part-number-marker", marker
            )
        numbers = sorted(number for number in upload.parts if number > int(marker))
        shown = numbers[:limit]
        entries: list[Entry] = [
            ("Bucket", bucket.name),
            ("Key", key),
            ("UploadId", upload.upload_id),
            ("PartNumberMarker", marker),
            ("NextPartNumberMarker", shown[-1] if shown else 0),
            ("MaxParts", limit),
            ("IsTruncated", len(shown) < len(numbers)),
            ("Initiator", [("ID", owner)]),
            ("Owner", [("ID", owner)]),
            ("StorageClass", upload.headers.get("x-amz-storage-class", "STANDARD")),
        ]
        for number in shown:
            part = upload.parts[number]
            entries.append(
                ("Part", [
                    ("PartNumber", number),
                    ("LastModified", iso_time(part.modified_s)),
                    ("ETag", part.etag),
                    ("Size", part.size),
                ])
            )  # fmt: skip
        return document("ListPartsResult", entries)

    def list_uploads(self, bucket: Bucket, parameters: Mapping[str, Any], owner: str) -> Answer:
        """ListMultipartUploads: by key, then by time; at most 1,000."""
        prefix = parameters.get("prefix", "")
        limit = page_size(parameters, "max-uploads")
        after = (parameters.get("key-marker", ""), parameters.get("upload-id-marker", ""))
        found = sorted(
            (upload.key, upload.begun_s, upload.upload_id)
            for upload in bucket.uploads.values()
            if upload.key.startswith(prefix)
        )
        position = 0
        if after[0]:
            position = sum(1 for key, _, _ in found if key <= after[0])
            known = [each[2] for each in found]
            if after[1] in known:
                position = known.index(after[1]) + 1
        shown = found[position : position + limit]
        entries: list[Entry] = [
            ("Bucket", bucket.name),
            ("KeyMarker", after[0]),
            ("UploadIdMarker", after[1]),
            ("Prefix", prefix),
            ("MaxUploads", limit),
            ("IsTruncated", position + len(shown) < len(found)),
        ]
        if shown and position + len(shown) < len(found):
            entries += [("NextKeyMarker", shown[-1][0]), ("NextUploadIdMarker", shown[-1][2])]
        for key, begun_s, upload_id in shown:
            entries.append(
                ("Upload", [
                    ("Key", key),
                    ("UploadId", upload_id),
                    ("Initiator", [("ID", owner)]),
                    ("Owner", [("ID", owner)]),
                    ("StorageClass", "STANDARD"),
                    ("Initiated", iso_time(begun_s)),
                ])
            )  # fmt: skip
        return document("ListMultipartUploadsResult", entries)

    def _named_parts(self, upload: Upload, body: bytes) -> list[Part]:
        """The parts that the caller names. Raises when they are not those that were uploaded."""
        named = []
        for element in parse(body, "CompleteMultipartUpload").findall("Part"):
            text, etag = element.findtext("PartNumber", ""), element.findtext("ETag", "")
            if not text.strip().isdecimal() or not etag:
                raise malformed_xml()
            named.append((int(text), etag.strip().strip('"')))
        if not named:
            raise malformed_xml()
        if any(one[0] >= other[0] for one, other in pairwise(named)):
            message = (
                "The list of parts was not in ascending order."
                " Parts must be ordered by part number."
            )
            raise AwsError("InvalidPartOrder", message, 400, {"UploadId": upload.upload_id})
        parts: list[Part] = []
        for number, etag in named:
            part = upload.parts.get(number)
            if part is None or part.etag.strip('"') != etag:
                message = (
                    "One or more of the specified parts could not be found.  The part may not have"
                    " been uploaded, or the specified entity tag may not match the part's entity"
                    " tag."
                )
                raise AwsError(
                    "InvalidPart",
                    message,
                    400,
                    {"UploadId": upload.upload_id, "PartNumber": number, "ETag": etag},
                )
            parts.append(part)
        for part in parts[:-1]:
            if part.size < self.part_min_bytes:
                message = "Your proposed upload is smaller than the minimum allowed size"
                fields = {
                    "ProposedSize": part.size,
                    "MinSizeAllowed": self.part_min_bytes,
                    "PartNumber": part.number,
                    "ETag": part.etag.strip('"'),
                }
                raise AwsError("EntityTooSmall", message, 400, fields)
        return parts

    def _forget(self, bucket: Bucket, upload: Upload) -> None:
        del bucket.uploads[upload.upload_id]
        for part in upload.parts.values():
            self._bodies.drop(part.body)


def _upload(bucket: Bucket, key: str, parameters: Mapping[str, Any]) -> Upload:
    upload_id = str(parameters.get("uploadId"))
    upload = bucket.uploads.get(upload_id)
    if upload is None or upload.key != key:
        raise no_such_upload(upload_id)
    return upload


def _checksum(
    upload: Upload, parts: Sequence[Part], data: bytes, headers: Mapping[str, str]
) -> dict[str, str]:
    """The checksum to keep. Raises ``BadDigest`` where the caller's own is another."""
    if upload.algorithm is None:
        return {}
    name = PREFIX + upload.algorithm.lower()
    given = headers.get(name)
    if upload.full_object:
        value = whole(upload.algorithm, data)
    else:
        value = composite(upload.algorithm, [part.checksums for part in parts])
    if given and value and given != value:
        message = f"The {upload.algorithm} you specified did not match the calculated checksum."
        raise AwsError("BadDigest", message)
    kept = value or given
    return {name: kept} if kept else {}
