"""One tool against one server: what it costs while it runs steadily."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparators import Comparator, Load, Outcome
from benchmarks.harness.processes import BenchmarkError, Child, tree_cpu_s
from benchmarks.servers.nginx import Nginx

STARTED_AFTER_REQUESTS = 1_000
START_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Timing:
    """``warm_s`` after the first requests begins a window of ``window_s``; the load goes on."""

    warm_s: float
    window_s: float
    margin_s: float = 1.5

    @property
    def duration_s(self) -> float:
        """How long the tool is asked to run, in whole seconds."""
        return float(-int(-(self.warm_s + self.window_s + self.margin_s) // 1))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a tool cost. CPU is user and system time."""

    steady_us: float
    """CPU per request in the window, all the tool's processes, microseconds."""
    main_us: float
    """Of it, the share of the busiest process."""
    whole_us: float
    """CPU of the tool's whole life per request that it reports as completed."""
    rate_tps: float
    """Requests that the server received in the window, per second."""
    server_share: float
    """Share of its core that the server used in the window."""
    client_share: float
    """Share of a core that the tool used in the window."""
    outcome: Outcome


def measure(
    tool: Comparator,
    server: Nginx,
    connections: int,
    rate_tps: float | None,
    timing: Timing,
    directory: Path,
) -> Cost:
    """Run a tool against nginx and measure its steady part.

    The requests of the window are counted by the server and not by the tool; its processor time
    is read from its processes' CPU clocks.

    Raises:
        BenchmarkError: it did not start, broke off, or got wrong answers.
    """
    directory.mkdir(parents=True, exist_ok=True)
    load = Load(server.url, connections, timing.duration_s, rate_tps, directory)
    command = tool.command(load)
    before = server.requests()
    child = Child(command, directory, environment=tool.environment(load))
    try:
        _await_start(tool, child, server, before)
        time.sleep(timing.warm_s)
        first = _Sample(child, server)
        time.sleep(timing.window_s)
        last = _Sample(child, server)
        finished = child.wait(timing.duration_s + 120)
    finally:
        child.kill()
    if finished.exit_status != 0:
        raise BenchmarkError(f"{tool.name} ended with {finished.exit_status}: {finished.stderr}")
    outcome = tool.read(finished.stdout, load)
    if outcome.failed > outcome.completed * 0.001 or outcome.completed == 0:
        raise BenchmarkError(
            f"{tool.name}: {outcome.failed} of {outcome.completed + outcome.failed} requests failed"
        )
    return first.cost_until(last, finished.cpu_s / outcome.completed * 1e6, outcome)


def _await_start(tool: Comparator, child: Child, server: Nginx, before: int) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while server.requests() - before < STARTED_AFTER_REQUESTS:
        if not child.running or time.monotonic() > deadline:
            raise BenchmarkError(f"{tool.name} does not start: {child.stderr_tail()}")
        time.sleep(0.05)


class _Sample:
    """One look at both sides."""

    def __init__(self, child: Child, server: Nginx) -> None:
        self.at_s = time.monotonic()
        self.requests = server.requests()
        self.cpu_s = tree_cpu_s(child.pid)
        self.server_cpu_s = server.cpu_s()

    def cost_until(self, later: _Sample, whole_us: float, outcome: Outcome) -> Cost:
        requests = later.requests - self.requests
        elapsed_s = later.at_s - self.at_s
        used = {pid: cpu - self.cpu_s.get(pid, 0.0) for pid, cpu in later.cpu_s.items()}
        return Cost(
            steady_us=sum(used.values()) / requests * 1e6,
            main_us=max(used.values()) / requests * 1e6,
            whole_us=whole_us,
            rate_tps=requests / elapsed_s,
            server_share=(later.server_cpu_s - self.server_cpu_s) / elapsed_s,
            client_share=sum(used.values()) / elapsed_s,
            outcome=outcome,
        )
