"""CPU and memory of the generator, the target and the host, once a second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import psutil

from squall.metrics.collectors.samples import SampleSeries
from squall.models import SystemMetrics

SAMPLE_PERIOD_S = 1.0

GENERATOR, TARGET, HOST = "generator", "target", "host"

Pids = Callable[[], Iterable[int]]


@dataclass(slots=True)
class _Usage:
    """CPU seconds of each process of a tree at the last sample, by (pid, start time)."""

    cpu_s: dict[tuple[int, float], float] = field(default_factory=dict)
    at_s: float | None = None


class HostCollector:
    """Samples process trees and the whole host.

    ``target_pids`` gives the root processes of the target (none for a foreign service). The
    generator is this process and everything below it that is not the target's. Memory is
    resident set size; pages that processes share are counted in each of them. For the host it is
    what is not available to new programs.
    """

    def __init__(self, target_pids: Pids, generator_pid: int | None = None) -> None:
        self._target_pids = target_pids
        self._generator_pid = os.getpid() if generator_pid is None else generator_pid
        self._usage = {GENERATOR: _Usage(), TARGET: _Usage()}
        self._host: tuple[float, float, float] | None = None
        self._series: dict[str, SampleSeries] = {}

    def sample(self, at_s: float) -> tuple[SystemMetrics, ...]:
        """Take and keep one sample of each source; the first call only starts the CPU clocks.

        Takes some milliseconds. ``at_s`` must rise.
        """
        tree = _ProcessTree.read()
        target = tree.below(self._target_pids())
        own = [p for p in tree.below([self._generator_pid]) if p not in target]
        samples = [
            sample
            for sample in (
                self._tree_sample(GENERATOR, own, at_s),
                self._tree_sample(TARGET, target, at_s) if target else None,
                self._host_sample(at_s, len(tree)),
            )
            if sample is not None
        ]
        for sample in samples:
            self._series.setdefault(sample.source, SampleSeries()).add(sample)
        return tuple(samples)

    @property
    def means(self) -> Mapping[str, SystemMetrics]:
        """Mean over the run by source."""
        return {
            source: mean
            for source, series in self._series.items()
            if (mean := series.mean) is not None
        }

    @property
    def samples(self) -> tuple[SystemMetrics, ...]:
        """All series, by time."""
        return tuple(
            sorted(
                (point for series in self._series.values() for point in series.points),
                key=lambda point: (point.at_s, point.source),
            )
        )

    def _tree_sample(
        self, source: str, processes: list[psutil.Process], at_s: float
    ) -> SystemMetrics | None:
        usage = self._usage[source]
        used_s, rss_bytes, now = 0.0, 0, {}
        for process in processes:
            try:
                with process.oneshot():
                    times, rss = process.cpu_times(), process.memory_info().rss
                    key = (process.pid, process.create_time())
            except psutil.Error:
                continue
            now[key] = times.user + times.system
            # A process first seen now worked only since the last sample, so all of it counts.
            used_s += now[key] - usage.cpu_s.get(key, 0.0)
            rss_bytes += rss
        last_s, usage.at_s, usage.cpu_s = usage.at_s, at_s, now
        if last_s is None or at_s <= last_s or not now:
            return None
        share = _memory_share(rss_bytes)
        return SystemMetrics(
            source=source,
            at_s=round(at_s, 3),
            cpu_cores=round(max(0.0, used_s) / (at_s - last_s), 3),
            rss_bytes=rss_bytes,
            processes=len(now),
            cores_available=_cores(),
            memory_share=share,
            memory_max_share=share,
        )

    def _host_sample(self, at_s: float, processes: int) -> SystemMetrics | None:
        times = psutil.cpu_times()
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        # Guest time is inside user time already, and time stolen by other guests is not ours.
        busy_s = times.user + times.nice + times.system
        busy_s += getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)
        stolen_s = getattr(times, "steal", 0.0)
        last, self._host = self._host, (busy_s, idle_s, stolen_s)
        if last is None:
            return None
        busy, idle, stolen = (now - then for now, then in zip(self._host, last, strict=True))
        memory = psutil.virtual_memory()
        used_bytes = memory.total - memory.available
        share = busy / (busy + idle) if busy + idle > 0 else 0.0
        all_s = busy + idle + stolen
        stolen_share = max(0.0, stolen / all_s) if all_s > 0 else 0.0
        return SystemMetrics(
            source=HOST,
            at_s=round(at_s, 3),
            cpu_cores=round(max(0.0, share) * (psutil.cpu_count() or 1), 3),
            rss_bytes=used_bytes,
            processes=processes,
            cores_available=psutil.cpu_count() or 1,
            stolen_cores=round(stolen_share * (psutil.cpu_count() or 1), 4),
            memory_share=_memory_share(used_bytes),
            memory_max_share=_memory_share(used_bytes),
        )


def _memory_share(used_bytes: int) -> float:
    """A part of the host's memory; shared pages that are counted twice may take it above 1."""
    return round(used_bytes / psutil.virtual_memory().total, 4)


def _cores() -> int:
    """Cores that this process may use: fewer than the host's inside a CPU set."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _ProcessTree:
    """The host's processes and their children, read in one pass."""

    def __init__(self, by_pid: dict[int, psutil.Process], children: dict[int, list[int]]) -> None:
        self._by_pid = by_pid
        self._children = children

    @classmethod
    def read(cls) -> _ProcessTree:
        by_pid: dict[int, psutil.Process] = {}
        children: dict[int, list[int]] = {}
        for process in psutil.process_iter(["ppid"]):
            by_pid[process.pid] = process
            children.setdefault(process.info["ppid"], []).append(process.pid)
        return cls(by_pid, children)

    def __len__(self) -> int:
        return len(self._by_pid)

    def below(self, roots: Iterable[int]) -> list[psutil.Process]:
        """The processes of these pids and everything below them; those gone are left out."""
        found: dict[int, psutil.Process] = {}
        waiting = list(roots)
        while waiting:
            pid = waiting.pop()
            if pid in self._by_pid and pid not in found:
                found[pid] = self._by_pid[pid]
                waiting.extend(self._children.get(pid, ()))
        return list(found.values())
