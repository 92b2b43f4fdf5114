"""k6: a body per request, the decision checked; a rate by its constant-arrival-rate executor."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.comparators.comparator import PERCENTILES, SCRIPTS, Load, Outcome
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.tools import find_tool, tool_version
from benchmarks.servers.answer import PATH


@dataclass(frozen=True, slots=True)
class K6:
    """k6; at a rate it may start more virtual users than there are ``connections``.

    Each virtual user has a connection of its own, so it needs as many as there are answers
    outstanding: ``max_users`` is its limit, beyond which it drops (and counts) iterations.
    """

    name: str = "k6"
    unique_body: bool = True
    checks_decision: bool = True
    clock: str = "the write"
    max_users: int = 6_000

    def version(self) -> str | None:
        """Its version; None where it is not installed."""
        found = find_tool("k6")
        return tool_version(found, ["version"], "k6 ") if found else None

    def command(self, load: Load) -> list[str]:
        """Everything else is in the environment."""
        return [
            str(find_tool("k6")),
            "run",
            "--quiet",
            "--no-usage-report",
            "--address=",
            str(SCRIPTS / "k6_unique.js"),
        ]

    def environment(self, load: Load) -> Mapping[str, str]:
        """What the script reads."""
        return {
            "BENCH_URL": load.url + PATH,
            "BENCH_RATE": f"{load.rate_tps or 0:.0f}",
            "BENCH_CONNECTIONS": str(load.connections),
            "BENCH_MAX_USERS": str(max(self.max_users, load.connections)),
            "BENCH_DURATION": f"{load.duration_s:.0f}s",
        }

    def read(self, stdout: str, load: Load) -> Outcome:
        """The script's line."""
        found = re.search(r"^BENCH (\{.*\})$", stdout, re.MULTILINE)
        if found is None:
            raise BenchmarkError(f"k6's script wrote no report: {stdout[-500:]}")
        report = json.loads(found[1])
        dropped = int(report["dropped"])
        return Outcome(
            completed=int(report["requests"]) - int(report["wrong"]),
            failed=int(report["wrong"]),
            percentiles_ms={p: float(report["percentiles"][f"p({p:g})"]) for p in PERCENTILES},
            note=f"{report['users']} users, {dropped:,} iterations dropped" if dropped else "",
        )
