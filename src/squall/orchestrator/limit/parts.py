"""Which part of a target is full: CPU of its processes by what they do.

A target that squall launched names its processes. They are sampled once a second while a run is
under way; what counts is the busiest stretch, because a run also connects, calibrates and drains.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol, runtime_checkable

import psutil

from squall.models import Finding, PlatformSetup, Severity, TestResults
from squall.orchestrator.ports import OpenTarget, Progress, TargetSession
from squall.results.figures import percent

SAMPLE_PERIOD_S = 1.0
LOADED_SHARE = 0.8
"""A second counts when the parts used at least this share of what they used in the busiest one."""
FULL_PROCESS = 0.85
"""Of one core: each of these processes does its work on one thread at a time."""
FULL_MACHINE = 0.93
THROTTLED_SHARE = 0.001
"""Share of records refused for throughput from which the shards are the limit."""


@dataclass(frozen=True, slots=True)
class PartUsage:
    """What the processes of one part used near the highest load of a run, in cores."""

    name: str
    cores: float
    busiest: float
    """Of the busiest single process."""
    processes: int


Sample = Mapping[str, Mapping[int, float]]
"""Cores used by process id, by part."""


@runtime_checkable
class KnownProcesses(Protocol):
    """A session that names its processes."""

    def processes(self) -> Mapping[str, tuple[int, ...]]:
        """Process ids by what they do."""
        ...


class PartsWatch:
    """Samples the processes of a target while it is open for a run (an ``OpenTarget``)."""

    def __init__(self, open_target: OpenTarget, clock: Callable[[], float]) -> None:
        self._open_target = open_target
        self._clock = clock
        self._samples: list[Sample] = []

    def take(self) -> tuple[PartUsage, ...]:
        """What the last run used; empty where the target names no processes."""
        samples, self._samples = self._samples, []
        return usage_of(samples)

    @asynccontextmanager
    async def open(
        self, target: str, fields: frozenset[str], progress: Progress, setup: PlatformSetup
    ) -> AsyncIterator[TargetSession]:
        """The target, watched while it is open."""
        async with self._open_target(target, fields, progress, setup) as session:
            self._samples = []
            watching = asyncio.create_task(self._watch(session))
            try:
                yield session
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, session: TargetSession) -> None:
        if not isinstance(session, KnownProcesses):
            return
        before: dict[int, float] = {}
        before_s = self._clock()
        while True:
            parts = {
                name: {pid: cpu_s for pid in pids if (cpu_s := _cpu_s(pid)) is not None}
                for name, pids in session.processes().items()
            }
            now_s = self._clock()
            if before:
                self._samples.append(
                    {
                        name: {
                            pid: (cpu_s - before.get(pid, cpu_s)) / (now_s - before_s)
                            for pid, cpu_s in used.items()
                        }
                        for name, used in parts.items()
                    }
                )
            before = {pid: cpu_s for used in parts.values() for pid, cpu_s in used.items()}
            before_s = now_s
            await asyncio.sleep(SAMPLE_PERIOD_S)


def _cpu_s(pid: int) -> float | None:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def usage_of(samples: Sequence[Sample]) -> tuple[PartUsage, ...]:
    """Means over the busiest seconds, the part that used most first."""
    totals = [sum(sum(used.values()) for used in sample.values()) for sample in samples]
    peak = max(totals, default=0.0)
    busy = [
        sample
        for sample, total in zip(samples, totals, strict=True)
        if peak and total >= LOADED_SHARE * peak
    ]
    found = []
    for name in dict.fromkeys(name for sample in busy for name in sample):
        used = [sample.get(name, {}) for sample in busy]
        pids = {pid for one in used for pid in one}
        if not pids:
            continue
        means = [fmean(one.get(pid, 0.0) for one in used) for pid in pids]
        found.append(PartUsage(name, sum(means), max(means), len(pids)))
    return tuple(sorted(found, key=lambda part: -part.cores))


def full_part(parts: tuple[PartUsage, ...], results: TestResults) -> Finding | None:
    """The part that was full, named; None where none was, or no process is known.

    Shards first: a stream that refuses records is full whatever the processors do.
    """
    services = results.services
    throttled = None if services is None else services.kinesis.write_throttled_share
    if throttled is not None and throttled > THROTTLED_SHARE:
        return _finding(
            "shards",
            "The stream's shards were the limit",
            f"the stream refused {percent(throttled, 2)} of the records for throughput",
            "Give the stream more shards, or spread its partition keys better.",
        )
    if not parts:
        return None
    everything = "; ".join(told(part) for part in parts) + _generator(results)
    full = max(parts, key=lambda part: part.busiest)
    if full.busiest >= FULL_PROCESS:
        which = full.name if full.processes == 1 else f"one of the {full.processes} {full.name}"
        return _finding(
            full.name,
            f"The {full.name} was the limit"
            if full.processes == 1
            else f"The {full.name} were the limit",
            f"{which} used {full.busiest:.2f} of its one core; near the highest load: {everything}",
            "More cores do not help a process that is full: make it cheaper for each transaction, "
            "or run more of it.",
        )
    host = results.resources.get("host")
    if host is None or host.cpu_cores < FULL_MACHINE * host.cores_available:
        return None
    generator = results.resources.get("generator")
    own_cores = sum(part.cores for part in parts) + (generator.cpu_cores if generator else 0.0)
    who = parts[0].name if own_cores >= 0.5 * host.cpu_cores else "other programs"
    return _finding(
        f"machine CPU, mostly {who}",
        f"The machine's processors were the limit, and {_the(who)} used most of them",
        f"{host.cpu_cores:.2f} of {host.cores_available} cores in use; near the highest load: "
        f"{everything}",
        "Give the machine more cores, or parts of the target a machine of their own.",
    )


def _the(who: str) -> str:
    return who if who.startswith("other ") else f"the {who}"


def told(part: PartUsage) -> str:
    """A part's use in words."""
    many = "" if part.processes == 1 else f" ({part.processes} processes)"
    return f"{part.name} {part.cores:.2f} cores{many}"


def _generator(results: TestResults) -> str:
    usage = results.resources.get("generator")
    return "" if usage is None else f"; generator {usage.cpu_cores:.2f} cores"


def _finding(component: str, title: str, evidence: str, recommendation: str) -> Finding:
    return Finding(
        kind="bottleneck",
        severity=Severity.WARNING,
        component=component,
        title=title,
        evidence=evidence,
        impact="A higher rate makes decisions later, not more numerous.",
        recommendation=recommendation,
    )
