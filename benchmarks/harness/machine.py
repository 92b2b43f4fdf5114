"""Facts about the machine, and how quiet it was while something was measured."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict


class Machine(BaseModel):
    """What a reader needs to place a figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    virtual: bool

    def text(self) -> str:
        """One line for the page."""
        kind = ", virtual" if self.virtual else ""
        return (
            f"{self.cores} cores of {self.cpu}{kind}; {self.memory_gib:.0f} GiB; "
            f"{self.system}; Python {self.python}"
        )


class Noise(BaseModel):
    """What else went on in the machine; shares of all cores' time, in percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    load_average_before: float
    """Runnable processes over the minute before the measurement."""
    steal_percent: float
    """Time that the hypervisor gave to somebody else."""


def describe_machine() -> Machine:
    """This machine's facts."""
    cpu, flags = _processor()
    return Machine(
        cpu=cpu,
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        python=platform.python_version(),
        virtual="hypervisor" in flags,
    )


def _processor() -> tuple[str, frozenset[str]]:
    name, flags = platform.processor() or platform.machine(), frozenset[str]()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() == "flags":
                flags = frozenset(value.split())
    return name, flags


@dataclass(frozen=True, slots=True)
class _Times:
    total_s: float
    steal_s: float


class NoiseMeter:
    """Measures steal time from its making until ``read``."""

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]
        self._start = _cpu_times()

    def read(self) -> Noise:
        """The noise so far."""
        now = _cpu_times()
        total = max(now.total_s - self._start.total_s, 1e-9)
        return Noise(
            load_average_before=round(self._load, 2),
            steal_percent=round(100 * (now.steal_s - self._start.steal_s) / total, 2),
        )


def _cpu_times() -> _Times:
    times = psutil.cpu_times()
    return _Times(sum(times[:8]), float(getattr(times, "steal", 0.0)))
