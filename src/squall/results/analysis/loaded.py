"""What the busiest part of a run looked like: a ramp's idle seconds prove nothing."""

from __future__ import annotations

from statistics import fmean

from squall.models import Second, SystemMetrics, TestResults

LOADED_SHARE = 0.8
"""A second is loaded when it planned at least this share of the busiest second's transactions."""


def loaded_seconds(results: TestResults) -> tuple[Second, ...]:
    """The seconds near peak load."""
    peak = max((second.planned for second in results.seconds), default=0)
    return tuple(s for s in results.seconds if peak and s.planned >= LOADED_SHARE * peak)


def loaded_usage(results: TestResults, source: str) -> SystemMetrics | None:
    """Mean use of ``source`` in the loaded seconds; the whole run's mean without samples there."""
    seconds = {second.at_s for second in loaded_seconds(results)}
    samples = [s for s in results.resource_samples if s.source == source and int(s.at_s) in seconds]
    if not samples:
        return results.resources.get(source)
    return SystemMetrics(
        source=source,
        at_s=samples[0].at_s,
        cpu_cores=fmean(s.cpu_cores for s in samples),
        rss_bytes=round(fmean(s.rss_bytes for s in samples)),
        processes=max(s.processes for s in samples),
        cores_available=max(1, samples[-1].cores_available),
        stolen_cores=fmean(s.stolen_cores for s in samples),
        memory_share=fmean(s.memory_share for s in samples),
        memory_max_share=max(s.memory_max_share for s in samples),
    )


def cpu_share(usage: SystemMetrics) -> float:
    """Share of the available cores in use, 0 … 1."""
    return usage.cpu_cores / max(1, usage.cores_available)
