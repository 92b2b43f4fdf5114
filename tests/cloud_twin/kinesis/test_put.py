"""PutRecords and PutRecord: what is taken, what is refused, what it costs."""

from __future__ import annotations

import base64
import hashlib
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cloud_twin.kinesis.harness import Harness, entry, text_of

from cloud_twin.errors import AwsError
from cloud_twin.service import PartialFailure

SHARD = "shardId-000000000000"


def test_records_come_back_in_order_with_their_keys_and_times() -> None:
    harness = Harness()
    harness.stream()
    sent = [(f"key {i} “é”", b"x" * i) for i in range(20)]
    answer = harness.put(sent)
    assert answer["FailedRecordCount"] == 0
    records = harness.drain(SHARD)
    assert [(r["PartitionKey"], text_of(r)) for r in records] == sent
    assert [r["SequenceNumber"] for r in records] == [
        r["SequenceNumber"] for r in answer["Records"]
    ]
    assert all(len(r["SequenceNumber"]) == 56 for r in records)
    assert [int(r["SequenceNumber"]) for r in records] == sorted(
        {int(r["SequenceNumber"]) for r in records}
    )
    assert records[0]["ApproximateArrivalTimestamp"] == 1_750_000_000.0


def test_the_md5_of_the_key_chooses_the_shard_and_an_explicit_hash_key_overrides_it() -> None:
    harness = Harness()
    harness.stream(4)
    keys = [f"k{i}" for i in range(50)]
    answer = harness.put([(key, b"") for key in keys])
    for key, record in zip(keys, answer["Records"], strict=True):
        number = int(hashlib.md5(key.encode()).hexdigest(), 16) * 4 >> 128
        assert record["ShardId"] == f"shardId-{number:012d}"
    answer = harness.call(
        "PutRecords",
        StreamName="s",
        Records=[
            entry("k", b"", ExplicitHashKey=str(2**128 - 1)),
            entry("k", b"", ExplicitHashKey="0"),
            entry("k0", b""),
        ],
    )
    assert [r["ShardId"][-1] for r in answer["Records"][:2]] == ["3", "0"]


def test_the_surplus_fails_record_by_record_with_awss_text() -> None:
    harness = Harness(records_per_shard_s=300)
    harness.stream()
    answer = harness.put([(str(i), b"") for i in range(500)])
    assert answer["FailedRecordCount"] == 200
    assert answer["Records"][300] == {
        "ErrorCode": "ProvisionedThroughputExceededException",
        "ErrorMessage": f"Rate exceeded for shard {SHARD} in stream s under account 000000000000.",
    }
    assert [r["PartitionKey"] for r in harness.drain(SHARD)] == [str(i) for i in range(300)]
    assert harness.metrics.of("WriteProvisionedThroughputExceeded") == 200
    assert harness.metrics.of("IncomingRecords") == 300
    assert harness.usage("put_payload_units") == 300
    harness.clock.advance(0.1)
    full = Harness(records_per_shard_s=1)
    full.stream()
    full.call("PutRecord", StreamName="s", **entry("k", b"1"))
    with pytest.raises(AwsError) as refused:
        full.call("PutRecord", StreamName="s", **entry("k", b"2"))
    assert refused.value.code == "ProvisionedThroughputExceededException"
    assert refused.value.status == 400
    full.clock.advance(1)
    assert full.call("PutRecord", StreamName="s", **entry("k", b"3"))["ShardId"] == SHARD


@given(
    st.lists(
        st.tuples(st.floats(0, 0.7), st.lists(st.integers(0, 400), min_size=1, max_size=12)),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_no_shard_takes_more_than_its_quota_in_any_window(
    puts: list[tuple[float, list[int]]], shards: int
) -> None:
    """A token bucket of rate r and burst r takes at most r·(1 + t) in any t seconds."""
    records_s, bytes_s = 10.0, 1500.0
    harness = Harness(records_per_shard_s=records_s, bytes_in_per_shard_s=bytes_s)
    harness.stream(shards)
    taken: dict[str, list[tuple[float, int]]] = {}
    number = 0
    for pause_s, sizes in puts:
        harness.clock.advance(pause_s)
        entries = []
        for size in sizes:
            number += 1
            entries.append((f"{number:06d}", b"x" * size))
        answer = harness.put(entries)
        refused = 0
        for (key, data), record in zip(entries, answer["Records"], strict=True):
            if "ErrorCode" in record:
                refused += 1
            else:
                at = (harness.clock.monotonic_s(), len(key) + len(data))
                taken.setdefault(record["ShardId"], []).append(at)
        assert refused == answer["FailedRecordCount"]
    for admitted in taken.values():
        for first, (begin_s, _) in enumerate(admitted):
            size_bytes = 0
            for count, (end_s, size) in enumerate(admitted[first:], 1):
                size_bytes += size
                assert count <= records_s * (1 + end_s - begin_s) + 1e-6
                assert size_bytes <= bytes_s * (1 + end_s - begin_s) + 1e-6


def test_a_fault_plan_fails_entries_and_keeps_the_rest() -> None:
    harness = Harness()
    harness.stream(2)
    partial = PartialFailure(0.5, "InternalFailure", 'a "quoted" reason', random.Random(3))
    answer = harness.faulted(
        partial,
        "PutRecords",
        StreamName="s",
        Records=[entry(str(i), b"") for i in range(100)],
    )
    failed = [r for r in answer["Records"] if "ErrorCode" in r]
    assert 20 < len(failed) < 80
    assert answer["FailedRecordCount"] == len(failed)
    assert failed[0] == {"ErrorCode": "InternalFailure", "ErrorMessage": 'a "quoted" reason'}
    kept = harness.drain(SHARD) + harness.drain("shardId-000000000001")
    assert len(kept) == 100 - len(failed)
    assert harness.metrics.of("WriteProvisionedThroughputExceeded") == 0


@pytest.mark.parametrize(
    ("records", "code", "part"),
    [
        (None, "ValidationException", "'records' failed to satisfy constraint: Member must not"),
        ([], "ValidationException", "length greater than or equal to 1"),
        ("x", "SerializationException", "records"),
        ([entry("k", b"")] * 501, "ValidationException", "less than or equal to 500"),
        ([{"Data": "AAAA"}], "ValidationException", "'records.1.member.partitionKey'"),
        ([entry("k", b""), {"PartitionKey": "k"}], "ValidationException", "records.2.member.data"),
        ([{"PartitionKey": 3, "Data": "AAAA"}], "SerializationException", "partitionKey"),
        ([{"PartitionKey": "k", "Data": 3}], "SerializationException", "data"),
        ([3], "SerializationException", "records.1.member"),
        ([entry("", b"")], "ValidationException", "greater than or equal to 1"),
        ([entry("k" * 257, b"")], "ValidationException", "less than or equal to 256"),
        ([{"PartitionKey": "k", "Data": "AAA"}], "SerializationException", "base64"),
        ([{"PartitionKey": "k", "Data": "AA=A"}], "SerializationException", "base64"),
        ([{"PartitionKey": "k", "Data": "A==="}], "SerializationException", "base64"),
        ([{"PartitionKey": "k", "Data": "===="}], "SerializationException", "base64"),
        ([{"PartitionKey": "k", "Data": "AA==AA=="}], "SerializationException", "base64"),
        ([{"PartitionKey": "k", "Data": "AA\n="}], "SerializationException", "base64"),
        ([{"PartitionKey": "k", "Data": "AA-_"}], "SerializationException", "base64"),
        ([{"PartitionKey": "k", "Data": "ÄÄÄÄ"}], "SerializationException", "base64"),
        ([entry("k", b"x" * 2**20)], "ValidationException", "equal to 1048576"),
        ([entry("k", b"", ExplicitHashKey="x")], "ValidationException", "regular expression"),
        ([entry("k", b"", ExplicitHashKey=str(2**128))], "InvalidArgumentException", "2^128-1"),
        ([entry("k", b"x" * 900_000)] * 12, "InvalidArgumentException", "10 MB"),
    ],
)
def test_bad_records_are_refused_as_a_whole(records: Any, code: str, part: str) -> None:
    harness = Harness()
    harness.stream()
    with pytest.raises(AwsError) as refused:
        harness.call("PutRecords", StreamName="s", Records=records)
    assert refused.value.code == code
    assert part in refused.value.message
    assert harness.drain(SHARD) == []


@given(st.lists(st.text("Aa0+/=é\n", max_size=12), min_size=1, max_size=6))
def test_the_bulk_check_of_base64_is_pythons_strict_one(texts: list[str]) -> None:
    def is_base64(one: str) -> bool:
        try:
            base64.b64decode(one, validate=True)
        except ValueError:
            return False
        return len(one) % 4 == 0 and not one.startswith("=")

    harness = Harness()
    harness.stream()
    records = [{"PartitionKey": "k", "Data": one} for one in texts]
    if all(map(is_base64, texts)):
        harness.call("PutRecords", StreamName="s", Records=records)
        found = harness.drain(SHARD)
        assert [record["Data"] for record in found] == texts
        size = sum(len(base64.b64decode(one)) + 1 for one in texts)
        assert harness.metrics.of("IncomingBytes") == size
    else:
        with pytest.raises(AwsError):
            harness.call("PutRecords", StreamName="s", Records=records)


def test_put_record_names_its_own_members() -> None:
    harness = Harness()
    harness.stream()
    with pytest.raises(AwsError, match="'partitionKey' failed"):
        harness.call("PutRecord", StreamName="s", Data="AAAA")
    with pytest.raises(AwsError, match="ExclusiveMinimumSequenceNumber 7 used in PutRecord"):
        harness.call("PutRecord", StreamName="s", SequenceNumberForOrdering="7", **entry("k", b""))
    first = harness.call("PutRecord", StreamName="s", **entry("k", b"a"))
    harness.call(
        "PutRecord",
        StreamName="s",
        SequenceNumberForOrdering=first["SequenceNumber"],
        **entry("k", b"b"),
    )
    assert [text_of(r) for r in harness.drain(SHARD)] == [b"a", b"b"]


def test_a_record_larger_than_a_seconds_worth_is_taken_by_a_rested_shard() -> None:
    harness = Harness(bytes_in_per_shard_s=1000)
    harness.stream()
    large = {"StreamName": "s", **entry("k", b"x" * 5000)}
    harness.call("PutRecord", **large)
    with pytest.raises(AwsError):
        harness.call("PutRecord", **large)
    harness.clock.advance(5)
    with pytest.raises(AwsError):
        harness.call("PutRecord", **large)
    harness.clock.advance(0.1)
    harness.call("PutRecord", **large)


def test_the_bill_counts_payload_units_or_whole_kilobytes() -> None:
    harness = Harness()
    harness.stream()
    harness.put([("k", b"x" * 25 * 1024), ("k", b"x" * 10), ("k", b"x" * 60_000)])
    assert harness.usage("put_payload_units") == 2 + 1 + 3
    harness.call("CreateStream", StreamName="d", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    harness.put([("k", b"x" * 1024), ("k", b"x")], "d")
    assert harness.usage("on_demand_bytes_in", "d") == (2 + 1) * 1024
    assert harness.usage("put_payload_units", "d") == 0


def test_metrics_cost_the_same_number_of_calls_however_many_records() -> None:
    harness = Harness()
    harness.stream()
    harness.put([("k", b"x")])
    once = harness.metrics.calls
    harness.put([("k", b"x")] * 500)
    assert harness.metrics.calls == 2 * once
    assert harness.metrics.of("IncomingRecords") == 501
    assert harness.metrics.of("IncomingBytes") == 1002


def test_shard_level_metrics_are_emitted_once_enabled() -> None:
    harness = Harness(records_per_shard_s=2)
    harness.stream()
    of_shard = (("StreamName", "s"), ("ShardId", SHARD))
    harness.put([("k", b"x")])
    assert harness.metrics.sums["IncomingRecords", of_shard] == 0
    harness.call("EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["ALL"])
    harness.put([("k", b"x")] * 3)
    harness.drain(SHARD)
    assert harness.metrics.sums["IncomingRecords", of_shard] == 1
    assert harness.metrics.sums["IncomingBytes", of_shard] == 2
    assert harness.metrics.sums["WriteProvisionedThroughputExceeded", of_shard] == 2
    assert harness.metrics.sums["OutgoingRecords", of_shard] == 2
