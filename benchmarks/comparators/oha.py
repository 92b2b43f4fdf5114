"""oha: one constant body; at a rate, with its latency correction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.comparators.comparator import PERCENTILES, Load, Outcome
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.tools import find_tool, tool_version
from benchmarks.servers.answer import PATH, constant_body


@dataclass(frozen=True, slots=True)
class Oha:
    """oha, without its terminal view."""

    name: str = "oha"
    unique_body: bool = False
    checks_decision: bool = False
    clock: str = "the intended send (--latency-correction)"

    def version(self) -> str | None:
        """Its version; None where it is not installed."""
        found = find_tool("oha")
        return tool_version(found, ["--version"], "oha ") if found else None

    def command(self, load: Load) -> list[str]:
        """The rate and its correction only where a rate is wanted."""
        body = load.directory / "body.json"
        body.write_text(constant_body())
        rate = (
            []
            if load.rate_tps is None
            else ["-q", f"{load.rate_tps:g}", "--latency-correction", "-w"]
        )
        return [
            str(find_tool("oha")),
            "--no-tui",
            *("--output-format", "json"),
            *("-c", str(load.connections)),
            *("-z", f"{load.duration_s:g}s"),
            *rate,
            *("-m", "POST"),
            *("-T", "application/json"),
            *("-D", str(body)),
            load.url + PATH,
        ]

    def environment(self, load: Load) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def read(self, stdout: str, load: Load) -> Outcome:
        """Its JSON; times are in seconds."""
        try:
            report = json.loads(stdout)
            completed = int(report["statusCodeDistribution"].get("200", 0))
            every = sum(int(n) for n in report["statusCodeDistribution"].values())
            times = report["latencyPercentiles"]
            return Outcome(
                completed=completed,
                failed=every - completed,
                percentiles_ms={p: float(times[f"p{p:g}"]) * 1000 for p in PERCENTILES},
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BenchmarkError(f"oha wrote no report: {stdout[:300]}") from error
