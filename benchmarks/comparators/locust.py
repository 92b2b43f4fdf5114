"""Locust with FastHttpUser: a body per request, the decision checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.comparators.comparator import SCRIPTS, Load, Outcome
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.tools import find_tool, tool_version


@dataclass(frozen=True, slots=True)
class Locust:
    """One process; a user per connection."""

    name: str = "Locust FastHttpUser"
    unique_body: bool = True
    checks_decision: bool = True
    clock: str = "the write"

    def version(self) -> str | None:
        """Its version; None where it is not installed."""
        found = find_tool("locust")
        return tool_version(found, ["--version"], "locust ").split(" from ")[0] if found else None

    def command(self, load: Load) -> list[str]:
        """All users are spawned at once."""
        return [
            str(find_tool("locust")),
            *("-f", str(SCRIPTS / "locust_user.py")),
            "--headless",
            "--only-summary",
            *("-u", str(load.connections)),
            *("-r", str(load.connections)),
            *("-t", f"{load.duration_s:.0f}s"),
            *("-H", load.url),
        ]

    def environment(self, load: Load) -> Mapping[str, str]:
        """Each user's share of the rate."""
        rate = 0.0 if load.rate_tps is None else load.rate_tps / load.connections
        return {"BENCH_RATE_PER_USER": f"{rate:g}"}

    def read(self, stdout: str, load: Load) -> Outcome:
        """The script's line; Locust rounds response times to two digits."""
        found = re.search(r"^BENCH (\{.*\})$", stdout, re.MULTILINE)
        if found is None:
            raise BenchmarkError(f"Locust's script wrote no report: {stdout[-500:]}")
        report = json.loads(found[1])
        return Outcome(
            completed=int(report["requests"]),
            failed=int(report["failed"]),
            percentiles_ms={float(p): float(ms) for p, ms in report["percentiles"].items()},
        )
