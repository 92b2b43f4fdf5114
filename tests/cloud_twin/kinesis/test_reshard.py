"""Resharding: nothing lost, nothing twice, and in order behind the parents."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud_twin.kinesis.harness import Harness, entry, text_of

from cloud_twin.errors import AwsError

SHARD = "shardId-000000000000"
HALF = str(2**127)


def shards(harness: Harness, **more: Any) -> list[Any]:
    return list(harness.call("ListShards", StreamName="s", **more)["Shards"])


def test_a_split_closes_the_parent_and_its_reader_learns_of_the_children() -> None:
    harness = Harness()
    harness.stream()
    harness.put([("k", b"1")])
    harness.call("SplitShard", StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
    answer = harness.call("GetRecords", ShardIterator=harness.iterator(SHARD))
    assert [text_of(r) for r in answer["Records"]] == [b"1"]
    assert answer["NextShardIterator"] is None
    assert [child["ShardId"][-1] for child in answer["ChildShards"]] == ["1", "2"]
    assert answer["ChildShards"][1] == {
        "ShardId": "shardId-000000000002",
        "ParentShards": [SHARD],
        "HashKeyRange": {"StartingHashKey": HALF, "EndingHashKey": str(2**128 - 1)},
    }
    parent, lower, _ = shards(harness)
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert lower["ParentShardId"] == SHARD
    starts = [int(s["SequenceNumberRange"]["StartingSequenceNumber"]) for s in (parent, lower)]
    assert starts[0] < starts[1]
    assert (
        answer["Records"][0]["SequenceNumber"]
        < parent["SequenceNumberRange"]["EndingSequenceNumber"]
    )


def test_a_merge_names_both_parents() -> None:
    harness = Harness()
    harness.stream(2)
    harness.call(
        "MergeShards",
        StreamName="s",
        ShardToMerge=SHARD,
        AdjacentShardToMerge="shardId-000000000001",
    )
    child = shards(harness)[2]
    assert child["ParentShardId"] == SHARD
    assert child["AdjacentParentShardId"] == "shardId-000000000001"
    assert child["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_every_record_is_read_once_and_in_order_through_splits_and_merges(
    steps: list[int], seed: int
) -> None:
    """Readers take parents first; what one key sent comes in the order it was sent."""
    rng = random.Random(seed)
    harness = Harness(shard_count_updates_per_day=100)
    harness.stream(rng.randint(1, 3))
    sent: list[tuple[str, bytes]] = []
    accepted: list[str] = []
    for step in steps:
        open_shards = shards(harness, ShardFilter={"Type": "AT_LATEST"})
        open_shards.sort(key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))
        if step == 0:
            keys = rng.choice(open_shards)["HashKeyRange"]
            middle = (int(keys["StartingHashKey"]) + int(keys["EndingHashKey"])) // 2
            cut = next(s for s in open_shards if s["HashKeyRange"] == keys)["ShardId"]
            harness.call(
                "SplitShard", StreamName="s", ShardToSplit=cut, NewStartingHashKey=str(middle)
            )
        elif step == 1 and len(open_shards) > 1:
            at = rng.randrange(len(open_shards) - 1)
            one, other = (s["ShardId"] for s in open_shards[at : at + 2])
            harness.call(
                "MergeShards", StreamName="s", ShardToMerge=one, AdjacentShardToMerge=other
            )
        elif step == 2:
            count = len(open_shards)
            target = rng.randint((count + 1) // 2, 2 * count)
            harness.call(
                "UpdateShardCount",
                StreamName="s",
                TargetShardCount=target,
                ScalingType="UNIFORM_SCALING",
            )
            assert len(shards(harness, ShardFilter={"Type": "AT_LATEST"})) == target
        batch = [(f"k{rng.randrange(5)}", str(len(sent) + i).encode()) for i in range(7)]
        answer = harness.put(batch)
        assert answer["FailedRecordCount"] == 0
        sent += batch
        accepted += [record["SequenceNumber"] for record in answer["Records"]]
    seen: list[Any] = []
    for shard in shards(harness):
        found = harness.drain(shard["ShardId"])
        numbers = [int(record["SequenceNumber"]) for record in found]
        assert numbers == sorted(numbers)
        seen += found
    assert sorted(record["SequenceNumber"] for record in seen) == sorted(accepted)
    assert len(set(accepted)) == len(accepted)
    for key in {key for key, _ in sent}:
        got = [text_of(record) for record in seen if record["PartitionKey"] == key]
        assert got == [data for one, data in sent if one == key]


def test_a_change_takes_its_time_and_capacity_comes_at_the_end() -> None:
    harness = Harness()
    harness.stream()
    harness.kinesis.set_limits({"stream_change_s": 30})

    def status() -> tuple[str, int]:
        summary = harness.call("DescribeStreamSummary", StreamName="s")["StreamDescriptionSummary"]
        return summary["StreamStatus"], summary["OpenShardCount"]

    harness.call(
        "UpdateShardCount", StreamName="s", TargetShardCount=2, ScalingType="UNIFORM_SCALING"
    )
    assert status() == ("UPDATING", 1)
    assert harness.put([("k", b"")])["FailedRecordCount"] == 0
    with pytest.raises(AwsError, match="not ACTIVE, instead in state UPDATING") as refused:
        harness.call("SplitShard", StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
    assert refused.value.code == "ResourceInUseException"
    harness.clock.advance(30)
    assert status() == ("ACTIVE", 2)


@pytest.mark.parametrize(
    ("operation", "given_parameters", "code", "part"),
    [
        ("SplitShard", {"ShardToSplit": SHARD, "NewStartingHashKey": "1"},
         "InvalidArgumentException", "is not both greater than one plus"),
        ("SplitShard", {"ShardToSplit": SHARD, "NewStartingHashKey": "x"},
         "ValidationException", "regular expression"),
        ("SplitShard", {"ShardToSplit": "shardId-000000000009", "NewStartingHashKey": HALF},
         "ResourceNotFoundException", "Could not find shard shardId-000000000009"),
        ("MergeShards", {"ShardToMerge": SHARD, "AdjacentShardToMerge": "shardId-000000000002"},
         "InvalidArgumentException", "not an adjacent pair"),
        ("UpdateShardCount", {"TargetShardCount": 7, "ScalingType": "UNIFORM_SCALING"},
         "LimitExceededException", "over double"),
        ("UpdateShardCount", {"TargetShardCount": 1, "ScalingType": "UNIFORM_SCALING"},
         "LimitExceededException", "below half"),
        ("UpdateShardCount", {"TargetShardCount": 4, "ScalingType": "X"},
         "ValidationException", "UNIFORM_SCALING"),
    ],
)  # fmt: skip
def test_impossible_changes_are_refused(
    operation: str, given_parameters: dict[str, Any], code: str, part: str
) -> None:
    harness = Harness()
    harness.stream(3)
    with pytest.raises(AwsError, match=part) as refused:
        harness.call(operation, StreamName="s", **given_parameters)
    assert refused.value.code == code
    assert len(shards(harness)) == 3


def test_a_shard_that_was_split_cannot_be_split_again() -> None:
    harness = Harness()
    harness.stream()
    split = {"StreamName": "s", "ShardToSplit": SHARD, "NewStartingHashKey": HALF}
    harness.call("SplitShard", **split)
    with pytest.raises(AwsError, match="already been merged or split") as refused:
        harness.call("SplitShard", **split)
    assert refused.value.code == "InvalidArgumentException"


def test_scalings_a_day_are_limited() -> None:
    harness = Harness(shard_count_updates_per_day=2)
    harness.stream()
    scale = {"StreamName": "s", "ScalingType": "UNIFORM_SCALING"}
    harness.call("UpdateShardCount", TargetShardCount=2, **scale)
    harness.call("UpdateShardCount", TargetShardCount=1, **scale)
    with pytest.raises(AwsError, match="at most 2 times") as refused:
        harness.call("UpdateShardCount", TargetShardCount=2, **scale)
    assert refused.value.code == "LimitExceededException"
    harness.clock.advance(24 * 3600 + 1)
    harness.call("UpdateShardCount", TargetShardCount=2, **scale)


def test_shard_filters_and_pages() -> None:
    harness = Harness()
    harness.stream(2)
    harness.clock.advance(60)
    before_s = harness.clock.wall_s()
    harness.clock.advance(60)
    harness.call("SplitShard", StreamName="s", ShardToSplit=SHARD, NewStartingHashKey="77")
    harness.clock.advance(60)

    def listed(**more: Any) -> list[int]:
        return [int(shard["ShardId"][-2:]) for shard in shards(harness, **more)]

    assert listed() == [0, 1, 2, 3]
    assert listed(ExclusiveStartShardId="shardId-000000000001") == [2, 3]
    assert listed(ShardFilter={"Type": "AT_LATEST"}) == [1, 2, 3]
    assert listed(ShardFilter={"Type": "AT_TRIM_HORIZON"}) == [0, 1]
    assert listed(ShardFilter={"Type": "FROM_TRIM_HORIZON"}) == [0, 1, 2, 3]
    assert listed(ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": before_s}) == [0, 1]
    after_s = harness.clock.wall_s()
    assert listed(ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": after_s}) == [1, 2, 3]
    assert listed(ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": SHARD}) == [1, 2, 3]

    first = harness.call(
        "ListShards", StreamName="s", MaxResults=2, ShardFilter={"Type": "AT_LATEST"}
    )
    assert [shard["ShardId"][-1] for shard in first["Shards"]] == ["1", "2"]
    token = first["NextToken"]
    rest = harness.call("ListShards", NextToken=token)
    assert [shard["ShardId"][-1] for shard in rest["Shards"]] == ["3"]
    assert "NextToken" not in rest
    with pytest.raises(AwsError, match="cannot be provided together"):
        harness.call("ListShards", StreamName="s", NextToken=token)
    with pytest.raises(AwsError, match="Invalid NextToken"):
        harness.call("ListShards", NextToken="AAAA")
    harness.clock.advance(301)
    with pytest.raises(AwsError) as refused:
        harness.call("ListShards", NextToken=token)
    assert refused.value.code == "ExpiredNextTokenException"


def test_a_closed_shard_is_forgotten_after_the_retention_period() -> None:
    harness = Harness()
    harness.stream()
    harness.call("SplitShard", StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
    harness.clock.advance(24 * 3600 + 1)
    assert [shard["ShardId"][-1] for shard in shards(harness)] == ["1", "2"]
    with pytest.raises(AwsError, match="does not exist"):
        harness.iterator(SHARD)


def test_an_on_demand_stream_grows_to_twice_its_traffic() -> None:
    harness = Harness(records_per_shard_s=10)
    harness.call("CreateStream", StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(shards(harness)) == 4
    for second in range(61):
        records = [entry(f"{second}-{i}", b"") for i in range(30)]
        harness.call("PutRecords", StreamName="s", Records=records)
        harness.clock.advance(1)
    open_shards = shards(harness, ShardFilter={"Type": "AT_LATEST"})
    assert 5 <= len(open_shards) <= 6
    with pytest.raises(AwsError, match="is in On-Demand mode"):
        harness.call("SplitShard", StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
