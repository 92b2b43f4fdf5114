"""S3 through boto3; where moto is right, the same on moto."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

PART = 5 * 1024 * 1024


@pytest.fixture(params=["twin", "moto"])
def s3(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "twin":
        client = request.getfixturevalue("twin").client("s3")
        client.create_bucket(Bucket="bucket")
        yield client
        return
    with mock_aws():
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket="bucket")
        yield client


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_buckets(s3: Any) -> None:
    s3.create_bucket(Bucket="another.bucket")

    assert {b["Name"] for b in s3.list_buckets()["Buckets"]} == {"another.bucket", "bucket"}
    assert s3.get_bucket_location(Bucket="bucket")["LocationConstraint"] is None
    s3.head_bucket(Bucket="bucket")
    s3.create_bucket(Bucket="bucket")
    s3.delete_bucket(Bucket="another.bucket")
    assert refused(s3.head_bucket, Bucket="another.bucket") == ("404", 404)
    assert refused(s3.delete_bucket, Bucket="another.bucket") == ("NoSuchBucket", 404)
    s3.put_object(Bucket="bucket", Key="k", Body=b"")
    assert refused(s3.delete_bucket, Bucket="bucket") == ("BucketNotEmpty", 409)


def test_an_object_with_all_that_belongs_to_it(s3: Any) -> None:
    body = b"some bytes \x00\xff"
    put = s3.put_object(
        Bucket="bucket",
        Key="folder/näme with spaces+plus&more.txt",
        Body=body,
        ContentType="text/plain",
        CacheControl="no-store",
        Metadata={"colour": "blue"},
    )
    name = {"Bucket": "bucket", "Key": "folder/näme with spaces+plus&more.txt"}
    got, head = s3.get_object(**name), s3.head_object(**name)

    assert got["Body"].read() == body
    assert put["ETag"] == got["ETag"] == head["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    for answer in (got, head):
        assert answer["ContentLength"] == len(body)
        assert answer["ContentType"] == "text/plain"
        assert answer["CacheControl"] == "no-store"
        assert answer["Metadata"] == {"colour": "blue"}
        assert abs(answer["LastModified"] - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_is_not_there(s3: Any) -> None:
    assert refused(s3.get_object, Bucket="bucket", Key="k") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket="bucket", Key="k") == ("404", 404)
    assert refused(s3.get_object, Bucket="nowhere", Key="k") == ("NoSuchBucket", 404)
    assert refused(s3.list_objects_v2, Bucket="nowhere") == ("NoSuchBucket", 404)
    s3.delete_object(Bucket="bucket", Key="k")


def test_ranges(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=b"0123456789")
    part = s3.get_object(Bucket="bucket", Key="k", Range="bytes=2-4")

    assert part["Body"].read() == b"234"
    assert part["ContentRange"] == "bytes 2-4/10"
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.get_object(Bucket="bucket", Key="k", Range="bytes=-3")["Body"].read() == b"789"
    assert refused(s3.get_object, Bucket="bucket", Key="k", Range="bytes=50-60") == (
        "InvalidRange",
        416,
    )


def test_conditional_reads(s3: Any) -> None:
    etag = s3.put_object(Bucket="bucket", Key="k", Body=b"x")["ETag"]
    name = {"Bucket": "bucket", "Key": "k"}

    assert s3.get_object(IfMatch=etag, **name)["Body"].read() == b"x"
    assert s3.get_object(IfNoneMatch='"other"', **name)["Body"].read() == b"x"
    assert refused(s3.get_object, IfNoneMatch=etag, **name)[1] == 304
    assert refused(s3.get_object, IfMatch='"other"', **name) == ("PreconditionFailed", 412)
    assert refused(s3.head_object, IfMatch='"other"', **name)[1] == 412


def test_conditional_puts(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Body=b"1", IfNoneMatch="*")

    assert refused(s3.put_object, Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*") == (
        "PreconditionFailed",
        412,
    )
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"1"


def test_checksums_are_given_back(s3: Any) -> None:
    body = b"the body"
    sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
    put = s3.put_object(Bucket="bucket", Key="sha", Body=body, ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket="bucket", Key="sha", ChecksumMode="ENABLED")

    assert put["ChecksumSHA256"] == head["ChecksumSHA256"] == sha


def test_copies(s3: Any) -> None:
    s3.put_object(
        Bucket="bucket", Key="a b/é", Body=b"x", ContentType="text/plain", Metadata={"m": "1"}
    )
    source = {"Bucket": "bucket", "Key": "a b/é"}
    s3.copy_object(Bucket="bucket", Key="same", CopySource=source)
    s3.copy_object(
        Bucket="bucket",
        Key="new",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"m": "2"},
        ContentType="text/css",
    )

    same, new = (s3.get_object(Bucket="bucket", Key=key) for key in ("same", "new"))
    assert (same["Body"].read(), same["ContentType"], same["Metadata"]) == (
        b"x",
        "text/plain",
        {"m": "1"},
    )
    assert (new["Body"].read(), new["ContentType"], new["Metadata"]) == (
        b"x",
        "text/css",
        {"m": "2"},
    )
    missing = {"Bucket": "bucket", "Key": "nothing"}
    assert refused(s3.copy_object, Bucket="bucket", Key="x", CopySource=missing)[1] == 404
    assert refused(s3.copy_object, CopySource=source, **source)[0] == "InvalidRequest"


KEYS = sorted(["a/1", "a/2", "b/1", "b/c/1", "e f", "top", "zürich"])


def test_listings_in_pages(s3: Any) -> None:
    for key in KEYS:
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(
            Bucket="bucket", PaginationConfig={"PageSize": 2}
        )
    )

    assert [o["Key"] for page in pages for o in page["Contents"]] == KEYS
    assert [page["KeyCount"] for page in pages] == [2, 2, 2, 1]
    assert pages[0]["Contents"][0]["Size"] == 3
    assert s3.list_objects_v2(Bucket="bucket", StartAfter="e f")["KeyCount"] == 2


def test_listings_with_a_delimiter(s3: Any) -> None:
    for key in KEYS:
        s3.put_object(Bucket="bucket", Key=key, Body=b"")
    top = s3.list_objects_v2(Bucket="bucket", Delimiter="/")
    inner = s3.list_objects_v2(Bucket="bucket", Delimiter="/", Prefix="b/")

    assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["a/", "b/"]
    assert [o["Key"] for o in top["Contents"]] == ["e f", "top", "zürich"]
    assert [p["Prefix"] for p in inner["CommonPrefixes"]] == ["b/c/"]
    assert [o["Key"] for o in inner["Contents"]] == ["b/1"]


def test_the_first_version_of_listings(s3: Any) -> None:
    for key in KEYS:
        s3.put_object(Bucket="bucket", Key=key, Body=b"")
    pages = s3.get_paginator("list_objects").paginate(
        Bucket="bucket", PaginationConfig={"PageSize": 3}
    )

    assert [o["Key"] for page in pages for o in page["Contents"]] == KEYS


def test_deletes_of_many(s3: Any) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"")
    answer = s3.delete_objects(
        Bucket="bucket", Delete={"Objects": [{"Key": "a"}, {"Key": "c"}, {"Key": "never"}]}
    )

    assert {entry["Key"] for entry in answer["Deleted"]} >= {"a", "c"}
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["b"]


def test_a_multipart_upload(s3: Any) -> None:
    name = {"Bucket": "bucket", "Key": "big"}
    upload = s3.create_multipart_upload(ContentType="text/plain", **name)["UploadId"]
    bodies = {1: b"a" * PART, 2: b"end"}
    etags = {
        number: s3.upload_part(UploadId=upload, PartNumber=number, Body=body, **name)["ETag"]
        for number, body in reversed(bodies.items())
    }
    listed = s3.list_parts(UploadId=upload, **name)["Parts"]
    assert [(p["PartNumber"], p["Size"]) for p in listed] == [(1, PART), (2, 3)]
    assert len(s3.list_multipart_uploads(Bucket="bucket")["Uploads"]) == 1
    parts = {"Parts": [{"PartNumber": n, "ETag": etags[n]} for n in (1, 2)]}

    wrong = {"Parts": [{"PartNumber": 1, "ETag": '"no"'}]}
    assert refused(
        s3.complete_multipart_upload, UploadId=upload, MultipartUpload=wrong, **name
    ) == ("InvalidPart", 400)
    done = s3.complete_multipart_upload(UploadId=upload, MultipartUpload=parts, **name)

    digests = b"".join(hashlib.md5(body).digest() for body in bodies.values())
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    got = s3.get_object(**name)
    assert got["Body"].read() == bodies[1] + bodies[2]
    assert got["ContentType"] == "text/plain"
    assert refused(s3.list_parts, UploadId=upload, **name) == ("NoSuchUpload", 404)


def test_an_upload_given_up(s3: Any) -> None:
    name = {"Bucket": "bucket", "Key": "big"}
    upload = s3.create_multipart_upload(**name)["UploadId"]
    small = [s3.upload_part(UploadId=upload, PartNumber=n, Body=b"x", **name) for n in (1, 2)]
    parts = {"Parts": [{"PartNumber": n, "ETag": p["ETag"]} for n, p in enumerate(small, 1)]}

    assert refused(
        s3.complete_multipart_upload, UploadId=upload, MultipartUpload=parts, **name
    ) == ("EntityTooSmall", 400)
    s3.abort_multipart_upload(UploadId=upload, **name)
    assert refused(s3.abort_multipart_upload, UploadId=upload, **name) == ("NoSuchUpload", 404)
    assert refused(s3.get_object, **name) == ("NoSuchKey", 404)


def test_the_transfer_manager(s3: Any) -> None:
    """Above its threshold it uploads and copies in parts, several at once."""
    data = bytes(range(256)) * 4096 * 9  # 9 MiB
    s3.upload_fileobj(io.BytesIO(data), "bucket", "file")
    back = io.BytesIO()
    s3.download_fileobj("bucket", "file", back)

    assert back.getvalue() == data
    s3.copy({"Bucket": "bucket", "Key": "file"}, "bucket", "copy")
    assert s3.get_object(Bucket="bucket", Key="copy")["Body"].read() == data


# --- on the twin alone ----------------------------------------------------------------------


def test_checksums_are_verified(twin: Any) -> None:
    s3 = twin.client("s3")
    s3.create_bucket(Bucket="bucket")
    right = base64.b64encode(zlib.crc32(b"body").to_bytes(4, "big")).decode()
    s3.put_object(Bucket="bucket", Key="crc", Body=b"body", ChecksumCRC32=right)
    got = s3.get_object(Bucket="bucket", Key="crc", ChecksumMode="ENABLED")
    assert (got["ChecksumCRC32"], got["Body"].read()) == (right, b"body")
    wrong = base64.b64encode(b"\0\0\0\1").decode()
    name = {"Bucket": "bucket", "Key": "k", "Body": b"data"}

    assert refused(s3.put_object, ChecksumCRC32=wrong, **name) == ("BadDigest", 400)
    assert refused(s3.put_object, ContentMD5=base64.b64encode(b"0" * 16).decode(), **name) == (
        "BadDigest",
        400,
    )
    assert refused(s3.get_object, Bucket="bucket", Key="k") == ("NoSuchKey", 404)


def test_what_is_not_offered_says_so(twin: Any) -> None:
    s3 = twin.client("s3")
    s3.create_bucket(Bucket="bucket")
    versioning = {"Status": "Enabled"}

    assert refused(
        s3.put_bucket_versioning, Bucket="bucket", VersioningConfiguration=versioning
    ) == ("NotImplemented", 501)
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    assert refused(s3.put_object_tagging, Bucket="bucket", Key="k", Tagging=tags) == (
        "NotImplemented",
        501,
    )
    assert refused(s3.get_object_acl, Bucket="bucket", Key="k") == ("NotImplemented", 501)
    assert refused(s3.put_object, Bucket="bucket", Key="k", Tagging="a=b") == (
        "NotImplemented",
        501,
    )
    assert "Status" not in s3.get_bucket_versioning(Bucket="bucket")


def test_buckets_of_other_regions(twin: Any) -> None:
    s3 = twin.client("s3", region="eu-west-1")
    place = {"LocationConstraint": "eu-west-1"}

    assert refused(s3.create_bucket, Bucket="there")[0] == "IllegalLocationConstraintException"
    s3.create_bucket(Bucket="there", CreateBucketConfiguration=place)
    assert s3.get_bucket_location(Bucket="there")["LocationConstraint"] == "eu-west-1"
    assert refused(s3.create_bucket, Bucket="there", CreateBucketConfiguration=place) == (
        "BucketAlreadyOwnedByYou",
        409,
    )
    assert refused(s3.create_bucket, Bucket="No_Good", CreateBucketConfiguration=place)[1] == 400


def test_slow_down_is_what_sdks_retry(twin: Any) -> None:
    twin.control("PATCH", "limits", {"s3": {"write_requests_per_prefix_s": 1}})
    s3 = twin.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"1")
    assert refused(s3.put_object, Bucket="bucket", Key="k", Body=b"2") == ("SlowDown", 503)

    patient = twin.client("s3", attempts=4)
    patient.put_object(Bucket="bucket", Key="k", Body=b"3")
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"3"


def test_long_keys_and_much_metadata(twin: Any) -> None:
    s3 = twin.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k" * 1024, Body=b"")

    assert refused(s3.put_object, Bucket="bucket", Key="k" * 1025, Body=b"")[0] == "KeyTooLongError"
    assert refused(s3.put_object, Bucket="bucket", Key="k", Metadata={"a": "x" * 2048}) == (
        "MetadataTooLarge",
        400,
    )
