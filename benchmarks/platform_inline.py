"""The reference platform beside the generator: ``python -m benchmarks.platform_inline``.

Everything goes through the ``squall`` command, as a user would do it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.comparators import SquallEngine
from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import BenchmarkError, require_two_cores
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
SUSTAINED = SCENARIOS / "inline_5000.yaml"
BURST = SCENARIOS / "inline_burst.yaml"
RUN_TIMEOUT_S = 300
LIMIT_TIMEOUT_S = 3600
QUICK_SEARCH = ["--step-s", "3", "--warm-up-s", "1", "--repeats", "1", "--precision", "25"]
GENERATOR_LIMITED = 3
WITH_RESULT = (0, 1, GENERATOR_LIMITED)
"""Exit statuses after which there is a result."""

METHOD = (
    "`squall run` starts the platform (`--target inline`) on the same two cores as the generator "
    "and reads the platform's own records at the end; nothing is pinned.",
    "The mix is the stress mix: 80 % legitimate, 15 % fraud, 5 % edge cases. A transaction is "
    "undecided when it was neither accepted nor, as an edge case whose documented outcome is a "
    "refusal, refused.",
    "Runs in which the generator was the limit (exit status 3) are shown but not judged.",
)

ModelT = TypeVar("ModelT", bound=BaseModel)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReadAccounting(_Read):
    """Of a result: where every transaction ended."""

    planned: int
    accepted: int
    rejected: int
    indeterminate: int
    not_sent: int
    rejected_expected: int
    lost: int | None
    duplicated: int | None
    unexpected: int | None
    reconciled: bool | None

    @property
    def undecided(self) -> int:
        """Neither accepted nor refused as documented."""
        return self.planned - self.accepted - self.rejected_expected

    @property
    def wrong(self) -> int | None:
        """Lost, duplicated and unexpected; None without a final read."""
        parts = (self.lost, self.duplicated, self.unexpected)
        return None if None in parts else sum(part for part in parts if part is not None)


class ReadSummary(_Read):
    """Of a result: percentiles, milliseconds."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class ReadLatencies(_Read):
    """Of a result: response times."""

    response: ReadSummary


class ReadThroughput(_Read):
    """Of a result: rates."""

    accepted_tps: float
    peak_tps: float
    duration_s: float


class ReadResult(_Read):
    """What is read of a ``squall run --json`` file."""

    verdict: str
    accounting: ReadAccounting
    latency_ms: ReadLatencies
    throughput: ReadThroughput


class ReadFinding(_Read):
    """Of the outcome of a search: what was full."""

    title: str


class ReadLimit(_Read):
    """What is read of a ``squall limit --json`` file."""

    headline: str
    limit_tps: float | None
    breaks_tps: float | None
    holds_confidence: float | None
    criteria: tuple[str, ...]
    limited_by_generator: bool
    bottleneck: ReadFinding | None = None
    breaking_reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run with its exit status."""

    exit_status: int
    result: ReadResult

    @property
    def judged(self) -> bool:
        """Whether it says something of the platform."""
        return self.exit_status != GENERATOR_LIMITED


def measure_all(options: Options) -> Record:
    """The minute, the burst, the search."""
    require_two_cores()
    repeats = options.repeats or (1 if options.quick else 3)
    noise = NoiseMeter()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        directory = Path(scratch)
        scale = ["--time-scale", "0.1"] if options.quick else []
        sustained = [
            _run(SUSTAINED, scale, number, directory / f"sustained-{number}")
            for number in range(repeats)
        ]
        burst = [
            _run(BURST, [], number, directory / f"burst-{number}") for number in range(repeats)
        ]
        limit = find_limit(SUSTAINED, "inline", options.quick, directory / "limit")
    return Record(
        benchmark="platform_inline",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(
            *METHOD,
            f"Runs of each scenario (benchmarks/scenarios), with a seed each: {repeats}.",
        ),
        tools={"squall": SquallEngine().version() or "not installed"},
        bars=bars_of(sustained, burst, limit),
        tables=tables_of(sustained, burst, limit),
        rounds=tuple(
            {
                "scenario": name,
                "exit_status": run.exit_status,
                "result": run.result.model_dump(mode="json"),
            }
            for name, runs in (("sustained", sustained), ("burst", burst))
            for run in runs
        )
        + (() if limit is None else ({"limit": limit.model_dump(mode="json")},)),
    )


def _squall() -> str:
    """The command beside this interpreter."""
    return str(Path(sys.executable).parent / "squall")


def _run(scenario: Path, extra: list[str], number: int, directory: Path) -> Run:
    output = directory / "result.json"
    command = ["run", str(scenario), "--target", "inline", "--seed", str(1000 + number), *extra]
    status = run_squall([*command, "--json", str(output)], directory, RUN_TIMEOUT_S)
    result = read_result(output, ReadResult)
    ends = result.accounting
    say(
        f"{scenario.stem}: {ends.accepted:,} of {ends.planned:,} accepted, P95 "
        f"{result.latency_ms.response.p95} ms, exit status {status}"
    )
    return Run(status, result)


def find_limit(scenario: Path, target: str, quick: bool, directory: Path) -> ReadLimit:
    """``squall limit`` with a scenario's criteria. Raises ``BenchmarkError``."""
    output = directory / "limit.json"
    extra = QUICK_SEARCH if quick else []
    command = ["limit", str(scenario), "--target", target, *extra, "--json", str(output)]
    run_squall(command, directory, LIMIT_TIMEOUT_S)
    found = read_result(output, ReadLimit)
    say(f"limit: {found.headline}")
    return found


def run_squall(arguments: list[str], directory: Path, timeout_s: float) -> int:
    """Run the command in a new ``directory``; its exit status. Raises ``BenchmarkError``."""
    directory.mkdir(parents=True)
    try:
        done = subprocess.run(
            [_squall(), *arguments],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchmarkError(f"squall {arguments[0]}: {error}") from error
    if done.returncode not in WITH_RESULT:
        raise BenchmarkError(
            f"squall {arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return done.returncode


def read_result(path: Path, model: type[ModelT]) -> ModelT:
    """A result file. Raises ``BenchmarkError``."""
    try:
        return model.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise BenchmarkError(f"{path.name} cannot be read: {error}") from error


def bars_of(
    sustained: Sequence[Run], burst: Sequence[Run], limit: ReadLimit | None
) -> dict[str, float]:
    """The bars. What must be nothing is judged by the worst run, the latency by the median."""
    bars: dict[str, float] = {}
    judged = [run.result for run in sustained if run.judged]
    wrong = [result.accounting.wrong for result in judged]
    if judged and None not in wrong:
        bars["platform_lost"] = max(count for count in wrong if count is not None)
    if judged:
        bars["platform_undecided"] = max(result.accounting.undecided for result in judged)
    p95 = [result.latency_ms.response.p95 for result in judged]
    measured = [value for value in p95 if value is not None]
    if measured:
        bars["platform_p95_ms"] = Spread.of(measured).median
    ends = [run.result.accounting for run in burst]
    if ends and all(end.wrong is not None for end in ends):
        bars["burst_undecided"] = max(end.undecided + (end.wrong or 0) for end in ends)
    if limit is not None and limit.limit_tps is not None:
        bars["platform_limit_tps"] = limit.limit_tps
    return bars


def tables_of(
    sustained: Sequence[Run], burst: Sequence[Run], limit: ReadLimit | None
) -> tuple[Table, ...]:
    """A table of runs, and one of the search where there was one."""
    runs = Table(
        title="Runs",
        columns=(
            "scenario",
            "planned",
            "accepted",
            "refused as documented",
            "undecided",
            "lost, duplicated or unexpected",
            "P50 ms",
            "P95 ms",
            "P99 ms",
            "last answer after s",
            "verdict",
        ),
        rows=tuple(
            (
                name,
                f"{run.result.accounting.planned:,}",
                f"{run.result.accounting.accepted:,}",
                f"{run.result.accounting.rejected_expected:,}",
                run.result.accounting.undecided,
                "unknown" if run.result.accounting.wrong is None else run.result.accounting.wrong,
                run.result.latency_ms.response.p50,
                run.result.latency_ms.response.p95,
                run.result.latency_ms.response.p99,
                f"{run.result.throughput.duration_s:.2f}",
                run.result.verdict if run.judged else "generator was the limit",
            )
            for name, group in (("5,000 TPS", sustained), ("10,000 in one second", burst))
            for run in group
        ),
    )
    return (runs,) if limit is None else (runs, limit_table(limit))


def limit_table(limit: ReadLimit) -> Table:
    """The outcome of a search, with what was full where the rate broke."""
    return Table(
        title="`squall limit`",
        columns=("answer", "criteria", "confidence", "what broke above it", "bottleneck"),
        rows=(
            (
                limit.headline,
                "; ".join(limit.criteria),
                None if limit.holds_confidence is None else f"{limit.holds_confidence:.0%}",
                "; ".join(limit.breaking_reasons) or None,
                None if limit.bottleneck is None else limit.bottleneck.title,
            ),
        ),
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
