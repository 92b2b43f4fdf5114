"""Probes and faults in words, for every kind of report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from squall.models import FaultRecord, ProbeResult, TestResults
from squall.results.figures import DASH, count, milliseconds, percent, rate, seconds, words

PROBE_HEAD = ("Probe", "What it does", "Measured")
FAULT_HEAD = ("Fault", "What went wrong", "From", "To")


def probe_rows(results: TestResults) -> list[tuple[str, str, str]]:
    """Name, what it does, and its figures as one text."""
    return [(words(probe.name), probe.what, _measured(probe)) for probe in results.probes]


def fault_rows(results: TestResults) -> list[tuple[str, str, str, str]]:
    """Name, what went wrong, and seconds from the start of the load."""
    return [
        (words(fault.name), _what(fault), _moment(fault.began_s), _moment(fault.ended_s))
        for fault in results.faults
    ]


def _measured(probe: ProbeResult) -> str:
    parts = [_figure(name, value) for name, value in probe.figures.items() if value is not None]
    latency = probe.latency_ms
    if latency.count:
        parts.append(f"P50 {milliseconds(latency.p50)}, P95 {milliseconds(latency.p95)}")
    if probe.problem:
        parts.append(probe.problem)
    return "; ".join([*parts, *probe.notes]) or "not measured"


def _figure(name: str, value: float) -> str:
    """One figure with its name, in the unit that the name's end states."""
    stem, _, unit = name.removesuffix("_max").rpartition("_")
    most = " at most" if name.endswith("_max") else ""
    shown = _UNITS.get(unit)
    if shown is None or not stem:
        number = count(int(value)) if value == int(value) else f"{value:.3g}"
        return f"{words(name)} {number}"
    return f"{words(stem)} {shown(value)}{most}"


def _per_second(value: float) -> str:
    return rate(value).replace(" TPS", "/s")


_UNITS: Mapping[str, Callable[[float], str]] = {
    "share": percent,
    "tps": _per_second,
    "ms": milliseconds,
    "s": seconds,
}


def _what(fault: FaultRecord) -> str:
    return f"{fault.what}; {fault.problem}" if fault.problem else fault.what


def _moment(at_s: float | None) -> str:
    return DASH if at_s is None else seconds(at_s)
