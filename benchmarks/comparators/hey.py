"""hey: one constant body, a rate per connection."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.comparators.comparator import PERCENTILES, Load, Outcome
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.statistics import nearest_rank
from benchmarks.harness.tools import find_tool
from benchmarks.servers.answer import PATH, constant_body


@dataclass(frozen=True, slots=True)
class Hey:
    """hey with its CSV of every request (it keeps at most the first million)."""

    name: str = "hey"
    unique_body: bool = False
    checks_decision: bool = False
    clock: str = "the write"

    def version(self) -> str | None:
        """hey does not tell its version."""
        return "hey (does not state its version)" if find_tool("hey") else None

    def command(self, load: Load) -> list[str]:
        """A worker per connection, each with its share of the rate."""
        body = load.directory / "body.json"
        body.write_text(constant_body())
        rate = [] if load.rate_tps is None else ["-q", f"{load.rate_tps / load.connections:g}"]
        return [
            str(find_tool("hey")),
            *("-c", str(load.connections)),
            *("-z", f"{load.duration_s:g}s"),
            *("-t", "60"),
            *rate,
            *("-m", "POST"),
            *("-T", "application/json"),
            *("-D", str(body)),
            *("-o", "csv"),
            load.url + PATH,
        ]

    def environment(self, load: Load) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def read(self, stdout: str, load: Load) -> Outcome:
        """Every row is a request; the first column is its response time in seconds."""
        rows = csv.reader(stdout.splitlines())
        heading = next(rows, [])
        if heading[:1] != ["response-time"] or "status-code" not in heading:
            raise BenchmarkError(f"hey wrote no table: {stdout[:300]}")
        status = heading.index("status-code")
        times: list[float] = []
        completed = 0
        for row in rows:
            times.append(float(row[0]) * 1000)
            completed += row[status] == "200"
        times.sort()
        return Outcome(
            completed=completed,
            failed=len(times) - completed,
            percentiles_ms={p: nearest_rank(times, p / 100) for p in PERCENTILES} if times else {},
        )
