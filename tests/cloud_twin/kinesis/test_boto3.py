"""Streams through boto3: on the running twin, and on moto where moto is right."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.cloud_twin.conftest import RunningTwin

SHARD = "shardId-000000000000"
HALF = str(2**127)
DEADLINE_S = 15.0


@pytest.fixture(params=["twin", "moto"])
def kinesis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of either."""
    if request.param == "twin":
        yield request.getfixturevalue("twin").client("kinesis")
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("kinesis", region_name="us-east-1")


def active(client: Any, name: str = "s") -> Any:
    """The stream's summary, once it is ACTIVE."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        summary = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "ACTIVE":
            return summary
        time.sleep(0.01)
    raise AssertionError(f"{name} did not become ACTIVE")


def a_stream(client: Any, shards: int = 1, name: str = "s") -> Any:
    client.create_stream(StreamName=name, ShardCount=shards)
    return active(client, name)


def read(client: Any, shard: str = SHARD, kind: str = "TRIM_HORIZON", **more: Any) -> Any:
    iterator = client.get_shard_iterator(
        StreamName="s", ShardId=shard, ShardIteratorType=kind, **more
    )["ShardIterator"]
    return client.get_records(ShardIterator=iterator)


def code_of(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**given)
    return str(refused.value.response["Error"]["Code"])


def test_a_streams_life(kinesis: Any) -> None:
    summary = a_stream(kinesis, 2)
    assert summary["OpenShardCount"] == 2
    assert summary["StreamARN"].endswith(":stream/s")
    assert kinesis.list_streams()["StreamNames"] == ["s"]
    description = kinesis.describe_stream(StreamARN=summary["StreamARN"])["StreamDescription"]
    ranges = [shard["HashKeyRange"] for shard in description["Shards"]]
    assert ranges[0] == {"StartingHashKey": "0", "EndingHashKey": str(2**127 - 1)}
    assert ranges[1] == {"StartingHashKey": HALF, "EndingHashKey": str(2**128 - 1)}
    assert code_of(kinesis.create_stream, StreamName="s", ShardCount=1) == "ResourceInUseException"
    kinesis.delete_stream(StreamName="s")
    deadline = time.monotonic() + DEADLINE_S
    while kinesis.list_streams()["StreamNames"] and time.monotonic() < deadline:
        time.sleep(0.01)
    code = code_of(kinesis.describe_stream_summary, StreamName="s")
    assert code == "ResourceNotFoundException"


def test_records_go_there_and_back(kinesis: Any) -> None:
    a_stream(kinesis)
    put = kinesis.put_record(StreamName="s", Data=b"\x00one", PartitionKey="k")
    assert put["ShardId"] == SHARD
    answer = kinesis.put_records(
        StreamName="s",
        Records=[{"Data": str(i).encode(), "PartitionKey": f"é{i}"} for i in range(500)],
    )
    assert answer["FailedRecordCount"] == 0
    found = read(kinesis)
    assert found["MillisBehindLatest"] == 0
    records = found["Records"]
    assert [r["Data"] for r in records] == [b"\x00one", *(str(i).encode() for i in range(500))]
    assert records[7]["PartitionKey"] == "é6"
    numbers = [r["SequenceNumber"] for r in records]
    assert numbers == [put["SequenceNumber"]] + [r["SequenceNumber"] for r in answer["Records"]]
    assert [int(n) for n in numbers] == sorted({int(n) for n in numbers})
    after = read(kinesis, kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[-2])
    assert [r["SequenceNumber"] for r in after["Records"]] == numbers[-1:]
    at = read(kinesis, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[-2])
    assert [r["SequenceNumber"] for r in at["Records"]] == numbers[-2:]
    assert read(kinesis, kind="LATEST")["Records"] == []
    moment = records[0]["ApproximateArrivalTimestamp"]
    assert len(read(kinesis, kind="AT_TIMESTAMP", Timestamp=moment)["Records"]) == 501


def test_both_place_records_by_the_md5_of_the_key(kinesis: Any) -> None:
    a_stream(kinesis, 4)
    keys = [f"key-{i}" for i in range(50)]
    answer = kinesis.put_records(
        StreamName="s", Records=[{"Data": b"", "PartitionKey": key} for key in keys]
    )
    places = [int(record["ShardId"][-1]) for record in answer["Records"]]
    hashes = [int(hashlib.md5(key.encode()).hexdigest(), 16) for key in keys]
    assert places == [hash_key * 4 >> 128 for hash_key in hashes]
    put = kinesis.put_record(StreamName="s", Data=b"", PartitionKey="key-0", ExplicitHashKey="0")
    assert put["ShardId"] == SHARD


def test_a_split_and_a_merge(kinesis: Any) -> None:
    a_stream(kinesis)
    kinesis.put_record(StreamName="s", Data=b"1", PartitionKey="k")
    kinesis.split_shard(StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
    active(kinesis)
    shards = kinesis.list_shards(StreamName="s")["Shards"]
    assert [shard.get("ParentShardId") for shard in shards] == [None, SHARD, SHARD]
    kinesis.merge_shards(
        StreamName="s",
        ShardToMerge=shards[1]["ShardId"],
        AdjacentShardToMerge=shards[2]["ShardId"],
    )
    active(kinesis)
    newest = kinesis.list_shards(StreamName="s")["Shards"][-1]
    assert newest["ParentShardId"] == shards[1]["ShardId"]
    assert newest["AdjacentParentShardId"] == shards[2]["ShardId"]


def test_scaling(kinesis: Any) -> None:
    a_stream(kinesis, 2)
    answer = kinesis.update_shard_count(
        StreamName="s", TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (2, 4)
    assert active(kinesis)["OpenShardCount"] == 4


def test_tags_retention_mode_and_monitoring(kinesis: Any) -> None:
    stream_arn = a_stream(kinesis)["StreamARN"]
    kinesis.add_tags_to_stream(StreamName="s", Tags={"a": "1", "b": "2"})
    kinesis.remove_tags_from_stream(StreamName="s", TagKeys=["a"])
    assert kinesis.list_tags_for_stream(StreamName="s")["Tags"] == [{"Key": "b", "Value": "2"}]
    kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    assert active(kinesis)["RetentionPeriodHours"] == 48
    kinesis.decrease_stream_retention_period(StreamName="s", RetentionPeriodHours=24)
    shorter = {"StreamName": "s", "RetentionPeriodHours": 23}
    code = code_of(kinesis.decrease_stream_retention_period, **shorter)
    assert code == "InvalidArgumentException"
    kinesis.enable_enhanced_monitoring(StreamName="s", ShardLevelMetrics=["IncomingBytes"])
    monitoring = active(kinesis)["EnhancedMonitoring"]
    assert monitoring == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    kinesis.update_stream_mode(StreamARN=stream_arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert active(kinesis)["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


def test_errors_of_streams_and_shards_that_are_not_there(kinesis: Any) -> None:
    gone = "ResourceNotFoundException"
    assert code_of(kinesis.put_record, StreamName="x", Data=b"", PartitionKey="k") == gone
    assert code_of(kinesis.delete_stream, StreamName="x") == gone
    a_stream(kinesis)
    nowhere = "shardId-000000000007"
    split = {"StreamName": "s", "ShardToSplit": nowhere, "NewStartingHashKey": HALF}
    assert code_of(kinesis.split_shard, **split) == gone
    iterator = {"StreamName": "s", "ShardId": nowhere, "ShardIteratorType": "LATEST"}
    assert code_of(kinesis.get_shard_iterator, **iterator) == gone


# --- only the twin has quotas, iterators that expire, and ends of shards -----------------------


def test_the_surplus_of_a_put_fails_and_the_caller_sees_which(twin: RunningTwin) -> None:
    client = twin.client("kinesis")
    a_stream(client)
    records = [{"Data": b"x" * 10, "PartitionKey": str(i)} for i in range(500)]
    answers = [client.put_records(StreamName="s", Records=records) for _ in range(4)]
    failed = [r for answer in answers for r in answer["Records"] if "ErrorCode" in r]
    assert sum(answer["FailedRecordCount"] for answer in answers) == len(failed) > 0
    assert failed[0]["ErrorCode"] == "ProvisionedThroughputExceededException"
    expected = f"Rate exceeded for shard {SHARD} in stream s under account 000000000000."
    assert failed[0]["ErrorMessage"] == expected
    assert len(read(client)["Records"]) == 2000 - len(failed)


def test_throttling_is_what_sdks_retry(twin: RunningTwin) -> None:
    twin.control("PATCH", "limits", {"kinesis": {"records_per_shard_s": 1}})
    once = twin.client("kinesis")
    a_stream(once)
    record: dict[str, Any] = {"StreamName": "s", "Data": b"", "PartitionKey": "k"}
    once.put_record(**record)
    assert code_of(once.put_record, **record) == "ProvisionedThroughputExceededException"
    patient = twin.client("kinesis", attempts=5)
    answer = patient.put_record(**record)
    assert answer["ResponseMetadata"]["RetryAttempts"] > 0
    twin.control("PATCH", "limits", {"kinesis": {"reads_per_shard_s": 1}})
    read(once)
    assert code_of(read, client=once) == "ProvisionedThroughputExceededException"


def test_iterators_expire_and_malformed_ones_are_invalid(twin: RunningTwin) -> None:
    client = twin.client("kinesis")
    a_stream(client)
    assert code_of(client.get_records, ShardIterator="AAAA") == "InvalidArgumentException"
    iterator = read(client)["NextShardIterator"]
    twin.control("PATCH", "limits", {"kinesis": {"iterator_s": 0}})
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            client.get_records(ShardIterator=iterator)
        except client.exceptions.ExpiredIteratorException:
            return
        time.sleep(0.25)  # five reads a second
    raise AssertionError("the iterator did not expire")


def test_pages_of_shards_and_records_after_a_merge(twin: RunningTwin) -> None:
    """moto wants the first page's parameters again, and writes to the closed parent."""
    client = twin.client("kinesis")
    a_stream(client, 5)
    first = client.list_shards(StreamName="s", MaxResults=3)
    rest = client.list_shards(NextToken=first["NextToken"], MaxResults=3)
    names = [shard["ShardId"] for shard in first["Shards"] + rest["Shards"]]
    assert names == [f"shardId-{n:012d}" for n in range(5)]
    assert "NextToken" not in rest
    client.merge_shards(StreamName="s", ShardToMerge=names[0], AdjacentShardToMerge=names[1])
    assert active(client)["OpenShardCount"] == 4
    put = client.put_record(StreamName="s", Data=b"", PartitionKey="k", ExplicitHashKey="0")
    assert put["ShardId"] == "shardId-000000000005"


def test_a_closed_shard_ends_and_names_its_children(twin: RunningTwin) -> None:
    client = twin.client("kinesis")
    a_stream(client)
    client.put_record(StreamName="s", Data=b"1", PartitionKey="k")
    client.split_shard(StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
    active(client)
    found = read(client)
    assert len(found["Records"]) == 1
    assert "NextShardIterator" not in found  # null, which botocore leaves out
    children = [child["ShardId"] for child in found["ChildShards"]]
    assert children == ["shardId-000000000001", "shardId-000000000002"]


def test_mode_on_demand_and_regions(twin: RunningTwin) -> None:
    client = twin.client("kinesis")
    client.create_stream(StreamName="d", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert active(client, "d")["OpenShardCount"] == 4
    assert client.describe_limits()["OnDemandStreamCount"] == 1
    assert twin.client("kinesis", region="eu-west-1").list_streams()["StreamNames"] == []
    split = {"StreamName": "d", "ShardToSplit": SHARD, "NewStartingHashKey": "77"}
    assert code_of(client.split_shard, **split) == "ValidationException"
    arn = active(client, "d")["StreamARN"]
    client.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    client.disable_enhanced_monitoring(StreamName="d", ShardLevelMetrics=["ALL"])
    big = client.put_record(StreamName="d", Data=b"x" * 1_500_000, PartitionKey="k")
    assert big["ShardId"]


def test_usage_is_metered(twin: RunningTwin) -> None:
    client = twin.client("kinesis")
    a_stream(client)
    client.put_records(
        StreamName="s",
        Records=[{"Data": b"x" * size, "PartitionKey": "k"} for size in (10, 30_000)],
    )
    read(client)
    usage = {
        one["unit"]: one["quantity"]
        for one in twin.control("GET", "meter")["usage"]
        if (one["service"], one["resource"]) == ("kinesis", "s")
    }
    assert usage["put_payload_units"] == 3
    assert usage["bytes_out"] == 30_012
    assert usage["shard_hours"] > 0
