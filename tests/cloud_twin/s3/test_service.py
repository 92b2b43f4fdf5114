"""S3 as a service, with a clock held still: rates, metrics, the bill, uploads of any shape."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.clock import ManualClock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.meter import Meter, UsageKey
from cloud_twin.service import Answer, Call, Service, Surroundings
from cloud_twin.services.cloudwatch import CloudWatch
from cloud_twin.services.s3 import S3

_METRICS = ("AllRequests", "GetRequests", "4xxErrors", "BytesUploaded", "TotalRequestLatency")


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        self.metrics = CloudWatch(self.clock, self.meter)
        self.s3 = S3(Surroundings(self.clock, self.meter, self.metrics, random.Random(1)))
        self.service: Service = self.s3
        self.call("CreateBucket", "bucket")

    def call(
        self,
        operation: str,
        bucket: str,
        key: str | None = None,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Answer:
        parameters = {**query, "Bucket": bucket} | ({} if key is None else {"Key": key})
        return self.s3.handle(Call("s3", operation, parameters, body, headers or {}))

    def sum_and_count(self, metric: str) -> tuple[float, float]:
        window = {"StartTime": self.clock.wall_s() - 120, "EndTime": self.clock.wall_s() + 60}
        dimensions = {"BucketName": "bucket", "FilterId": "EntireBucket"}
        parameters = {
            "Namespace": "AWS/S3",
            "MetricName": metric,
            "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            "Period": 60,
            "Statistics": ["Sum", "SampleCount"],
        }
        call = Call("cloudwatch", "GetMetricStatistics", parameters | window)
        body = self.metrics.handle(call).body
        assert isinstance(body, Mapping)
        (point,) = body["Datapoints"]
        return point["Sum"], point["SampleCount"]

    def outcome(self, operation: str, key: str) -> str:
        try:
            self.call(operation, "bucket", key)
        except AwsError as error:
            return f"{error.code} {error.status}"
        return ""


@pytest.fixture
def bench() -> Bench:
    return Bench()


def text_of(answer: Answer, name: str) -> str:
    assert isinstance(answer.body, bytes)
    return answer.body.decode().partition(f"<{name}>")[2].partition("<")[0]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
    st.sampled_from([0, 100, 10_000]),
)
def test_a_multipart_upload_is_its_parts_in_order(
    parts: list[bytes], order: random.Random, memory: int
) -> None:
    bench = Bench()
    bench.service.set_limits({"part_min_bytes": 1, "memory_bytes": memory})
    upload = text_of(bench.call("CreateMultipartUpload", "bucket", "k", uploads=""), "UploadId")
    numbers = list(range(1, len(parts) + 1))
    order.shuffle(numbers)
    etags = {}
    for number in numbers:
        answer = bench.call(
            "UploadPart", "bucket", "k", parts[number - 1], uploadId=upload, partNumber=str(number)
        )
        etags[number] = answer.headers["etag"]
    named = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etags[number]}</ETag></Part>"
        for number in sorted(etags)
    )
    body = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()
    bench.call("CompleteMultipartUpload", "bucket", "k", body, uploadId=upload)

    assert bench.s3.read_object("bucket", "k") == b"".join(parts)
    with pytest.raises(AwsError, match="NoSuchUpload"):
        bench.call("ListParts", "bucket", "k", uploadId=upload)


def test_writes_and_reads_above_the_rate_of_their_prefix_are_slowed_down(bench: Bench) -> None:
    bench.service.set_limits({"write_requests_per_prefix_s": 10, "read_requests_per_prefix_s": 20})

    def admitted(operation: str, key: str, times: int) -> int:
        outcomes = [bench.outcome(operation, key) for _ in range(times)]
        assert set(outcomes) <= {"", "SlowDown 503"}
        return outcomes.count("")

    assert admitted("PutObject", "logs/a", 15) == 10
    assert admitted("PutObject", "other/a", 15) == 10
    assert admitted("GetObject", "logs/a", 30) == 20
    bench.clock.advance(0.5)
    assert admitted("PutObject", "logs/b", 15) == 5


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.0, 0.4), min_size=1, max_size=60), st.integers(1, 8))
def test_no_window_admits_more_than_its_rate_and_one_burst(
    gaps_s: list[float], rate_s: int
) -> None:
    bench = Bench()
    bench.service.set_limits({"write_requests_per_prefix_s": rate_s})
    admitted: list[float] = []
    for gap_s in gaps_s:
        bench.clock.advance(gap_s)
        if not bench.outcome("PutObject", "p/k"):
            admitted.append(bench.clock.monotonic_s())
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            window_s = admitted[last] - admitted[first]
            assert last - first + 1 <= rate_s + rate_s * window_s + 1e-6


def test_requests_make_metrics_and_a_bill(bench: Bench) -> None:
    bench.call("PutObject", "bucket", "k", b"12345")
    bench.call("GetObject", "bucket", "k")
    with pytest.raises(AwsError, match="NoSuchKey"):
        bench.call("GetObject", "bucket", "other")
    bench.call("DeleteObject", "bucket", "k")

    assert bench.meter.read() == {
        UsageKey("s3", "put_requests", "bucket"): 2,  # with CreateBucket
        UsageKey("s3", "get_requests", "bucket"): 2,
    }
    sums = {name: bench.sum_and_count(name) for name in _METRICS}
    assert sums == {
        "AllRequests": (4.0, 4.0),
        "GetRequests": (2.0, 2.0),
        "4xxErrors": (1.0, 4.0),
        "BytesUploaded": (5.0, 1.0),
        "TotalRequestLatency": (0.0, 4.0),
    }


def test_bodies_beyond_the_memory_limit_are_in_a_file_and_go_with_a_reset(bench: Bench) -> None:
    bench.service.set_limits({"memory_bytes": 10})
    bench.call("PutObject", "bucket", "k", b"x" * 1000)
    assert bench.s3.read_object("bucket", "k") == b"x" * 1000

    asyncio.run(bench.service.reset())

    with pytest.raises(AwsError, match="NoSuchBucket"):
        bench.s3.read_object("bucket", "k")
    assert bench.service.limits()["memory_bytes"] == 256 * 1024 * 1024


@pytest.mark.parametrize(
    "changes",
    [
        {"nope": 1.0},
        {"memory_bytes": -1.0},
        {"memory_bytes": float("inf")},
        {"part_min_bytes": float("nan")},
    ],
)
def test_impossible_limits(bench: Bench, changes: dict[str, float]) -> None:
    with pytest.raises(TwinError, match="s3"):
        bench.service.set_limits(changes)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("DeleteObjects", b"<Delete>"),
        ("DeleteObjects", b"<Other></Other>"),
        ("DeleteObjects", b"<Delete></Delete>"),
        ("DeleteObjects", b"not xml at all"),
        ("DeleteObjects", b'<!DOCTYPE x [<!ENTITY e "x">]><Delete>&e;</Delete>'),
    ],
)
def test_malformed_documents(bench: Bench, operation: str, body: bytes) -> None:
    with pytest.raises(AwsError, match="MalformedXML"):
        bench.call(operation, "bucket", body=body, delete="")


@pytest.mark.parametrize("name", ["tagging", "acl", "versionId", "lifecycle", "object-lock"])
def test_sub_resources_are_never_taken_for_an_object(bench: Bench, name: str) -> None:
    with pytest.raises(AwsError, match="NotImplemented"):
        bench.call("PutObject", "bucket", "k", b"<Tagging/>", {}, **{name: ""})
    with pytest.raises(AwsError, match="NoSuchKey"):
        bench.s3.read_object("bucket", "k")


@pytest.mark.parametrize("name", ["partNumber", "uploadId"])
def test_half_a_part_is_never_taken_for_an_object(bench: Bench, name: str) -> None:
    with pytest.raises(AwsError, match="InvalidArgument"):
        bench.call("PutObject", "bucket", "k", b"part", {}, **{name: "1"})
    with pytest.raises(AwsError, match="NoSuchKey"):
        bench.s3.read_object("bucket", "k")
