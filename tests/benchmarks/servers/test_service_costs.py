"""The measurements of one server, on a real twin: what they do, not how fast."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.processes import BenchmarkError
from benchmarks.servers.clouds import TWIN, RunningCloud, running
from benchmarks.servers.raw_client import RawClient
from benchmarks.servers.service_costs import (
    LIFTED,
    QUOTA_CALLS,
    RECORDS,
    STREAM,
    TABLE,
    Plan,
    Window,
    drive,
    in_turn,
    measure,
    measure_retention,
    put_calls,
)

PLAN = Plan(rounds=1, calls=20, window_s=30.0, retained=30_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningCloud]:
    with running(TWIN, tmp_path / "twin") as started:
        yield started


def records_in(server: RunningCloud) -> int:
    """How many the stream gives back."""
    kinesis = server.client("kinesis")
    found = 0
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found += len(kinesis.get_records(ShardIterator=iterator)["Records"])
    return found


def test_everything_is_measured_and_taken(server: RunningCloud) -> None:
    cost = measure(server, True, PLAN, random.Random(1))
    assert cost.put_ms > 0
    assert cost.batch_write_ms > 0
    assert cost.records_per_s > 0
    assert cost.refused is not None
    assert 0 < cost.refused <= QUOTA_CALLS * RECORDS - 1000
    assert records_in(server) == (10 + 20) * RECORDS
    items = server.client("dynamodb").scan(TableName=TABLE, Select="COUNT")
    assert items["Count"] == (10 + 20) * 25


def test_a_stream_is_filled_and_compared_with_another(server: RunningCloud, tmp_path: Path) -> None:
    with running(TWIN, tmp_path / "other") as other:
        kept = measure_retention(server, other, PLAN, random.Random(1))
        assert kept.empty_ms > 0
        assert kept.full_ms > 0
        assert records_in(server) == PLAN.retained + 20 * RECORDS
        assert records_in(other) == (10 + 20) * RECORDS


def test_a_stream_that_forgets_is_not_measured(
    server: RunningCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful = {**LIFTED, "kinesis": {**LIFTED["kinesis"], "retained_bytes_per_stream": 100_000}}
    monkeypatch.setattr("benchmarks.servers.service_costs.LIFTED", forgetful)
    with (
        running(TWIN, tmp_path / "other") as other,
        pytest.raises(BenchmarkError, match="lost its oldest"),
    ):
        measure_retention(server, other, PLAN, random.Random(1))


def test_refused_records_end_a_window(server: RunningCloud) -> None:
    calls = put_calls(server, random.Random(1))
    with (
        RawClient(server.port) as client,
        pytest.raises(BenchmarkError, match="not everything was taken"),
    ):
        drive(server, client, calls)


def test_a_window_ends_at_its_time(server: RunningCloud) -> None:
    server.set_limits(LIFTED)
    calls = put_calls(server, random.Random(1))
    with RawClient(server.port) as client:
        assert drive(server, client, calls, 0.0).calls == 1
        assert drive(server, client, calls[:3]).calls == 3


def test_calls_in_turn() -> None:
    assert in_turn([b"a", b"b", b"c"], 5, 2) == [b"c", b"a", b"b", b"c", b"a"]


def test_cpu_is_told_per_call() -> None:
    assert Window(calls=4, wall_s=1.0, cpu_s=0.01).cpu_ms == 2.5
