"""squall's Kinesis target and boto3 side by side: ``python -m benchmarks.kinesis_target``.

The cloud twin has one core, the sender the other. Every round measures the engine against the twin,
the engine against a server that only counts, and boto3 against the twin.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import boto3
from pydantic import BaseModel

from benchmarks.comparators.squall import REPOSITORY, read_engine_report
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import (
    SERVER_CORE,
    BenchmarkError,
    Child,
    process_cpu_s,
    require_two_cores,
    stay_with_the_server,
)
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread, median_or_none, paired_ratios, rotated

STREAM = "transactions"
SHARDS = 4
OFFERED_TPS = 250_000
"""More than one core can send."""
CONNECTIONS = 16
START_DEADLINE_S = 30.0
ENGINE_TWIN, ENGINE_COUNTING, BOTO3_TWIN = "engine, twin", "engine, counting server", "boto3, twin"
CASES = (ENGINE_TWIN, ENGINE_COUNTING, BOTO3_TWIN)
KEYS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "us-east-1",
}
LIFTED = {"records_per_shard_s": 1e7, "bytes_in_per_shard_s": 1e10}

METHOD = (
    f"The server on core 0, the sender alone on core 1. The engine is one worker with "
    f"{CONNECTIONS} connections, offered {OFFERED_TPS:,} records a second, more than it can send; "
    "every record is a whole transaction (about 650 bytes of JSON), 500 a call, keyed by user_id.",
    f"The twin has {SHARDS} shards with their quotas lifted, and keeps what it is given. The "
    "counting server reads calls, counts their records and acknowledges them.",
    "The engine's CPU is that of worker and parent from the first send to the end of the drain, "
    "making the transactions included. boto3's is that of one thread that makes the same "
    "transactions with the same code and puts them 500 a call.",
    "The bar compares putting alone: the cost of making the transactions, measured in boto3's run, "
    "is taken off both sides. Ratios are taken between runs of the same round, medians of those.",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    records: int
    rate_per_s: float
    cpu_us: float
    """Of the sender, per record."""
    server_share: float
    """Of its core."""
    making_us: float = 0.0
    """Of ``cpu_us``: making the transactions, where that is known apart."""


class Boto3Report(BaseModel):
    """The report of ``boto3_kinesis_load``."""

    records: int
    failed: int
    cpu_s: float
    making_cpu_s: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    pid: int


@contextmanager
def twin(directory: Path) -> Iterator[Server]:
    """A twin with one stream and no quotas to speak of."""
    ready = directory / "ready.json"
    command = [sys.executable, "-m", "cloud_twin.main", "--port=0", f"--ready-file={ready}"]
    child = Child(command, directory, (SERVER_CORE,))
    try:
        _await_ready(child, ready)
        url = json.loads(ready.read_bytes())["url"]
        limits = json.dumps({"kinesis": LIFTED}).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{url}/_twin/limits", limits, method="PATCH"), timeout=30
        ).close()
        client = boto3.client(
            "kinesis",
            endpoint_url=url,
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id="benchmark",
            aws_secret_access_key="benchmark",
        )
        client.create_stream(StreamName=STREAM, ShardCount=SHARDS)
        waiter = client.get_waiter("stream_exists")
        waiter.wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
        yield Server(url, child.pid)
    finally:
        child.kill()


@contextmanager
def counting_server(directory: Path) -> Iterator[Server]:
    """A server that only counts."""
    ready = directory / "ready"
    module = "benchmarks.servers.counting_server"
    command = [sys.executable, "-m", module, "--ready", str(ready)]
    child = Child(command, directory, (SERVER_CORE,), working_directory=REPOSITORY)
    try:
        _await_ready(child, ready)
        yield Server(f"http://127.0.0.1:{ready.read_text()}", child.pid)
    finally:
        child.kill()


def _await_ready(child: Child, ready: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while not (ready.exists() and ready.read_text()):
        if not child.running or time.monotonic() > deadline:
            raise BenchmarkError(f"the server does not start: {child.stderr_tail()}")
        time.sleep(0.05)


def measure(case: str, duration_s: float, directory: Path) -> Cost:
    """One run of one case, against a fresh server."""
    open_server = counting_server if case == ENGINE_COUNTING else twin
    with open_server(directory / "server") as server:
        if case == BOTO3_TWIN:
            return _boto3(server, duration_s, directory / "sender")
        return _engine(server, duration_s, directory / "sender")


def _run(command: list[str], server: Server, directory: Path, limit_s: float) -> tuple[str, float]:
    """Standard output, and the server's CPU seconds over the whole run."""
    environment = {**KEYS, "AWS_ENDPOINT_URL": server.url, "PYTHONPATH": str(REPOSITORY)}
    before = process_cpu_s(server.pid)
    child = Child([sys.executable, "-m", *command], directory, environment=environment)
    try:
        finished = child.wait(limit_s)
    finally:
        child.kill()
    if finished.exit_status != 0:
        raise BenchmarkError(f"{command[0]} ended with {finished.exit_status}: {finished.stderr}")
    return finished.stdout, process_cpu_s(server.pid) - before


def _engine(server: Server, duration_s: float, directory: Path) -> Cost:
    command = [
        "benchmarks.comparators.squall_load",
        *("--url", f"kinesis://{STREAM}"),
        *("--rate-tps", str(OFFERED_TPS)),
        *("--duration-s", f"{duration_s:g}"),
        *("--connections", str(CONNECTIONS)),
        *("--queue-limit", "1000000000", "--drain-s", "0.5"),
    ]
    stdout, server_cpu_s = _run(command, server, directory, duration_s + 120)
    report = read_engine_report(stdout)
    if report.rejected:
        raise BenchmarkError(f"{report.rejected:,} records were refused: {report.errors}")
    return Cost(
        records=report.accepted,
        rate_per_s=report.accepted / report.ended_at_s,
        cpu_us=(report.worker_cpu_s + report.parent_cpu_s) / report.attempts * 1e6,
        server_share=server_cpu_s / report.ended_at_s,
    )


def _boto3(server: Server, duration_s: float, directory: Path) -> Cost:
    command = [
        "benchmarks.comparators.boto3_kinesis_load",
        *("--endpoint-url", server.url),
        *("--stream", STREAM),
        *("--duration-s", f"{duration_s:g}"),
    ]
    stdout, server_cpu_s = _run(command, server, directory, duration_s + 120)
    found = re.search(r"^BENCH (\{.*\})$", stdout, re.MULTILINE)
    if found is None:
        raise BenchmarkError(f"boto3 wrote no report: {stdout[-500:]}")
    report = Boto3Report.model_validate_json(found[1])
    if report.failed:
        raise BenchmarkError(f"boto3: {report.failed:,} records were refused")
    return Cost(
        records=report.records,
        rate_per_s=report.records / report.elapsed_s,
        cpu_us=report.cpu_s / report.records * 1e6,
        server_share=server_cpu_s / report.elapsed_s,
        making_us=report.making_cpu_s / report.records * 1e6,
    )


def measure_all(options: Options) -> Record:
    """All rounds."""
    require_two_cores()
    rounds = options.repeats or (1 if options.quick else 5)
    duration_s = 2.0 if options.quick else 8.0
    runs: dict[str, list[Cost]] = {case: [] for case in CASES}
    noise = NoiseMeter()
    stay_with_the_server()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        for number in range(rounds):
            for case in rotated(CASES, number):
                where = Path(scratch) / f"{number}-{CASES.index(case)}"
                cost = measure(case, duration_s, where)
                runs[case].append(cost)
                say(f"{case}: {cost.rate_per_s:,.0f} records/s, {cost.cpu_us:.2f} µs per record")
    return Record(
        benchmark="kinesis_target",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"Rounds: {rounds}, each run {duration_s:g} s."),
        tools={name: version(name) for name in ("squall", "boto3", "botocore")},
        bars=bars_of(runs),
        tables=(table_of(runs),),
        rounds=tuple(
            {"round": number, "case": case, **asdict(cost)}
            for case, costs in runs.items()
            for number, cost in enumerate(costs)
        ),
    )


def bars_of(runs: Mapping[str, Sequence[Cost]]) -> dict[str, float]:
    """The bars: the engine's rate into the twin, and boto3's CPU over its own, for putting."""
    found = {
        "kinesis_records_per_s": median_or_none([c.rate_per_s for c in runs[ENGINE_TWIN]]),
        "boto3_cpu_over_engine": median_or_none(ratios(runs, making=False)),
    }
    return {key: round(value, 4) for key, value in found.items() if value is not None}


def ratios(runs: Mapping[str, Sequence[Cost]], *, making: bool) -> list[float]:
    """boto3's CPU over the engine's by round, with or without making the transactions.

    Both make them with the same code; what that costs is measured in boto3's run of the round.
    """
    made = [0.0 if making else cost.making_us for cost in runs[BOTO3_TWIN]]
    return paired_ratios(
        [cost.cpu_us - us for cost, us in zip(runs[BOTO3_TWIN], made, strict=False)],
        [cost.cpu_us - us for cost, us in zip(runs[ENGINE_TWIN], made, strict=False)],
    )


def table_of(runs: Mapping[str, Sequence[Cost]]) -> Table:
    """One row per case."""
    rows = [
        (
            case,
            f"{Spread.of([c.rate_per_s for c in costs]).median:,.0f}",
            Spread.of([c.cpu_us for c in costs]).text(2),
            f"{Spread.of([c.server_share for c in costs]).median:.0%}",
            len(costs),
        )
        for case, costs in runs.items()
        if costs
    ]
    made = [cost.making_us for cost in runs[BOTO3_TWIN]]
    if made:
        rows.append(("making the transactions, alone", "", Spread.of(made).text(2), "", len(made)))
        whole = ratios(runs, making=True)
        rows.append(
            ("boto3 ÷ engine, making included", "", Spread.of(whole).text(2), "", len(made))
        )
    return Table(
        title="Putting records into a stream, one sender on one core",
        columns=("sender, server", "records/s", "CPU µs/record", "server's core used", "rounds"),
        rows=tuple(rows),
        note="Median [lowest … highest]. Where the server's core is full, it was the limit.",
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
