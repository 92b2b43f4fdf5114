"""squall's engine with one worker."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.comparators.comparator import PERCENTILES, Load, Outcome
from benchmarks.harness.processes import BenchmarkError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SATURATING_TPS = 200_000.0
"""Offered where no rate is asked for: more than one core can send."""
SATURATING_QUEUE = 100_000_000
"""Holds all that is left over, so that no work goes into refusing it."""


class EngineReport(BaseModel):
    """The report of ``squall_load``; latencies in ms by percentile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    planned: int
    accepted: int
    rejected: int
    indeterminate: int
    not_sent: int
    attempts: int
    errors: dict[str, int]
    calibrated_tps: float
    ended_at_s: float
    worker_cpu_s: float
    parent_cpu_s: float
    own_lateness_ms_max: float
    pool_waits: int
    response_ms: dict[str, float]
    service_ms: dict[str, float]
    lateness_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class SquallEngine:
    """The load generator with one worker process, its facade included."""

    name: str = "squall engine"
    unique_body: bool = True
    checks_decision: bool = True
    clock: str = "the intended send"

    def version(self) -> str | None:
        """Of the installed package."""
        try:
            return f"squall {version('squall')}"
        except PackageNotFoundError:
            return None

    def command(self, load: Load) -> list[str]:
        """Without a rate: more than it can do; what is left at the end is not sent."""
        rate = load.rate_tps
        saturate = ["--queue-limit", str(SATURATING_QUEUE), "--drain-s", "0.5"]
        return [
            sys.executable,
            "-m",
            "benchmarks.comparators.squall_load",
            *("--url", load.url),
            *("--rate-tps", f"{SATURATING_TPS if rate is None else rate:g}"),
            *("--duration-s", f"{load.duration_s:g}"),
            *("--connections", str(load.connections)),
            *(saturate if rate is None else []),
        ]

    def environment(self, load: Load) -> Mapping[str, str]:
        """The module is found from the repository's root."""
        return {"PYTHONPATH": str(REPOSITORY)}

    def read(self, stdout: str, load: Load) -> Outcome:
        """Response time is the headline: from the intended send."""
        report = read_engine_report(stdout)
        return Outcome(
            completed=report.accepted,
            failed=report.rejected + report.indeterminate,
            percentiles_ms={p: report.response_ms[f"{p:g}"] for p in PERCENTILES},
            note=f"{report.not_sent:,} not sent" if report.not_sent else "",
        )


def read_engine_report(stdout: str) -> EngineReport:
    """The ``BENCH`` line of ``squall_load``."""
    found = re.search(r"^BENCH (\{.*\})$", stdout, re.MULTILINE)
    if found is None:
        raise BenchmarkError(f"the engine wrote no report: {stdout[-500:]}")
    try:
        return EngineReport.model_validate_json(found[1])
    except ValidationError as error:
        raise BenchmarkError(f"the engine's report is not as expected: {error}") from error
