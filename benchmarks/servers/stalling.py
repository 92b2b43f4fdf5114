"""The stalling server as a process of its own, for one tool's run."""

from __future__ import annotations

import http.client
import statistics
import sys
import time
from pathlib import Path
from types import TracebackType

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.comparators.squall import REPOSITORY
from benchmarks.harness.processes import SERVER_CORE, BenchmarkError, Child
from benchmarks.servers.answer import PATH, constant_body
from benchmarks.servers.nginx import HOST, free_port
from benchmarks.servers.stall_pace import StallPlan

BASELINE_REQUESTS = 40
"""Fewer than start the first period."""


class StallSeen(BaseModel):
    """One stall: answers after its end, and how long after it the last of them was, seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    end_s: float
    drained: int
    drain_s: float


class StallReport(BaseModel):
    """What the server saw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    received: int
    answered: int
    connections: int
    stalls: tuple[StallSeen, ...]

    def drain_tps(self) -> float | None:
        """Median measured drain rate over the stalls; None where none was seen to its end."""
        rates = [stall.drained / stall.drain_s for stall in self.stalls if stall.drain_s > 0.05]
        return statistics.median(rates) if rates else None


class StallingServer:
    """Use as a context manager; ``finish`` ends it and returns its report."""

    def __init__(self, plan: StallPlan, measure_s: float, directory: Path) -> None:
        self._plan = plan
        self._measure_s = measure_s
        self._directory = directory
        self._report = directory / "stall-report.json"
        self.port = free_port()
        self.baseline_s = 0.0
        """Median time of one request at a time, measured before the load."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> StallingServer:
        """Start it and measure its baseline."""
        command = [
            sys.executable,
            "-m",
            "benchmarks.servers.stall_server",
            *("--port", str(self.port)),
            *("--stall-s", str(self._plan.stall_s)),
            *("--period-s", str(self._plan.period_s)),
            *("--drain-tps", str(self._plan.drain_tps)),
            *("--measure-s", str(self._measure_s)),
            *("--report", str(self._report)),
        ]
        self._child = Child(
            command,
            self._directory / "server",
            cores=(SERVER_CORE,),
            environment={"PYTHONPATH": str(REPOSITORY)},
        )
        try:
            self.baseline_s = self._baseline()
        except BaseException:
            self._child.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill it, unless it was finished."""
        self._child.kill()

    def _baseline(self) -> float:
        connection = self._connect()
        times = []
        try:
            for _ in range(BASELINE_REQUESTS):
                started = time.perf_counter()
                connection.request("POST", PATH, constant_body())
                connection.getresponse().read()
                times.append(time.perf_counter() - started)
        except (OSError, http.client.HTTPException) as error:
            said = self._child.stderr_tail()
            raise BenchmarkError(f"the stalling server does not answer: {error} {said}") from error
        finally:
            connection.close()
        return statistics.median(times)

    def _connect(self) -> http.client.HTTPConnection:
        deadline = time.monotonic() + 15
        while True:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
            try:
                connection.connect()
            except OSError as error:
                if time.monotonic() > deadline or not self._child.running:
                    said = self._child.stderr_tail()
                    raise BenchmarkError(f"the stalling server does not start: {said}") from error
                time.sleep(0.05)
            else:
                return connection

    def finish(self) -> StallReport:
        """End it and read its report."""
        finished = self._child.terminate()
        try:
            return StallReport.model_validate_json(self._report.read_text())
        except (OSError, ValidationError) as error:
            raise BenchmarkError(
                f"the stalling server left no report: {finished.stderr}"
            ) from error
