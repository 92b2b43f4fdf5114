"""vegeta: many bodies in turn from a target list; answers are judged by status only."""

from __future__ import annotations

import base64
import csv
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparators.comparator import PERCENTILES, Load, Outcome
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.statistics import nearest_rank
from benchmarks.harness.tools import find_tool
from benchmarks.servers.answer import PATH, body


@dataclass(frozen=True, slots=True)
class Vegeta:
    """vegeta; at a rate it starts as many workers as it needs, each with a connection."""

    name: str = "vegeta"
    unique_body: bool = True
    checks_decision: bool = False
    clock: str = "a free worker's write"
    bodies: int = 50_000
    """Different bodies, used in turn: vegeta cannot make them as it goes."""

    def version(self) -> str | None:
        """vegeta from the module proxy does not state its version."""
        return "vegeta (does not state its version)" if find_tool("vegeta") else None

    def command(self, load: Load) -> list[str]:
        """A full-speed attack is bounded by workers, one at a rate is not."""
        targets = load.directory / "targets.json"
        self._write_targets(targets, load.url + PATH)
        speed = (
            ["-rate", "0", "-max-workers", str(load.connections)]
            if load.rate_tps is None
            else ["-rate", f"{load.rate_tps:.0f}/1s"]
        )
        return [
            str(find_tool("vegeta")),
            "attack",
            *("-format", "json"),
            *("-targets", str(targets)),
            *("-workers", str(load.connections)),
            *speed,
            *("-duration", f"{load.duration_s:g}s"),
            *("-timeout", "60s"),
            *("-output", str(load.directory / "results.bin")),
        ]

    def _write_targets(self, path: Path, url: str) -> None:
        with path.open("w") as file:
            for number in range(self.bodies):
                target = {
                    "method": "POST",
                    "url": url,
                    "header": {"Content-Type": ["application/json"]},
                    "body": base64.b64encode(body(number).encode()).decode(),
                }
                file.write(json.dumps(target) + "\n")

    def environment(self, load: Load) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def read(self, stdout: str, load: Load) -> Outcome:
        """Its CSV of every request: column 2 is the status, 3 the latency in nanoseconds."""
        encoded = load.directory / "results.csv"
        command = [str(find_tool("vegeta")), "encode", "-to", "csv", "-output", str(encoded)]
        done = subprocess.run(
            [*command, str(load.directory / "results.bin")],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != 0:
            raise BenchmarkError(f"vegeta encode failed: {done.stderr[-300:]}")
        times: list[float] = []
        completed = 0
        with encoded.open(newline="") as file:
            for row in csv.reader(file):
                times.append(int(row[2]) / 1e6)
                completed += row[1] == "200"
        times.sort()
        return Outcome(
            completed=completed,
            failed=len(times) - completed,
            percentiles_ms={p: nearest_rank(times, p / 100) for p in PERCENTILES} if times else {},
        )
