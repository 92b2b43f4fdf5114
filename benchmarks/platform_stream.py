"""The platform in stream mode, everything on two cores: ``python -m benchmarks.platform_stream``.

Everything goes through the ``squall`` command, as a user would do it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from benchmarks.comparators import SquallEngine
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import (
    CLIENT_CORE,
    SERVER_CORE,
    BenchmarkError,
    Child,
    require_two_cores,
)
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread
from benchmarks.platform_inline import (
    GENERATOR_LIMITED,
    RUN_TIMEOUT_S,
    SCENARIOS,
    ReadAccounting,
    ReadSummary,
    ReadThroughput,
    read_result,
    run_squall,
)
from squall.targets.platform_history import default_cache_dir, ensure_history

SUSTAINED = SCENARIOS / "stream_3000.yaml"
BURST = SCENARIOS / "stream_burst.yaml"
GATEWAY = SCENARIOS / "gateway_3000.yaml"
RAW_TARGET = (
    "kinesis://transactions?decisions=kinesis://decisions&table=dynamodb://decisions"
    "&region=us-east-1"
)
BOTH_CORES = (SERVER_CORE, CLIENT_CORE)
START_DEADLINE_S = 300.0

METHOD = (
    "Twin, gateway, functions and generator share two cores; nothing is pinned.",
    "Through the gateway (`--target stream`): it acknowledges with 202 and packs transactions into "
    "records. This is what the bars are judged by.",
    "On the stream (`--target kinesis://…`): squall puts one transaction per record itself.",
    "Decisions are followed on the decision stream both times: latency runs from the intended send "
    "until squall sees the decision, and each shard is asked every 250 ms.",
    "Runs in which the generator was the limit (exit status 3) are shown but not judged.",
)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReadLatencies(_Read):
    """Of a result: from the intended send to the acknowledgement and to the decision."""

    response: ReadSummary
    decision: ReadSummary


class ReadCost(_Read):
    """Of a result: the bill."""

    per_transaction_usd: float | None


class ReadBusiness(_Read):
    """Of a result: money."""

    cost: ReadCost | None


class StreamResult(_Read):
    """What is read of a ``squall run --json`` file."""

    verdict: str
    accounting: ReadAccounting
    latency_ms: ReadLatencies
    throughput: ReadThroughput
    business: ReadBusiness


@dataclass(frozen=True, slots=True)
class Run:
    """One run with its exit status."""

    exit_status: int
    result: StreamResult

    @property
    def judged(self) -> bool:
        """Whether it says something of the platform."""
        return self.exit_status != GENERATOR_LIMITED


def measure_all(options: Options) -> Record:
    """The minute both ways in, and the burst."""
    require_two_cores()
    repeats = options.repeats or (1 if options.quick else 3)
    noise = NoiseMeter()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        directory = Path(scratch)
        scale = ["--time-scale", "0.2"] if options.quick else []
        gateway = [
            _run(GATEWAY, "stream", scale, number, directory / f"gateway-{number}")
            for number in range(repeats)
        ]
        sustained = [
            _raw_run(scale, number, directory / f"sustained-{number}") for number in range(repeats)
        ]
        burst = [
            _run(BURST, "stream", [], number, directory / f"burst-{number}")
            for number in range(repeats)
        ]
    return Record(
        benchmark="platform_stream",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(
            *METHOD,
            f"Runs of each scenario (benchmarks/scenarios), with a seed each: {repeats}.",
        ),
        tools={"squall": SquallEngine().version() or "not installed"},
        bars=bars_of(gateway, burst),
        tables=(table_of(gateway, sustained, burst),),
        rounds=(
            *_rounds("gateway", gateway),
            *_rounds("sustained", sustained),
            *_rounds("burst", burst),
        ),
    )


def _rounds(scenario: str, runs: Sequence[Run]) -> Iterator[dict[str, JsonValue]]:
    for run in runs:
        result = run.result.model_dump(mode="json")
        yield {"scenario": scenario, "exit_status": run.exit_status, "result": result}


def _run(scenario: Path, target: str, extra: list[str], number: int, directory: Path) -> Run:
    output = directory / "result.json"
    command = ["run", str(scenario), "--target", target, "--seed", str(1000 + number), *extra]
    status = run_squall([*command, "--json", str(output)], directory, RUN_TIMEOUT_S)
    result = read_result(output, StreamResult)
    ends = result.accounting
    say(
        f"{scenario.stem}: {ends.accepted:,} of {ends.planned:,} acknowledged, decision P95 "
        f"{result.latency_ms.decision.p95} ms, exit status {status}"
    )
    return Run(status, result)


def _raw_run(extra: list[str], number: int, directory: Path) -> Run:
    """One run that puts records itself, on a platform of its own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "benchmark")
    with stream_platform(directory / "platform") as endpoint_url:
        target = f"{RAW_TARGET}&endpoint_url={endpoint_url}"
        return _run(SUSTAINED, target, extra, number, directory / "run")


@contextmanager
def stream_platform(directory: Path) -> Iterator[str]:
    """A twin and the platform in stream mode on it, for single records; the twin's URL."""
    directory.mkdir(parents=True)
    history = asyncio.run(ensure_history(default_cache_dir(os.environ), say))
    commands = Path(sys.executable).parent
    ready = directory / "twin.json"
    twin = Child(
        [str(commands / "cloud-twin"), "--port=0", f"--ready-file={ready}"],
        directory / "twin",
        BOTH_CORES,
    )
    try:
        twin_url = str(_ready(twin, ready)["url"])
        served = directory / "platform.json"
        platform = Child(
            [
                *(str(commands / "fraud-platform"), "serve", "--mode=stream", "--port=0"),
                *(f"--endpoint-url={twin_url}", "--region=us-east-1"),
                *("--shards=4", "--batch-records=250"),
                *(f"--data-dir={directory}", f"--history={history}", f"--ready-file={served}"),
                f"--model-dir={history.parent}",
            ],
            directory / "served",
            BOTH_CORES,
        )
        try:
            _ready(platform, served)
            yield twin_url
        finally:
            platform.kill()
    finally:
        twin.kill()


def _ready(child: Child, path: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_DEADLINE_S
    while not path.exists():
        if not child.running or time.monotonic() > deadline:
            raise BenchmarkError(f"it does not start: {child.stderr_tail()}")
        time.sleep(0.05)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def bars_of(sustained: Sequence[Run], burst: Sequence[Run]) -> dict[str, float]:
    """The bars. What must be nothing is judged by the worst run, the latency by the median."""
    bars: dict[str, float] = {}
    judged = [run.result for run in sustained if run.judged]
    wrong = [result.accounting.wrong for result in judged]
    if judged and None not in wrong:
        bars["stream_lost"] = max(count for count in wrong if count is not None)
    p95 = [result.latency_ms.decision.p95 for result in judged]
    measured = [value for value in p95 if value is not None]
    if measured:
        bars["stream_decision_p95_ms"] = Spread.of(measured).median
    ends = [run.result.accounting for run in burst]
    if ends and all(end.wrong is not None for end in ends):
        bars["stream_burst_undecided"] = max(
            end.planned - end.accepted - end.rejected_expected + (end.wrong or 0) for end in ends
        )
    return bars


def table_of(gateway: Sequence[Run], sustained: Sequence[Run], burst: Sequence[Run]) -> Table:
    """A row per run."""
    return Table(
        title="Runs",
        columns=(
            "scenario",
            "planned",
            "acknowledged",
            "lost, duplicated or unexpected",
            "acknowledged P95 ms",
            "decision P50 ms",
            "decision P95 ms",
            "decision P99 ms",
            "USD per million",
            "verdict",
        ),
        rows=tuple(
            (
                name,
                f"{run.result.accounting.planned:,}",
                f"{run.result.accounting.accepted:,}",
                "unknown" if run.result.accounting.wrong is None else run.result.accounting.wrong,
                run.result.latency_ms.response.p95,
                run.result.latency_ms.decision.p50,
                run.result.latency_ms.decision.p95,
                run.result.latency_ms.decision.p99,
                _per_million(run.result.business.cost),
                run.result.verdict if run.judged else "generator was the limit",
            )
            for name, group in (
                ("3,000 TPS through the gateway", gateway),
                ("3,000 TPS on the stream", sustained),
                ("10,000 in five seconds through the gateway", burst),
            )
            for run in group
        ),
    )


def _per_million(cost: ReadCost | None) -> str | None:
    each = None if cost is None else cost.per_transaction_usd
    return None if each is None else f"{each * 1e6:.2f}"


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
