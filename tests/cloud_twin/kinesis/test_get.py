"""GetShardIterator and GetRecords: positions, quotas, retention."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cloud_twin.kinesis.harness import Harness, text_of

from cloud_twin.errors import AwsError

SHARD = "shardId-000000000000"


def numbered(harness: Harness, count: int) -> list[str]:
    """Put records 0, 1, … a second apart; their sequence numbers."""
    numbers = []
    for i in range(count):
        answer = harness.put([("k", str(i).encode())])
        numbers.append(str(answer["Records"][0]["SequenceNumber"]))
        harness.clock.advance(1)
    return numbers


def read(harness: Harness, iterator: str, **more: Any) -> list[bytes]:
    answer = harness.call("GetRecords", ShardIterator=iterator, **more)
    return [text_of(record) for record in answer["Records"]]


def test_all_five_iterator_types() -> None:
    harness = Harness()
    harness.stream()
    numbers = numbered(harness, 5)
    kinds: list[tuple[str, dict[str, Any], list[bytes]]] = [
        ("TRIM_HORIZON", {}, [b"0", b"1", b"2", b"3", b"4"]),
        ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": numbers[2]}, [b"2", b"3", b"4"]),
        ("AFTER_SEQUENCE_NUMBER", {"StartingSequenceNumber": numbers[2]}, [b"3", b"4"]),
        ("AT_TIMESTAMP", {"Timestamp": 1_750_000_000.0 + 2.5}, [b"3", b"4"]),
        ("AT_TIMESTAMP", {"Timestamp": 1_750_000_000.0 + 3}, [b"3", b"4"]),
        ("LATEST", {}, []),
    ]
    iterators = [harness.iterator(SHARD, kind, **more) for kind, more, _ in kinds]
    for iterator, (_, _, expected) in zip(iterators, kinds, strict=True):
        assert read(harness, iterator) == expected
        harness.clock.advance(1)
    latest = iterators[-1]
    harness.put([("k", b"new")])
    assert read(harness, latest) == [b"new"]


def test_a_shards_starting_sequence_number_is_before_its_first_record() -> None:
    harness = Harness()
    harness.stream()
    numbered(harness, 1)
    shard = harness.call("ListShards", StreamName="s")["Shards"][0]
    start = shard["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        assert read(harness, harness.iterator(SHARD, kind, StartingSequenceNumber=start)) == [b"0"]


@pytest.mark.parametrize(
    ("kind", "more", "part"),
    [
        ("AT_SEQUENCE_NUMBER", {}, "and no StartingSequenceNumber"),
        ("LATEST", {"StartingSequenceNumber": "7"}, "and also a StartingSequenceNumber"),
        ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": "7"}, "is invalid"),
        ("AT_TIMESTAMP", {}, "no timestamp parameter"),
        ("AT_TIMESTAMP", {"Timestamp": 1_760_000_000}, "cannot be greater"),
    ],
)
def test_impossible_positions_are_invalid_arguments(
    kind: str, more: dict[str, Any], part: str
) -> None:
    harness = Harness()
    harness.stream()
    with pytest.raises(AwsError, match=part) as refused:
        harness.iterator(SHARD, kind, **more)
    assert refused.value.code == "InvalidArgumentException"


def test_a_sequence_number_of_another_shard_is_told_apart() -> None:
    harness = Harness()
    harness.stream(2)
    number = harness.call("ListShards", StreamName="s")["Shards"][1]["SequenceNumberRange"][
        "StartingSequenceNumber"
    ]
    with pytest.raises(AwsError, match="It encodes shardId-000000000001, while it was used"):
        harness.iterator(SHARD, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)


def test_an_iterator_lives_five_minutes() -> None:
    harness = Harness()
    harness.stream()
    iterator = harness.iterator(SHARD)
    harness.clock.advance(300)
    assert read(harness, iterator) == []
    harness.clock.advance(1)
    with pytest.raises(AwsError) as refused:
        read(harness, iterator)
    assert refused.value.code == "ExpiredIteratorException"
    assert refused.value.message == (
        "Iterator expired. The iterator was created at time Sun Jun 15 15:06:40 UTC 2025 while "
        "right now it is Sun Jun 15 15:11:41 UTC 2025 which is further in the future than the "
        "tolerated delay of 300000 milliseconds."
    )


@pytest.mark.parametrize("token", ["AAAA", "not base64!", "AAAAAAAAAAE" + "A" * 40 + "=", "ÄÖ"])
def test_a_malformed_iterator_is_an_invalid_argument(token: str) -> None:
    harness = Harness()
    harness.stream()
    with pytest.raises(AwsError, match="Invalid ShardIterator") as refused:
        read(harness, token)
    assert refused.value.code == "InvalidArgumentException"


def test_an_iterator_of_a_deleted_stream_finds_nothing() -> None:
    harness = Harness()
    harness.stream()
    iterator = harness.iterator(SHARD)
    harness.call("DeleteStream", StreamName="s")
    harness.stream()
    with pytest.raises(AwsError, match="does not exist") as refused:
        read(harness, iterator)
    assert refused.value.code == "ResourceNotFoundException"


def test_five_reads_a_second() -> None:
    harness = Harness()
    harness.stream()
    iterator = harness.iterator(SHARD)
    for _ in range(5):
        read(harness, iterator)
    with pytest.raises(AwsError) as refused:
        read(harness, iterator)
    assert refused.value.code == "ProvisionedThroughputExceededException"
    assert harness.metrics.of("ReadProvisionedThroughputExceeded") == 1
    harness.clock.advance(0.2)
    assert read(harness, iterator) == []


def test_what_a_read_takes_beyond_two_megabytes_a_second_is_owed() -> None:
    harness = Harness(bytes_in_per_shard_s=10**8)
    harness.stream()
    for _ in range(13):
        harness.put([("k", b"x" * 900_000)])
    answer = harness.call("GetRecords", ShardIterator=harness.iterator(SHARD))
    assert len(answer["Records"]) == 11  # 10 MiB at most
    with pytest.raises(AwsError):
        harness.call("GetRecords", ShardIterator=answer["NextShardIterator"])
    harness.clock.advance(5)
    answer = harness.call("GetRecords", ShardIterator=answer["NextShardIterator"])
    assert len(answer["Records"]) == 2
    assert harness.usage("bytes_out") == 13 * 900_001
    assert harness.metrics.of("GetRecords.Bytes") == 13 * 900_001
    assert harness.metrics.of("GetRecords.Records") == 13


def test_limit_and_how_far_behind() -> None:
    harness = Harness()
    harness.stream()
    numbered(harness, 3)
    answer = harness.call("GetRecords", ShardIterator=harness.iterator(SHARD), Limit=2)
    assert [text_of(r) for r in answer["Records"]] == [b"0", b"1"]
    assert answer["MillisBehindLatest"] == 1000
    answer = harness.call("GetRecords", ShardIterator=answer["NextShardIterator"], Limit=2)
    assert answer["MillisBehindLatest"] == 0
    with pytest.raises(AwsError, match="less than or equal to 10000"):
        read(harness, harness.iterator(SHARD), Limit=10_001)


def test_retention_hours_drop_the_oldest_records() -> None:
    harness = Harness()
    harness.stream()
    harness.call("IncreaseStreamRetentionPeriod", StreamName="s", RetentionPeriodHours=48)
    harness.put([("k", b"old")])
    harness.clock.advance(25 * 3600)
    harness.put([("k", b"new")])
    assert read(harness, harness.iterator(SHARD)) == [b"old", b"new"]
    harness.call("DecreaseStreamRetentionPeriod", StreamName="s", RetentionPeriodHours=24)
    assert read(harness, harness.iterator(SHARD)) == [b"new"]


def test_the_bound_on_memory_moves_the_trim_horizon(caplog: pytest.LogCaptureFixture) -> None:
    harness = Harness(retained_bytes_per_stream=2_000_000, records_per_shard_s=10**6)
    harness.stream()
    iterator = harness.iterator(SHARD)
    for i in range(100):
        harness.put([("k", f"{i:04d}".encode()) for _ in range(500)])
    answer = harness.call("GetRecords", ShardIterator=iterator)
    first = int(text_of(answer["Records"][0]))
    assert 60 < first < 99
    harness.clock.advance(10)
    assert int(text_of(harness.drain(SHARD)[-1])) == 99
    assert len(harness.drain(SHARD)) * 150 < 2_000_000
    assert harness.kinesis.dropped_records() == {"s": first * 500}
    (warning,) = caplog.messages
    assert "stream s holds more than retained_bytes_per_stream (2 MiB)" in warning


def test_what_retention_drops_is_no_loss() -> None:
    harness = Harness()
    harness.stream()
    harness.put([("k", b"old")])
    harness.clock.advance(25 * 3600)
    harness.put([("k", b"new")])
    assert harness.kinesis.dropped_records() == {}
