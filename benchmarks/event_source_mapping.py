"""From a Kinesis record to its function: ``python -m benchmarks.event_source_mapping``.

A steady load of small batches goes into a stream that is mapped to a function; the function, a real
``awslambdaric`` process, compares its clock with each record's time of arrival.
"""

from __future__ import annotations

import io
import json
import random
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import SERVER_CORE, BenchmarkError, require_two_cores
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread, median_or_none, nearest_rank
from benchmarks.servers import arrival_handler
from benchmarks.servers.aws_calls import PUT_RECORDS, records_body, signed_call
from benchmarks.servers.clouds import TWIN, RunningCloud, cpu_between, running
from benchmarks.servers.raw_client import RawClient, stay_with_the_client

STREAM, FUNCTION = "records", "arrivals"
SHARDS = 4
RATE_PER_S = 1000
BATCH = 10
RECORD_BYTES = 300
PREPARED_CALLS = 50
WARM_UP_S = 2.0
SETTLE_DEADLINE_S = 30.0
PERCENTILES = (50, 95, 99, 100)

METHOD = (
    f"The twin and the function's processes share core {SERVER_CORE}; the sender has the other. "
    f"{RATE_PER_S:,} records a second of {RECORD_BYTES} bytes, {BATCH} in each PutRecords, each "
    f"with a partition key of its own, into {SHARDS} shards.",
    "The mapping has AWS's defaults: batches of up to 100 records, no window, one batch at a time "
    "per shard. The function is run by AWS's own runtime client (awslambdaric) and only notes when "
    "it was entered and with which records.",
    "Overhead is the function's clock at its first line minus ApproximateArrivalTimestamp, of "
    "every record: waiting for the shard's earlier batch is in it. Both are the same machine's "
    "clock; the timestamp is rounded to milliseconds, so a figure may be off by half of one.",
    f"{WARM_UP_S:g} s of the same load go before the measurement and are left out: environments "
    "are warm. A record that is lost, or that comes twice, ends the benchmark.",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: overheads in ms by percentile, and what went on."""

    records: int
    rate_per_s: float
    """Records put per second, as achieved."""
    records_per_event: float
    environments: int
    core_used: float
    """Share of their core that the twin and the functions took."""
    overhead_ms: dict[int, float]


class Entered(BaseModel):
    """A line of the function: when it was entered, with which records and their arrivals."""

    entered_s: float
    records: list[tuple[str, float]]


def measure_all(options: Options) -> Record:
    """All runs."""
    require_two_cores()
    rounds = options.repeats or (1 if options.quick else 5)
    duration_s = 4.0 if options.quick else 15.0
    runs: list[Run] = []
    noise = NoiseMeter()
    stay_with_the_client()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        for number in range(rounds):
            run = measure(duration_s, random.Random(number), Path(scratch) / str(number))
            runs.append(run)
            told = ", ".join(f"P{p} {run.overhead_ms[p]:.1f}" for p in PERCENTILES)
            say(f"{run.rate_per_s:,.0f} records/s: {told} ms")
    return Record(
        benchmark="event_source_mapping",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"Runs: {rounds} of {duration_s:g} s, each with a fresh twin."),
        tools={name: version(name) for name in ("squall", "awslambdaric")},
        bars=bars_of(runs),
        tables=(table_of(runs),),
        rounds=tuple(
            {**asdict(run), "overhead_ms": {f"p{p}": ms for p, ms in run.overhead_ms.items()}}
            for run in runs
        ),
    )


def measure(duration_s: float, rng: random.Random, directory: Path) -> Run:
    """One run with a fresh twin."""
    arrivals = directory / "arrivals"
    arrivals.mkdir(parents=True)
    with running(TWIN, directory / "twin") as server:
        _map_stream(server, arrivals)
        calls = [
            signed_call(server.url, PUT_RECORDS, records_body(STREAM, rng, BATCH, RECORD_BYTES))
            for _ in range(PREPARED_CALLS)
        ]
        with RawClient(server.port) as client:
            warm = put_steadily(client, calls, WARM_UP_S)
            _until(lambda: seen(arrivals) >= warm, "the function has not seen the warm-up")
            before, started, started_s = server.cpu_s(), time.monotonic(), time.time()
            sent = put_steadily(client, calls, duration_s)
            elapsed_s = time.monotonic() - started
            used_s = cpu_between(before, server.cpu_s())
        _until(lambda: seen(arrivals) >= warm + sent, "the function has not seen every record")
    return read_run(arrivals, started_s, sent, elapsed_s, used_s / elapsed_s)


def _map_stream(server: RunningCloud, arrivals: Path) -> None:
    kinesis, functions = server.client("kinesis"), server.client("lambda")
    kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    summary = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/benchmark",
        Handler="arrival_handler.handler",
        Code={"ZipFile": _archive()},
        Timeout=30,
        MemorySize=256,
        Environment={"Variables": {arrival_handler.DIRECTORY_VARIABLE: str(arrivals)}},
    )
    functions.get_waiter("function_active_v2").wait(
        FunctionName=FUNCTION, WaiterConfig={"Delay": 1}
    )
    mapping: Any = functions.create_event_source_mapping(
        FunctionName=FUNCTION,
        EventSourceArn=summary["StreamARN"],
        StartingPosition="TRIM_HORIZON",
    )
    _until(
        lambda: functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Enabled",
        "the mapping is not enabled",
    )


def _archive() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(arrival_handler.__file__, "arrival_handler.py")
    return archive.getvalue()


def put_steadily(client: RawClient, calls: Sequence[bytes], duration_s: float) -> int:
    """Put at the planned rate; how many records were put.

    Raises:
        BenchmarkError: a record was refused.
    """
    count = round(duration_s * RATE_PER_S / BATCH)
    started = time.monotonic()
    for number in range(count):
        time.sleep(max(started + number * BATCH / RATE_PER_S - time.monotonic(), 0.0))
        answer = json.loads(client.call(calls[number % len(calls)]))
        if answer["FailedRecordCount"]:
            raise BenchmarkError(f"the twin refused records: {answer}")
    return count * BATCH


def lines(arrivals: Path) -> list[tuple[str, Entered]]:
    """What the function has noted, with the name of the process's file."""
    found = []
    for path in sorted(arrivals.glob("*.jsonl")):
        complete, _, _ = path.read_text().rpartition("\n")
        noted = (Entered.model_validate_json(line) for line in complete.splitlines())
        found += [(path.name, line) for line in noted]
    return found


def seen(arrivals: Path) -> int:
    """Records that the function has noted, those that came twice counted twice."""
    return sum(len(line.records) for _, line in lines(arrivals))


def _until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + SETTLE_DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{complaint} within {SETTLE_DEADLINE_S:g} s")
        time.sleep(0.2)


def read_run(
    arrivals: Path, started_s: float, sent: int, elapsed_s: float, core_used: float
) -> Run:
    """The run from the function's notes; what arrived before ``started_s`` is left out.

    Raises:
        BenchmarkError: a record is missing, or was seen twice.
    """
    noted = [
        (name, line.entered_s, number, arrived_s)
        for name, line in lines(arrivals)
        for number, arrived_s in line.records
        if arrived_s >= round(started_s, 3)
    ]
    distinct = len({number for _, _, number, _ in noted})
    if distinct != sent or len(noted) != sent:
        raise BenchmarkError(
            f"of {sent:,} records the function saw {distinct:,}, {len(noted):,} with repeats"
        )
    overhead_ms = sorted((entered_s - arrived_s) * 1e3 for _, entered_s, _, arrived_s in noted)
    return Run(
        records=sent,
        rate_per_s=sent / elapsed_s,
        records_per_event=sent / len({(name, entered_s) for name, entered_s, _, _ in noted}),
        environments=len({name for name, _, _, _ in noted}),
        core_used=core_used,
        overhead_ms={p: nearest_rank(overhead_ms, p / 100) for p in PERCENTILES},
    )


def bars_of(runs: Sequence[Run]) -> dict[str, float]:
    """The bar: the median of the runs' P95."""
    found = median_or_none([run.overhead_ms[95] for run in runs])
    return {} if found is None else {"mapping_overhead_p95_ms": round(found, 3)}


def table_of(runs: Sequence[Run]) -> Table:
    """One row per run."""
    return Table(
        title="From a record's arrival to the function's first line",
        columns=(
            "records/s",
            "records per event",
            "processes",
            "their core used",
            "P50 ms",
            "P95 ms",
            "P99 ms",
            "largest ms",
        ),
        rows=tuple(
            (
                f"{run.rate_per_s:,.0f}",
                f"{run.records_per_event:.1f}",
                run.environments,
                f"{run.core_used:.0%}",
                *(f"{run.overhead_ms[p]:.1f}" for p in PERCENTILES),
            )
            for run in runs
        ),
        note=f"P95 over the runs: {Spread.of([r.overhead_ms[95] for r in runs]).text(1)} ms, "
        "median [lowest … highest]."
        if runs
        else "",
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
