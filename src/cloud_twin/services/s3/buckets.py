"""Buckets and what is in them, keys in order."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloud_twin.errors import AwsError
from cloud_twin.services.s3.bodies import Body
from cloud_twin.services.s3.refusals import no_such_bucket, no_such_key

KEY_LIMIT_BYTES = 1024
_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object; a new put replaces it whole."""

    key: str
    body: Body
    size: int
    etag: str
    """With its quotes."""
    modified_s: float
    headers: Mapping[str, str]
    """Content type and the like, and ``x-amz-meta-*``; names in lower case."""
    checksums: Mapping[str, str]
    """By header (``x-amz-checksum-crc32``)."""
    checksum_type: str = "FULL_OBJECT"


@dataclass(slots=True)
class Part:
    """One uploaded part."""

    number: int
    body: Body
    size: int
    etag: str
    modified_s: float
    checksums: Mapping[str, str]


@dataclass(slots=True)
class Upload:
    """A multipart upload that is under way."""

    upload_id: str
    key: str
    begun_s: float
    headers: Mapping[str, str]
    algorithm: str | None
    """Of its checksums (``CRC32``), if any was named."""
    full_object: bool
    """The checksum is of the whole, not of the parts' checksums."""
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass(slots=True)
class Bucket:
    """One bucket."""

    name: str
    region: str
    created_s: float
    objects: dict[str, StoredObject] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    """In order of their UTF-8 bytes, which is that of their code points."""
    uploads: dict[str, Upload] = field(default_factory=dict)

    def put(self, stored: StoredObject) -> StoredObject | None:
        """Put an object in; the one it replaces."""
        before = self.objects.get(stored.key)
        self.objects[stored.key] = stored
        if before is None:
            if not self.keys or self.keys[-1] < stored.key:
                self.keys.append(stored.key)
            else:
                insort(self.keys, stored.key)
        return before

    def remove(self, key: str) -> StoredObject | None:
        """Take an object out, if it is there."""
        stored = self.objects.pop(key, None)
        if stored is not None:
            del self.keys[bisect_left(self.keys, key)]
        return stored

    def get(self, key: str) -> StoredObject:
        """Raises ``NoSuchKey``."""
        stored = self.objects.get(key)
        if stored is None:
            raise no_such_key(key)
        return stored


class Buckets:
    """All buckets by name."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._buckets

    def get(self, name: str) -> Bucket:
        """Raises ``NoSuchBucket``."""
        bucket = self._buckets.get(name)
        if bucket is None:
            raise no_such_bucket(name)
        return bucket

    def create(self, name: str, region: str, now_s: float) -> None:
        """Raises ``InvalidBucketName`` and ``BucketAlreadyOwnedByYou`` (not in us-east-1)."""
        if not _NAME.fullmatch(name) or not 3 <= len(name) <= 63:
            message = "The specified bucket is not valid."
            raise AwsError("InvalidBucketName", message, 400, {"BucketName": name})
        if name in self._buckets:
            if region == "us-east-1" == self._buckets[name].region:
                return  # as AWS keeps it there for old callers
            message = (
                "Your previous request to create the named bucket succeeded and you already own it."
            )
            raise AwsError("BucketAlreadyOwnedByYou", message, 409, {"BucketName": name})
        self._buckets[name] = Bucket(name, region, now_s)

    def delete(self, name: str) -> None:
        """Raises ``NoSuchBucket`` and ``BucketNotEmpty``."""
        bucket = self.get(name)
        if bucket.objects:
            message = "The bucket you tried to delete is not empty"
            raise AwsError("BucketNotEmpty", message, 409, {"BucketName": name})
        del self._buckets[name]

    def all(self) -> list[Bucket]:
        """By name."""
        return [self._buckets[name] for name in sorted(self._buckets)]

    def clear(self) -> None:
        """Forget all of them."""
        self._buckets.clear()


def check_key(key: str) -> None:
    """Raises ``KeyTooLongError``."""
    size = len(key.encode())
    if size > KEY_LIMIT_BYTES:
        fields = {"Size": size, "MaxSizeAllowed": KEY_LIMIT_BYTES}
        raise AwsError("KeyTooLongError", "Your key is too long", 400, fields)
