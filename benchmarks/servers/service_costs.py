"""What one stand-in for AWS costs: windows of calls, its CPU around them, and its quotas."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.processes import BenchmarkError
from benchmarks.servers.aws_calls import (
    BATCH_WRITE,
    ITEM_KEY,
    PUT_RECORDS,
    items_body,
    records_body,
    signed_call,
)
from benchmarks.servers.clouds import RunningCloud, cpu_between
from benchmarks.servers.raw_client import RawClient

STREAM, NARROW_STREAM, TABLE = "records", "one-shard", "items"
SHARDS = 10
RECORDS, RECORD_BYTES, ITEMS = 500, 300, 25
SHARD_QUOTA_PER_S = 1000
QUOTA_CALLS = 10
PREPARED_CALLS = 40
WARM_UP_CALLS = 10
TURN_CALLS = 10
"""Calls to one of two servers before it is the other's turn."""

UNBOUND = 1e12
LIFTED: Mapping[str, Mapping[str, float]] = {
    "kinesis": {
        "records_per_shard_s": UNBOUND,
        "bytes_in_per_shard_s": UNBOUND,
        "retained_bytes_per_stream": UNBOUND,
    },
    "dynamodb": {
        "on_demand_write_units_s": UNBOUND,
        "table_write_units_s": UNBOUND,
        "account_write_units_s": UNBOUND,
    },
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    calls: int
    """In a window, at most."""
    window_s: float
    """Length of a window, at most."""
    retained: int
    """Records in the filled stream."""


@dataclass(frozen=True, slots=True)
class Window:
    """A bounded number of calls."""

    calls: int
    wall_s: float
    cpu_s: float

    @property
    def cpu_ms(self) -> float:
        """Server CPU per call."""
        return self.cpu_s / self.calls * 1e3


@dataclass(frozen=True, slots=True)
class Cost:
    """What one server took in one round."""

    put_ms: float
    """CPU per PutRecords."""
    batch_write_ms: float
    records_per_s: float
    refused: int | None
    """Of the records beyond the shard's quota; None where the quota could not be exceeded."""


@dataclass(frozen=True, slots=True)
class Retention:
    """CPU per PutRecords of two twins, taken in turn: the one's stream is filled."""

    empty_ms: float
    full_ms: float


def measure(server: RunningCloud, lift_quotas: bool, plan: Plan, rng: random.Random) -> Cost:
    """The hot calls of one fresh server, and its quota, before quotas are lifted."""
    server.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": ITEM_KEY, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": ITEM_KEY, "KeyType": "HASH"}],
    )
    refused = refused_beyond_quota(server, rng)
    if lift_quotas:
        server.set_limits(LIFTED)
    puts = put_calls(server, rng)
    writes = [
        signed_call(server.url, BATCH_WRITE, items_body(TABLE, rng, ITEMS))
        for _ in range(WARM_UP_CALLS + plan.calls)
    ]
    with RawClient(server.port) as client:
        drive(server, client, puts[:WARM_UP_CALLS], plan.window_s)
        put = drive(server, client, in_turn(puts, plan.calls), plan.window_s)
        drive(server, client, writes[:WARM_UP_CALLS], plan.window_s)
        write = drive(server, client, writes[WARM_UP_CALLS:], plan.window_s)
    return Cost(put.cpu_ms, write.cpu_ms, put.calls * RECORDS / put.wall_s, refused)


def measure_retention(
    filled: RunningCloud, empty: RunningCloud, plan: Plan, rng: random.Random
) -> Retention:
    """Fill one twin's stream, then put into it and into the other's, turn and turn about.

    Turns are short, so that whatever else the machine does falls on both alike.

    Raises:
        BenchmarkError: the filled stream has not kept everything.
    """
    for server in (filled, empty):
        server.set_limits(LIFTED)
    puts = {server: put_calls(server, rng) for server in (filled, empty)}
    windows: dict[RunningCloud, list[Window]] = {filled: [], empty: []}
    with RawClient(filled.port) as to_filled, RawClient(empty.port) as to_empty:
        clients = {filled: to_filled, empty: to_empty}
        oldest = json.loads(to_filled.call(puts[filled][0]))["Records"][0]
        for start in range(RECORDS, plan.retained, RECORDS * PREPARED_CALLS):
            missing = -(-(plan.retained - start) // RECORDS)
            drive(filled, to_filled, puts[filled][:missing])
        drive(empty, to_empty, puts[empty][:WARM_UP_CALLS])
        for turn in range(plan.calls // TURN_CALLS):
            for server in (filled, empty) if turn % 2 == 0 else (empty, filled):
                calls = in_turn(puts[server], TURN_CALLS, turn * TURN_CALLS)
                windows[server].append(drive(server, clients[server], calls))
    _check_kept(filled.client("kinesis"), oldest)
    return Retention(_cpu_ms(windows[empty]), _cpu_ms(windows[filled]))


def _cpu_ms(windows: Sequence[Window]) -> float:
    calls = sum(window.calls for window in windows)
    return sum(window.cpu_s for window in windows) / calls * 1e3


def put_calls(server: RunningCloud, rng: random.Random) -> list[bytes]:
    """PutRecords calls for a new stream of the server."""
    create_stream(server, STREAM, SHARDS)
    bodies = (records_body(STREAM, rng, RECORDS, RECORD_BYTES) for _ in range(PREPARED_CALLS))
    return [signed_call(server.url, PUT_RECORDS, body) for body in bodies]


def create_stream(server: RunningCloud, name: str, shards: int) -> None:
    """Create a stream and wait until it takes records."""
    client = server.client("kinesis")
    client.create_stream(StreamName=name, ShardCount=shards)
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})


def in_turn(calls: Sequence[bytes], count: int, first: int = 0) -> list[bytes]:
    """``count`` of the calls, from number ``first`` on, beginning again after the last."""
    return [calls[number % len(calls)] for number in range(first, first + count)]


def drive(
    server: RunningCloud,
    client: RawClient,
    calls: Sequence[bytes],
    window_s: float = float("inf"),
) -> Window:
    """Send calls one after the other, as many as can be begun within the window.

    Raises:
        BenchmarkError: an answer is not 200, or a record or item was not taken.
    """
    answers: list[bytes] = []
    before = server.cpu_s()
    started = time.monotonic()
    deadline = started + window_s
    for call in calls:
        answers.append(client.call(call))
        if time.monotonic() > deadline:
            break
    wall_s = time.monotonic() - started
    cpu_s = cpu_between(before, server.cpu_s())
    for answer in answers:
        content = json.loads(answer)
        if content.get("FailedRecordCount") or content.get("UnprocessedItems"):
            raise BenchmarkError(f"not everything was taken: {answer[:300]!r}")
    return Window(len(answers), wall_s, cpu_s)


def _check_kept(kinesis: Any, oldest: Mapping[str, str]) -> None:
    """Raises ``BenchmarkError`` where the stream has lost its oldest record."""
    iterator = kinesis.get_shard_iterator(
        StreamName=STREAM, ShardId=oldest["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found = kinesis.get_records(ShardIterator=iterator, Limit=1)["Records"]
    if [record["SequenceNumber"] for record in found] != [oldest["SequenceNumber"]]:
        raise BenchmarkError("the filled stream has lost its oldest records: not what was asked")


def refused_beyond_quota(server: RunningCloud, rng: random.Random) -> int | None:
    """Records refused of those sent faster than one shard takes; None if it was not faster."""
    create_stream(server, NARROW_STREAM, 1)
    calls = [
        signed_call(server.url, PUT_RECORDS, records_body(NARROW_STREAM, rng, RECORDS, 10))
        for _ in range(QUOTA_CALLS)
    ]
    refused = 0
    with RawClient(server.port) as client:
        started = time.monotonic()
        for call in calls:
            refused += json.loads(client.call(call)).get("FailedRecordCount", 0)
        elapsed_s = time.monotonic() - started
    # A second's worth may come at once, and more as time goes by.
    exceeded = SHARD_QUOTA_PER_S * (1 + elapsed_s) < QUOTA_CALLS * RECORDS
    return refused if exceeded else None
