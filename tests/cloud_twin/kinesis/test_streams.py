"""Streams themselves: states, names, listings, settings, quotas of the account, hours."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud_twin.kinesis.harness import ACCOUNT, Harness, entry

from cloud_twin.errors import AwsError, TwinError
from cloud_twin.service import Protocols


def summary(harness: Harness, **name: str) -> Any:
    answer = harness.call("DescribeStreamSummary", **(name or {"StreamName": "s"}))
    return answer["StreamDescriptionSummary"]


def test_a_stream_is_created_and_deleted_in_time() -> None:
    harness = Harness(stream_change_s=5)
    harness.stream(2)
    assert summary(harness)["StreamStatus"] == "CREATING"
    with pytest.raises(AwsError, match="Stream s under account 000000000000 not found"):
        harness.put([("k", b"")])
    with pytest.raises(AwsError, match="instead in state CREATING"):
        harness.call("ListShards", StreamName="s")
    harness.clock.advance(5)
    assert summary(harness)["StreamStatus"] == "ACTIVE"
    assert summary(harness)["OpenShardCount"] == 2
    harness.call("DeleteStream", StreamName="s")
    assert summary(harness)["StreamStatus"] == "DELETING"
    harness.clock.advance(5)
    with pytest.raises(AwsError) as refused:
        summary(harness)
    assert refused.value.code == "ResourceNotFoundException"


def test_a_stream_has_a_name_or_an_arn() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    assert summary(harness, StreamARN=stream_arn)["StreamName"] == "s"
    assert summary(harness, StreamARN=stream_arn, StreamName="s")["StreamARN"] == stream_arn
    harness.call("PutRecords", StreamARN=stream_arn, Records=[entry("k", b"")])
    for wrong, code in (
        ({}, "InvalidArgumentException"),
        ({"StreamARN": stream_arn, "StreamName": "t"}, "InvalidArgumentException"),
        ({"StreamName": "t"}, "ResourceNotFoundException"),
        ({"StreamName": "a b"}, "ValidationException"),
        ({"StreamName": ""}, "ValidationException"),
        ({"StreamName": 3}, "SerializationException"),
        ({"StreamName": "x" * 129}, "ValidationException"),
    ):
        with pytest.raises(AwsError) as refused:
            harness.call("DescribeStream", **wrong)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"StreamName": "s", "ShardCount": 1}, "ResourceInUseException"),
        ({"StreamName": "t"}, "ValidationException"),
        ({"StreamName": "t", "ShardCount": 0}, "ValidationException"),
        ({"StreamName": "t", "ShardCount": "1"}, "SerializationException"),
        ({"StreamName": "t", "ShardCount": 11}, "LimitExceededException"),
        ({"ShardCount": 1}, "ValidationException"),
        ({"StreamName": "t", "StreamModeDetails": {"StreamMode": "X"}}, "ValidationException"),
        (
            {"StreamName": "t", "ShardCount": 1, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}},
            "ValidationException",
        ),
    ],
)
def test_impossible_streams_are_refused(given: dict[str, Any], code: str) -> None:
    harness = Harness(shards_per_account=11)
    harness.stream()
    with pytest.raises(AwsError) as refused:
        harness.call("CreateStream", **given)
    assert refused.value.code == code
    assert harness.call("ListStreams")["StreamNames"] == ["s"]


def test_describe_and_list_go_page_by_page() -> None:
    harness = Harness()
    harness.stream(5)
    harness.stream(1, "a")
    harness.stream(1, "z")
    page = harness.call("DescribeStream", StreamName="s", Limit=3)["StreamDescription"]
    assert (len(page["Shards"]), page["HasMoreShards"]) == (3, True)
    rest = harness.call(
        "DescribeStream", StreamName="s", ExclusiveStartShardId=page["Shards"][-1]["ShardId"]
    )["StreamDescription"]
    assert (len(rest["Shards"]), rest["HasMoreShards"]) == (2, False)
    first = harness.call("ListStreams", Limit=2)
    assert (first["StreamNames"], first["HasMoreStreams"]) == (["a", "s"], True)
    second = harness.call("ListStreams", NextToken=first["NextToken"])
    assert (second["StreamNames"], second["HasMoreStreams"]) == (["z"], False)
    limits = harness.call("DescribeLimits")
    assert limits["OpenShardCount"] == 7
    assert limits["ShardLimit"] == 20_000


def test_tags() -> None:
    harness = Harness()
    harness.stream()
    harness.call("AddTagsToStream", StreamName="s", Tags={"team": "fraud", "env": "test"})
    harness.call("AddTagsToStream", StreamName="s", Tags={"env": "load"})
    harness.call("RemoveTagsFromStream", StreamName="s", TagKeys=["team"])
    answer = harness.call("ListTagsForStream", StreamName="s")
    assert answer == {"Tags": [{"Key": "env", "Value": "load"}], "HasMoreTags": False}
    for tags in ({"a": "<"}, {str(i): "" for i in range(50)}):
        with pytest.raises(AwsError) as refused:
            harness.call("AddTagsToStream", StreamName="s", Tags=tags)
        assert refused.value.code == "InvalidArgumentException"


@pytest.mark.parametrize(
    ("operation", "hours"),
    [
        ("IncreaseStreamRetentionPeriod", 23),
        ("IncreaseStreamRetentionPeriod", 8761),
        ("IncreaseStreamRetentionPeriod", 30),
        ("DecreaseStreamRetentionPeriod", 50),
    ],
)
def test_impossible_retention_periods_are_refused(operation: str, hours: int) -> None:
    harness = Harness()
    harness.stream()
    harness.call("IncreaseStreamRetentionPeriod", StreamName="s", RetentionPeriodHours=48)
    with pytest.raises(AwsError) as refused:
        harness.call(operation, StreamName="s", RetentionPeriodHours=hours)
    assert refused.value.code == "InvalidArgumentException"
    assert summary(harness)["RetentionPeriodHours"] == 48


def test_enhanced_monitoring_and_record_size() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    answer = harness.call(
        "EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["IncomingBytes"]
    )
    assert answer["DesiredShardLevelMetrics"] == ["IncomingBytes"]
    answer = harness.call("DisableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["ALL"])
    assert answer["CurrentShardLevelMetrics"] == ["IncomingBytes"]
    assert answer["DesiredShardLevelMetrics"] == []
    with pytest.raises(AwsError, match="enum value set"):
        harness.call("EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["Bytes"])
    harness.call("UpdateMaxRecordSize", StreamARN=stream_arn, MaxRecordSizeInKiB=2048)
    assert summary(harness)["MaxRecordSizeInKiB"] == 2048
    big = [entry("k", b"x" * 1_500_000)]
    assert harness.call("PutRecords", StreamName="s", Records=big)["FailedRecordCount"] == 0
    assert harness.call("PutRecords", StreamName="s", Records=big)["FailedRecordCount"] == 1


def test_the_mode_can_be_changed_twice_a_day() -> None:
    harness = Harness()
    stream_arn = harness.stream(3)
    for mode in ("ON_DEMAND", "PROVISIONED"):
        harness.call(
            "UpdateStreamMode", StreamARN=stream_arn, StreamModeDetails={"StreamMode": mode}
        )
        assert summary(harness)["StreamModeDetails"] == {"StreamMode": mode}
        assert summary(harness)["OpenShardCount"] == 3
    with pytest.raises(AwsError, match="at most 2 times") as refused:
        harness.call(
            "UpdateStreamMode", StreamARN=stream_arn, StreamModeDetails={"StreamMode": "ON_DEMAND"}
        )
    assert refused.value.code == "LimitExceededException"


def test_hours_are_billed_by_time_and_by_the_shards_there_were() -> None:
    harness = Harness()
    stream_arn = harness.stream(2)
    harness.clock.advance(1800)
    assert harness.usage("shard_hours") == pytest.approx(1)
    assert harness.usage("shard_hours") == pytest.approx(1)  # reading does not add
    harness.call(
        "UpdateShardCount", StreamName="s", TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    harness.clock.advance(1800)
    assert harness.usage("shard_hours") == pytest.approx(3)
    harness.call(
        "UpdateStreamMode", StreamARN=stream_arn, StreamModeDetails={"StreamMode": "ON_DEMAND"}
    )
    harness.clock.advance(7200)
    harness.call("DeleteStream", StreamName="s")
    harness.clock.advance(7200)
    assert harness.usage("shard_hours") == pytest.approx(3)
    assert harness.usage("stream_hours") == pytest.approx(2)


async def test_limits_are_named_checked_and_reset() -> None:
    harness = Harness()
    harness.stream()
    assert harness.kinesis.limits()["records_per_shard_s"] == 1000
    for changes in ({"records": 1}, {"records_per_shard_s": -1}, {"records_per_put": 0}):
        with pytest.raises(TwinError, match="kinesis"):
            harness.kinesis.set_limits(changes)
    harness.kinesis.set_limits({"records_per_shard_s": 2})
    assert harness.put([("k", b"")] * 3)["FailedRecordCount"] == 1
    await harness.kinesis.reset()
    assert harness.kinesis.limits()["records_per_shard_s"] == 1000
    assert harness.call("ListStreams")["StreamNames"] == []
    await harness.kinesis.close()


def test_an_unknown_operation_is_awss_error() -> None:
    harness = Harness()
    assert harness.kinesis.protocol is Protocols.JSON_1_1
    with pytest.raises(AwsError) as refused:
        harness.call("Frobnicate", StreamName=ACCOUNT)
    assert refused.value.code == "UnknownOperationException"
