"""S3: requests to operations, with rates, metrics and the bill around them.

Not offered, and refused with ``NotImplemented``: versioning, access control, tagging, and every
other sub-resource. Request metrics are those of a filter named ``EntireBucket``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from cloud_twin.errors import AwsError, TwinError
from cloud_twin.service import Answer, Call, Dimensions, Protocols, Route, Surroundings
from cloud_twin.services.s3.bodies import BodyStore
from cloud_twin.services.s3.buckets import Buckets
from cloud_twin.services.s3.documents import Entry, document, iso_time, parse
from cloud_twin.services.s3.listings import list_objects, list_objects_v2
from cloud_twin.services.s3.multipart import PART_MIN_BYTES, Multipart
from cloud_twin.services.s3.objects import Objects
from cloud_twin.services.s3.prefix_rates import READS_S, WRITES_S, PrefixRates
from cloud_twin.services.s3.refusals import invalid_argument, not_implemented, slow_down

MEMORY_BYTES = 256 * 1024 * 1024
_BUCKET = "/{Bucket}"
_OBJECT = "/{Bucket}/{Key+}"

ROUTES = (
    Route("GET", "/", "ListBuckets"),
    Route("PUT", _BUCKET, "CreateBucket"),
    Route("HEAD", _BUCKET, "HeadBucket"),
    Route("DELETE", _BUCKET, "DeleteBucket"),
    Route("GET", _BUCKET, "ListObjects"),
    Route("GET", _BUCKET, "ListObjectsV2", ("list-type",)),
    Route("GET", _BUCKET, "GetBucketLocation", ("location",)),
    Route("GET", _BUCKET, "GetBucketVersioning", ("versioning",)),
    Route("GET", _BUCKET, "ListMultipartUploads", ("uploads",)),
    Route("POST", _BUCKET, "DeleteObjects", ("delete",)),
    Route("PUT", _OBJECT, "PutObject"),
    Route("GET", _OBJECT, "GetObject"),
    Route("HEAD", _OBJECT, "HeadObject"),
    Route("DELETE", _OBJECT, "DeleteObject"),
    Route("POST", _OBJECT, "CreateMultipartUpload", ("uploads",)),
    Route("POST", _OBJECT, "CompleteMultipartUpload", ("uploadId",)),
    Route("PUT", _OBJECT, "UploadPart", ("partNumber", "uploadId")),
    Route("GET", _OBJECT, "ListParts", ("uploadId",)),
    Route("DELETE", _OBJECT, "AbortMultipartUpload", ("uploadId",)),
)
_REFUSED = frozenset((
    "accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering",
    "inventory", "legal-hold", "lifecycle", "logging", "metadataTable", "metrics", "notification",
    "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock",
    "replication", "renameObject", "requestPayment", "restore", "retention", "select", "session",
    "tagging", "torrent", "versionId", "versions", "website",
))  # fmt: skip
"""Query parameters that name what is not offered: they must not be taken for a plain put."""

_KINDS = {
    "PutObject": "PutRequests",
    "UploadPart": "PutRequests",
    "GetObject": "GetRequests",
    "HeadObject": "HeadRequests",
    "HeadBucket": "HeadRequests",
    "DeleteObject": "DeleteRequests",
    "AbortMultipartUpload": "DeleteRequests",
    "DeleteObjects": "DeleteRequests",
    "ListObjects": "ListRequests",
    "ListObjectsV2": "ListRequests",
    "ListParts": "ListRequests",
    "ListMultipartUploads": "ListRequests",
    "CreateMultipartUpload": "PostRequests",
    "CompleteMultipartUpload": "PostRequests",
}
"""Operations that have request metrics."""
_READS = frozenset({"GetObject", "HeadObject", "ListParts"})
_FREE = frozenset({"DeleteObject", "DeleteObjects", "AbortMultipartUpload", "DeleteBucket"})
_BILLED_AS_GET = frozenset({"GetObject", "HeadObject", "HeadBucket", "GetBucketLocation",
                            "GetBucketVersioning"})  # fmt: skip


class S3:
    """The twin's S3.

    Limits: ``write_requests_per_prefix_s``, ``read_requests_per_prefix_s`` (SlowDown above),
    ``memory_bytes`` (bodies beyond are in a temporary file), ``part_min_bytes``.
    """

    name = "s3"
    signing_names = ("s3",)
    protocol = Protocols.REST_XML
    target_prefix = ""
    error_namespace = ""
    routes: Sequence[Route] = ROUTES
    served = frozenset(route.operation for route in ROUTES)

    def __init__(self, surroundings: Surroundings) -> None:
        self._clock = surroundings.clock
        self._meter = surroundings.meter
        self._metrics = surroundings.metrics
        self._owner = surroundings.account_id
        self._buckets = Buckets()
        self._bodies = BodyStore(MEMORY_BYTES)
        self._objects = Objects(self._buckets, self._bodies)
        self._multipart = Multipart(self._objects, self._bodies)
        self._rates = PrefixRates(self._clock)
        self._dimensions: dict[str, Dimensions] = {}

    def read_object(self, bucket: str, key: str) -> bytes:
        """All bytes of an object, for the twin's Lambda. Raises ``NoSuchBucket``, ``NoSuchKey``."""
        return self._bodies.read(self._buckets.get(bucket).get(key).body)

    # --- Service ----------------------------------------------------------------------------

    def handle(self, call: Call) -> Answer:
        """Carry out one call. Raises ``AwsError``."""
        begun_s = self._clock.monotonic_s()
        try:
            answer = self._carry_out(call)
        except AwsError as error:
            self._account(call, error.status, 0, self._clock.monotonic_s() - begun_s)
            raise
        sent = len(answer.body) if isinstance(answer.body, bytes) else 0
        self._account(call, answer.status, sent, self._clock.monotonic_s() - begun_s)
        return answer

    def count_refusal(self, call: Call, error: AwsError, *, carried_out: bool = False) -> None:
        """A request to a bucket that a fault plan answers with an error."""
        bucket = str(call.parameters.get("Bucket", ""))
        if bucket not in self._buckets:
            return
        if not carried_out:
            self._account(call, error.status, 0, 0.0)
        elif call.operation in _KINDS and error.status >= 500:
            self._metrics.put("AWS/S3", "5xxErrors", self._dimensions_of(bucket), 1.0)

    def limits(self) -> dict[str, float]:
        """Requests per second and prefix, bytes."""
        return {
            "write_requests_per_prefix_s": self._rates.writes_s,
            "read_requests_per_prefix_s": self._rates.reads_s,
            "memory_bytes": float(self._bodies.memory_limit_bytes),
            "part_min_bytes": float(self._multipart.part_min_bytes),
        }

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change limits. Raises ``TwinError`` for an unknown name or a negative value."""
        known = self.limits()
        for name, value in changes.items():
            if name not in known:
                raise TwinError(f"s3 has no limit {name!r}; it has {', '.join(known)}")
            if not value >= 0 or (name.endswith("bytes") and value == float("inf")):
                raise TwinError(f"s3: {name} cannot be {value:g}")
        wanted = known | dict(changes)
        self._bodies.memory_limit_bytes = int(wanted["memory_bytes"])
        self._multipart.part_min_bytes = int(wanted["part_min_bytes"])
        writes_s = wanted["write_requests_per_prefix_s"]
        reads_s = wanted["read_requests_per_prefix_s"]
        if (writes_s, reads_s) != (self._rates.writes_s, self._rates.reads_s):
            self._rates.set(writes_s, reads_s)

    async def reset(self) -> None:
        """Forget all buckets and objects; back to the documented limits."""
        self._buckets.clear()
        self._bodies.close()
        self._bodies.memory_limit_bytes = MEMORY_BYTES
        self._multipart.part_min_bytes = PART_MIN_BYTES
        self._rates.set(WRITES_S, READS_S)
        self._dimensions.clear()

    async def close(self) -> None:
        """Give the temporary file back."""
        self._buckets.clear()
        self._bodies.close()

    # --- operations -------------------------------------------------------------------------

    def _carry_out(self, call: Call) -> Answer:
        for name in call.parameters:
            if name in _REFUSED:
                raise not_implemented(name)
        operation = call.operation
        if "versioning" in call.parameters and operation != "GetBucketVersioning":
            raise not_implemented("versioning")
        name = str(call.parameters.get("Bucket", ""))
        if "Key" in call.parameters:
            return self._on_object(operation, call, name, str(call.parameters["Key"]))
        if operation == "ListBuckets":
            return self._list_buckets(call)
        if operation == "CreateBucket":
            return self._create_bucket(call, name)
        if operation == "DeleteBucket":
            self._buckets.delete(name)
            return Answer(b"", 204)
        return self._on_bucket(operation, call, name)

    def _on_bucket(self, operation: str, call: Call, name: str) -> Answer:
        bucket = self._buckets.get(name)
        match operation:
            case "HeadBucket":
                return Answer(b"", 200, {"x-amz-bucket-region": bucket.region})
            case "GetBucketLocation":
                region = "" if bucket.region == "us-east-1" else bucket.region
                return document("LocationConstraint", region)
            case "GetBucketVersioning":
                return document("VersioningConfiguration", [])
            case "ListObjects":
                return list_objects(bucket, call.parameters, self._owner)
            case "ListObjectsV2":
                return list_objects_v2(bucket, call.parameters, self._owner)
            case "ListMultipartUploads":
                return self._multipart.list_uploads(bucket, call.parameters, self._owner)
            case "DeleteObjects":
                return self._objects.delete_many(bucket, call.body)
        raise not_implemented(operation)

    def _on_object(self, operation: str, call: Call, name: str, key: str) -> Answer:
        bucket = self._buckets.get(name)
        if not self._rates.admit(name, key, operation not in _READS):
            raise slow_down()
        headers, parameters = call.headers, call.parameters
        now_s = self._clock.wall_s()
        match operation:
            case "PutObject" if "partNumber" in parameters or "uploadId" in parameters:
                message = "A part needs both partNumber and uploadId."
                raise invalid_argument(message, "uploadId", str(parameters.get("uploadId", "")))
            case "PutObject" if "x-amz-copy-source" in headers:
                return self._objects.copy(bucket, key, headers, now_s)
            case "PutObject":
                return self._objects.put(bucket, key, headers, call.body, now_s)
            case "GetObject" | "HeadObject":
                head = operation == "HeadObject"
                return self._objects.get(bucket, key, headers, parameters, head)
            case "DeleteObject":
                return self._objects.delete(bucket, key, headers)
            case "CreateMultipartUpload":
                return self._multipart.create(bucket, key, headers, now_s)
            case "UploadPart":
                return self._multipart.upload_part(
                    bucket, key, parameters, headers, call.body, now_s
                )
            case "CompleteMultipartUpload":
                return self._multipart.complete(bucket, key, parameters, headers, call.body, now_s)
            case "AbortMultipartUpload":
                return self._multipart.abort(bucket, key, parameters)
            case "ListParts":
                return self._multipart.list_parts(bucket, key, parameters, self._owner)
        raise not_implemented(operation)

    def _list_buckets(self, call: Call) -> Answer:
        prefix = call.parameters.get("prefix", "")
        buckets: list[Entry] = [
            (
                "Bucket",
                [
                    ("Name", bucket.name),
                    ("CreationDate", iso_time(bucket.created_s)),
                    ("BucketRegion", bucket.region),
                ],
            )
            for bucket in self._buckets.all()
            if bucket.name.startswith(prefix)
        ]
        entries: list[Entry] = [("Owner", [("ID", self._owner)]), ("Buckets", buckets)]
        return document("ListAllMyBucketsResult", entries)

    def _create_bucket(self, call: Call, name: str) -> Answer:
        if call.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
            raise not_implemented("x-amz-bucket-object-lock-enabled")
        asked = None
        if call.body.strip():
            tree: ElementTree.Element = parse(call.body, "CreateBucketConfiguration")
            asked = (tree.findtext("LocationConstraint") or "").strip() or None
        region = asked or "us-east-1"
        if region != call.region or not re.fullmatch(r"[a-z0-9-]+", region):
            shown = asked or "unspecified"
            message = (
                f"The {shown} location constraint is incompatible for the region specific endpoint"
                " this request was sent to."
            )
            raise AwsError("IllegalLocationConstraintException", message)
        self._buckets.create(name, region, self._clock.wall_s())
        return Answer(b"", 200, {"location": f"/{name}"})

    # --- metrics and the bill ---------------------------------------------------------------

    def _account(self, call: Call, status: int, sent: int, took_s: float) -> None:
        bucket = str(call.parameters.get("Bucket", ""))
        if status < 500 and call.operation not in _FREE:
            unit = "get_requests" if call.operation in _BILLED_AS_GET else "put_requests"
            self._meter.add("s3", unit, bucket, 1)
        kind = _KINDS.get(call.operation)
        if kind is None or (status == 404 and bucket not in self._buckets):
            return
        dimensions = self._dimensions_of(bucket)
        put = self._metrics.put
        put("AWS/S3", "AllRequests", dimensions, 1.0)
        put("AWS/S3", kind, dimensions, 1.0)
        put("AWS/S3", "4xxErrors", dimensions, float(400 <= status < 500))
        put("AWS/S3", "5xxErrors", dimensions, float(status >= 500))
        put("AWS/S3", "TotalRequestLatency", dimensions, took_s * 1000.0, "Milliseconds")
        if sent:
            put("AWS/S3", "BytesDownloaded", dimensions, float(sent), "Bytes")
        if call.body:
            put("AWS/S3", "BytesUploaded", dimensions, float(len(call.body)), "Bytes")

    def _dimensions_of(self, bucket: str) -> Dimensions:
        dimensions = self._dimensions.get(bucket)
        if dimensions is None:
            dimensions = (("BucketName", bucket), ("FilterId", "EntireBucket"))
            self._dimensions[bucket] = dimensions
        return dimensions
