"""Readers inside the twin: positions, and being woken by the put itself."""

from __future__ import annotations

import asyncio

import pytest
from tests.cloud_twin.kinesis.harness import Harness

from cloud_twin.errors import AwsError
from cloud_twin.ports import StreamSource

SHARD = "shardId-000000000000"
HALF = str(2**127)
SOON_S = 5.0


async def test_reads_go_on_after_a_sequence_number() -> None:
    harness = Harness()
    source: StreamSource = harness.kinesis
    stream_arn = harness.stream()
    assert source.tip(stream_arn, SHARD) is None
    harness.put([(str(i), b"abc") for i in range(5)])
    first = await source.read(stream_arn, SHARD, None, 2, 10**6)
    assert [record.partition_key for record in first.records] == ["0", "1"]
    assert first.records[0].data_base64 == "YWJj"
    assert not first.closed
    harness.clock.advance(2)
    after = first.records[-1].sequence_number
    middle = await source.read(stream_arn, SHARD, after, 100, 8)
    assert [record.partition_key for record in middle.records] == ["2", "3"]
    assert middle.behind_ms == 2000
    rest = await source.read(stream_arn, SHARD, middle.records[-1].sequence_number, 100, 1)
    assert [record.partition_key for record in rest.records] == ["4"]
    assert rest.behind_ms == 0
    assert source.tip(stream_arn, SHARD) == rest.records[0].sequence_number
    assert harness.metrics.of("GetRecords.Records") == 5
    assert harness.usage("bytes_out") == 20


async def test_first_at_is_what_to_read_after() -> None:
    harness = Harness()
    source = harness.kinesis
    stream_arn = harness.stream()
    for i in range(3):
        harness.put([(str(i), b"")])
        harness.clock.advance(10)
    start_s = 1_750_000_000.0
    assert source.first_at(stream_arn, SHARD, start_s) is None
    for moment_s, expected in ((0.5, ["1", "2"]), (10, ["1", "2"]), (25, [])):
        after = source.first_at(stream_arn, SHARD, start_s + moment_s)
        records = (await source.read(stream_arn, SHARD, after, 10, 10**6)).records
        assert [record.partition_key for record in records] == expected


async def test_shards_and_parents_through_a_merge() -> None:
    harness = Harness()
    source = harness.kinesis
    stream_arn = harness.stream(2)
    one, other = source.shard_ids(stream_arn)
    harness.call("MergeShards", StreamName="s", ShardToMerge=one, AdjacentShardToMerge=other)
    child = source.shard_ids(stream_arn)[2]
    assert source.parents(stream_arn, child) == [one, other]
    assert source.parents(stream_arn, one) == []
    assert (await source.read(stream_arn, one, None, 10, 10)).closed
    harness.clock.advance(25 * 3600)
    assert source.shard_ids(stream_arn) == [child]
    assert source.parents(stream_arn, child) == []


async def test_a_put_wakes_who_waits_within_the_loops_next_turns() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    waits = [asyncio.ensure_future(harness.kinesis.wait(stream_arn, SHARD, None)) for _ in "ab"]
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)
    harness.put([("k", b"")])
    for _ in range(5):  # turns of the loop, not time
        await asyncio.sleep(0)
    assert all(wait.done() for wait in waits)
    await asyncio.wait_for(harness.kinesis.wait(stream_arn, SHARD, None), SOON_S)


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    wait = asyncio.ensure_future(harness.kinesis.wait(stream_arn, SHARD, None))
    await asyncio.sleep(0)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait
    assert harness.put([("k", b"")])["FailedRecordCount"] == 0


async def test_the_closing_of_a_shard_wakes_who_waits() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    wait = asyncio.ensure_future(harness.kinesis.wait(stream_arn, SHARD, None))
    await asyncio.sleep(0)
    harness.call("SplitShard", StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
    await asyncio.wait_for(wait, SOON_S)


async def test_a_change_that_becomes_due_wakes_who_waits_without_any_call() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    harness.kinesis.set_limits({"stream_change_s": 0.01})
    wait = asyncio.ensure_future(harness.kinesis.wait(stream_arn, SHARD, None))
    await asyncio.sleep(0)
    harness.call("SplitShard", StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=HALF)
    assert not wait.done()
    harness.clock.advance(0.01)
    await asyncio.wait_for(wait, SOON_S)


async def test_the_end_of_a_stream_ends_a_wait() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    wait = asyncio.ensure_future(harness.kinesis.wait(stream_arn, SHARD, None))
    await asyncio.sleep(0)
    harness.call("DeleteStream", StreamName="s")
    with pytest.raises(AwsError) as refused:
        await asyncio.wait_for(wait, SOON_S)
    assert refused.value.code == "ResourceNotFoundException"


async def test_an_unknown_stream_shard_or_sequence_number_is_an_error() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    with pytest.raises(AwsError, match="not found"):
        harness.kinesis.shard_ids(stream_arn + "x")
    with pytest.raises(AwsError, match="Could not find shard"):
        await harness.kinesis.read(stream_arn, "shardId-000000000001", None, 1, 1)
    with pytest.raises(AwsError, match="is not one of"):
        await harness.kinesis.read(stream_arn, SHARD, "7", 1, 1)


async def test_reads_share_the_shards_bytes_a_second_and_wait_for_them() -> None:
    harness = Harness(bytes_out_per_shard_s=1000)
    source, stream_arn = harness.kinesis, harness.stream()
    harness.put([("k", bytes(1099))])
    first = await source.read(stream_arn, SHARD, None, 10, 10**6)
    harness.put([("k", b"x")])
    after = first.records[-1].sequence_number
    with pytest.raises(AwsError) as refused:
        harness.call("GetRecords", ShardIterator=harness.iterator(SHARD))
    assert refused.value.code == "ProvisionedThroughputExceededException"
    late = asyncio.ensure_future(source.read(stream_arn, SHARD, after, 10, 10**6))
    for _ in range(5):  # turns of the loop, not time
        await asyncio.sleep(0)
    assert not late.done(), "100 bytes are owed"
    harness.clock.advance(0.101)
    read = await asyncio.wait_for(late, SOON_S)
    assert [record.data_base64 for record in read.records] == ["eA=="]


async def test_a_read_that_waits_for_bytes_hears_of_a_raised_quota_and_of_the_streams_end() -> None:
    harness = Harness(bytes_out_per_shard_s=1)
    source, stream_arn = harness.kinesis, harness.stream()
    harness.put([("k", b"xyz")])
    await source.read(stream_arn, SHARD, None, 10, 10**6)
    late = asyncio.ensure_future(source.read(stream_arn, SHARD, None, 10, 10**6))
    await asyncio.sleep(0)
    harness.kinesis.set_limits({"bytes_out_per_shard_s": 1e6})
    assert (await asyncio.wait_for(late, SOON_S)).records
    harness.kinesis.set_limits({"bytes_out_per_shard_s": 1})
    await source.read(stream_arn, SHARD, None, 10, 10**6)
    late = asyncio.ensure_future(source.read(stream_arn, SHARD, None, 10, 10**6))
    await asyncio.sleep(0)
    harness.call("DeleteStream", StreamName="s")
    with pytest.raises(AwsError, match="not found"):
        await asyncio.wait_for(late, SOON_S)


async def test_reads_are_not_counted_against_the_five_a_second() -> None:
    harness = Harness()
    stream_arn = harness.stream()
    for _ in range(20):
        await harness.kinesis.read(stream_arn, SHARD, None, 10, 10**6)
    assert harness.metrics.of("ReadProvisionedThroughputExceeded") == 0
