"""The clock and the processor: how finely, how punctually and how undisturbed work is done here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from squall.cli.doctor.check import Check, Grade, graded

CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
STAT = Path("/proc/stat")
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
SLOW_CLOCKS = frozenset({"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"})
_GAP_NS = 200_000
"""A pause of more than this in a loop that does nothing else was somebody else's doing."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """How late a sleep of one millisecond woke, in microseconds."""

    p50_us: float
    p99_us: float
    max_us: float


def cores(available: int | None = None, quota_file: Path = CPU_QUOTA) -> Check:
    """Cores this process may use, and a container's quota of them."""
    count = len(os.sched_getaffinity(0)) if available is None else available
    quota = _quota(quota_file)
    usable = count if quota is None else min(float(count), quota)
    limited = f", limited to {quota:g} by the container" if quota and quota < count else ""
    return graded(
        "cores",
        usable,
        warn_below=2,
        problem_below=0,
        found=f"{count}{limited}",
        advice="generator and target share a core here: send to a target on another machine,"
        " or expect the generator to be the limit",
        values={"cores": float(count), "quota_cores": quota},
    )


def clock_source(path: Path = CLOCK_SOURCE, cost_ns: float | None = None) -> Check:
    """The kernel's clock and what one reading costs (``cost_ns`` stands in for measuring it)."""
    try:
        name = path.read_text().strip()
    except OSError:
        name = "unknown"
    cost = _reading_cost_ns() if cost_ns is None else cost_ns
    resolution_ns = time.get_clock_info("monotonic").resolution * 1e9
    slow = name in SLOW_CLOCKS or cost > 1_000
    return Check(
        "clock",
        Grade.WARNING if slow else Grade.GOOD,
        f"{name}, resolution {resolution_ns:g} ns, {cost:.0f} ns a reading",
        "reading this clock is slow and costs the generator rate; choose tsc where the machine"
        " allows it"
        if slow
        else "",
        {"source": name, "resolution_ns": resolution_ns, "reading_ns": cost},
    )


def measure_jitter(
    seconds: float,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Jitter:
    """Sleep one millisecond at a time for ``seconds`` and note how late each waking was."""
    late = []
    end = clock_ns() + int(seconds * 1e9)
    while (before := clock_ns()) < end:
        sleep(0.001)
        late.append(clock_ns() - before - 1_000_000)
    late.sort()
    return Jitter(
        late[len(late) // 2] / 1e3,
        late[min(len(late) - 1, len(late) * 99 // 100)] / 1e3,
        late[-1] / 1e3,
    )


def punctuality(jitter: Jitter) -> Check:
    """Whether timers wake when they are due."""
    good = jitter.p99_us < 1_000
    return Check(
        "timers",
        Grade.GOOD if good else Grade.WARNING,
        f"wake {jitter.p50_us:,.0f} µs late, P99 {jitter.p99_us:,.0f} µs,"
        f" longest {jitter.max_us:,.0f} µs",
        ""
        if good
        else "the processor is shared or busy: sends will be late by this much; stop other work,"
        " or use a machine of your own",
        {"p50_us": jitter.p50_us, "p99_us": jitter.p99_us, "max_us": jitter.max_us},
    )


def stolen_share(before: str, after: str) -> float | None:
    """The share of processor time taken by other virtual machines between two /proc/stat texts.

    The first line is user, nice, system, idle, iowait, irq, softirq, steal, … in ticks (proc(5)).
    """
    first, second = _ticks(before), _ticks(after)
    if len(first) < 8 or len(second) < 8:
        return None
    total = sum(second[:8]) - sum(first[:8])
    return (second[7] - first[7]) / total if total > 0 else None


def lost_share(seconds: float, clock_ns: Callable[[], int] = time.perf_counter_ns) -> float:
    """The share of ``seconds`` in which a busy loop did not run: taken by others or the kernel."""
    start = previous = clock_ns()
    end = start + int(seconds * 1e9)
    lost = 0
    while previous < end:
        now = clock_ns()
        if now - previous > _GAP_NS:
            lost += now - previous
        previous = now
    return lost / (previous - start)


def quiet(stolen: float | None, lost: float) -> Check:
    """Whether the processor is ours when we want it."""
    good = lost < 0.03 and (stolen or 0) < 0.02
    told = "unknown" if stolen is None else f"{stolen:.1%}"
    return Check(
        "processor noise",
        Grade.GOOD if good else Grade.WARNING,
        f"{lost:.1%} of a busy second lost, {told} stolen by other machines",
        ""
        if good
        else "other work runs here: repeat runs and compare medians, or use a quieter machine",
        {"lost_share": lost, "stolen_share": stolen},
    )


def _quota(path: Path) -> float | None:
    """Cores allowed by a version 2 control group: ``<quota> <period>``, or ``max`` for all."""
    try:
        quota, period = path.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _ticks(stat: str) -> list[int]:
    first = stat.splitlines()[0].split() if stat else []
    return [int(word) for word in first[1:]] if first[:1] == ["cpu"] else []


def _reading_cost_ns() -> float:
    rounds = 20_000
    start = time.perf_counter_ns()
    for _ in range(rounds):
        time.perf_counter_ns()
    return (time.perf_counter_ns() - start) / rounds
