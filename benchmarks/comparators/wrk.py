"""wrk, with a Lua script or with one constant body, and wrk2, its descendant with a rate."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.comparators.comparator import SCRIPTS, Load, Outcome
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.tools import find_tool, tool_version
from benchmarks.servers.answer import constant_body

_KEYS = {50.0: "p50", 90.0: "p90", 95.0: "p95", 99.0: "p99", 99.9: "p999"}


@dataclass(frozen=True, slots=True)
class Wrk:
    """wrk with a Lua script that makes a body per request and checks every decision."""

    name: str = "wrk, Lua script"
    unique_body: bool = True
    checks_decision: bool = True
    clock: str = "the write; gaps filled in afterwards"
    executable: str = "wrk"
    script: str = "wrk_unique.lua"

    def version(self) -> str | None:
        """Its version; None where it is not installed."""
        found = find_tool(self.executable)
        return tool_version(found, ["-v"], "wrk ").split(" Copyright")[0] if found else None

    def command(self, load: Load) -> list[str]:
        """One thread; wrk itself has no rate, so a wanted rate is not held."""
        return [
            str(find_tool(self.executable)),
            "-t1",
            f"-c{load.connections}",
            f"-d{load.duration_s:.0f}s",
            "--timeout=60s",
            *self._extra(load),
            "-s",
            str(SCRIPTS / self.script),
            load.url,
        ]

    def _extra(self, load: Load) -> list[str]:
        return []

    def environment(self, load: Load) -> Mapping[str, str]:
        """The scripts' directory and the constant body."""
        return {"BENCH_SCRIPTS": str(SCRIPTS), "BENCH_BODY": constant_body()}

    def read(self, stdout: str, load: Load) -> Outcome:
        """The script's line; times are in microseconds."""
        return read_report_line(stdout)


@dataclass(frozen=True, slots=True)
class WrkConstant(Wrk):
    """wrk repeating one body; answers are parsed as HTTP only."""

    name: str = "wrk, constant body"
    unique_body: bool = False
    checks_decision: bool = False
    script: str = "wrk_constant.lua"


@dataclass(frozen=True, slots=True)
class Wrk2(Wrk):
    """wrk2 at a constant rate."""

    name: str = "wrk2, Lua script"
    clock: str = "the intended send, for each connection"
    executable: str = "wrk2"

    def _extra(self, load: Load) -> list[str]:
        if load.rate_tps is None:
            raise BenchmarkError("wrk2 needs a rate")
        return [f"-R{load.rate_tps:.0f}", "--latency"]

    def read(self, stdout: str, load: Load) -> Outcome:
        """Counts from the script's line, percentiles from wrk2's own corrected spectrum."""
        counts = read_report_line(stdout)
        return Outcome(counts.completed, counts.failed, read_spectrum(stdout))


def read_report_line(stdout: str) -> Outcome:
    """The ``BENCH`` line that the Lua scripts write."""
    found = re.search(r"^BENCH (\{.*\})$", stdout, re.MULTILINE)
    if found is None:
        raise BenchmarkError(f"wrk's script wrote no report: {stdout[-500:]}")
    report: dict[str, int] = json.loads(found[1])
    return Outcome(
        completed=report["requests"],
        failed=report["failed"],
        percentiles_ms={percent: report[key] / 1000 for percent, key in _KEYS.items()},
    )


def read_spectrum(stdout: str) -> dict[float, float]:
    """Percentiles in ms from the first detailed spectrum: the smallest value at or above each."""
    start = stdout.find("Detailed Percentile spectrum")
    if start < 0:
        raise BenchmarkError("wrk2 wrote no percentile spectrum")
    end = stdout.find("#[Mean", start)
    rows = re.findall(r"^\s+([\d.]+)\s+([\d.]+)\s+\d+\s", stdout[start:end], re.MULTILINE)
    pairs = [(float(share) * 100, float(value)) for value, share in rows]
    return {
        percent: next(value for share, value in pairs if share >= percent - 1e-9)
        for percent in _KEYS
    }
